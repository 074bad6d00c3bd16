"""Let an author who writes as "we" write as "I", or the other way round.

A person writes "I recommend the tent". Only a museum closes at eight and has exhibition rooms, so "we close at eight"
is no place for an "I". Every "we" of the answer must be one that a single person could say.
"""

import re

from forge_arena.corruptions.draft import Draft, Edit
from forge_arena.verify.code import code_blocks

_TO_SINGULAR = {
    "we are": "I am", "we're": "I'm", "we were": "I was", "we've": "I've", "we'll": "I'll", "we'd": "I'd", "we": "I",
    "are we": "am I", "were we": "was I", "us": "me", "our": "my", "ours": "mine", "ourselves": "myself",
}  # fmt: skip
_TO_PLURAL = {
    "i am": "we are", "i'm": "we're", "i was": "we were", "i've": "we've", "i'll": "we'll", "i'd": "we'd", "i": "we",
    "am i": "are we", "was i": "were we", "me": "us", "my": "our", "mine": "ours", "myself": "ourselves",
}  # fmt: skip
# What the writer of an answer does: thinks, says, reads, and works on what was asked.
_DOES = (
    "add|advise|agree|answer|apologi[sz]e|appreciate|approve|arrange|ask|attach|be|been|believe|call|can|cannot|"
    "can['\u2019]t|"
    "change|check|choose|chose|chosen|compare|confirm|could|did|do|don['\u2019]t|draft|drop|email|enclose|expect|"
    "explain|fear|feel|find|fix|follow|found|gather|go|guess|had|have|hear|help|hope|include|keep|know|leave|like|"
    "list|look|love|make|may|mean|meet|mention|merge|might|miss|must|need|note|notice|pick|picked|point|prefer|"
    "propose|put|quote|read|recommend|regret|rely|remind|replace|reply|review|ring|rule|said|saw|say|see|select|send|"
    "set|shall|should|"
    "should['\u2019]ve|"
    "show|shut|sort|spot|start|suggest|summari[sz]e|suppose|take|tell|test|thank|think|thought|took|treat|trust|try|"
    "understand|"
    "use|wait|want|weigh|welcome|will|wish|won['\u2019]t|work|would|wouldn['\u2019]t|write|wrote"
)
_IS = (
    "able|afraid|always|asking|available|aware|certain|confident|convinced|delighted|excited|glad|going|grateful|"
    "happy|here|hoping|inclined|keen|looking|not|only|pleased|proud|replying|sending|sorry|sure|suggesting|thankful|"
    "unable|unsure|wondering|writing"
)
# What the writer does with words, but the house does with money: "we take the cost back from your salary".
_OF_HOUSE = (
    "add|approve|arrange|ask|call|change|drop|follow|include|keep|leave|make|must|need|put|read|replace|select|send|"
    "set|show|shut|take|took|treat|use"
)
_MONEY = (
    r"[^.;:!?\n]*(?:[$\u20ac\u00a3]\s?\d|\b(?:costs?|fees?|deposits?|salary|wages?|pay|payments?|refunds?|charges?|"
    r"accounts?|"
    r"invoices?|rent|dues|prices?|discounts?|credits?|money|balance|tax|vat)\b)"
)
_ADVERBS = r"(?:(?:also|always|certainly|do|just|only|really|kindly|simply|still|then|therefore|would|will|\w+ly) )*"
# What a single writer has, too, at work or at home.
_OURS = (
    "account|address|boss|builds?|case|client|code|colleagues?|company|contract|data|device|employer|laptop|manager|"
    "name|own|"
    "part|personal|phone|product|project|side|team|tests?|users?|work|"
    "advice|answer|apologies|attention|best|choice|comments?|congratulations|conclusion|email|impression|kind(?:est)?|"
    "knowledge|letter|mistake|note|notes|opinion|pick|points?|preference|proposal|questions?|reading|recommendation|"
    "regards|"
    "remarks?|reply|review|sincere|suggestions?|summary|sympathy|thanks|understanding|view|warm(?:est)?|wishes|words"
)
_TO_US = "ask|by|call|contact|email|from|give|help|inform|let|phone|reach|remind|ring|send|show|tell|to|with"


def speak_as_one(draft: Draft) -> tuple[Edit, ...] | None:
    """Say "I" for "we" everywhere; None if some "we" does, is or has what a single writer does not."""
    edits = _change_person(draft, _TO_SINGULAR)
    if edits is None or not all(_is_of_writer(draft.text, edit) for edit in edits):
        return None
    return edits


def speak_as_many(draft: Draft) -> tuple[Edit, ...] | None:
    """Say "we" for "I" everywhere."""
    return _change_person(draft, _TO_PLURAL)


def _is_of_writer(text: str, edit: Edit) -> bool:
    """Whether a "we", "us" or "our" may be the writer of the answer alone."""
    old, before, behind = text[edit.start : edit.end].lower(), text[: edit.start], text[edit.end :].lstrip("* ")
    if old == "us":
        return re.search(rf"\b(?:{_TO_US})(?:e?d|e?s|ing)?\W+$", before, re.IGNORECASE) is not None
    if old == "our":
        return re.match(rf"(?:{_OURS})\b", behind, re.IGNORECASE) is not None
    if old in ("ours", "ourselves"):
        return False
    if old in ("we are", "we're", "we were"):
        return re.match(rf"{_ADVERBS}(?:{_IS})\b", behind) is not None
    words = re.match(rf"{_ADVERBS}(?P<first>[\w'\u2019]+)(?: (?:not )?{_ADVERBS}(?P<second>[a-z]+))?", behind)
    if old in ("are we", "were we") or words is None:
        return False
    is_modal = re.fullmatch(
        r"can|cannot|can['\u2019]t|could|may|might|must|shall|should|will|won['\u2019]t|would", words["first"]
    )
    verb = words["second"] if is_modal and words["second"] else words["first"]
    if re.fullmatch(_OF_HOUSE, verb) and re.match(_MONEY, behind[words.end() :], re.IGNORECASE):
        return False
    return re.fullmatch(_DOES, verb) is not None


def _change_person(draft: Draft, words: dict[str, str]) -> tuple[Edit, ...] | None:
    """Let the author speak as the other person everywhere, with the verbs that go along."""
    pattern = re.compile(
        r"(?<![\w'./`])(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + r")(?![\w'/`])",
        re.IGNORECASE,
    )
    blocks = code_blocks(draft.text)
    edits: list[Edit] = []
    for match in pattern.finditer(draft.text):
        if any(block.start <= match.start() < block.end for block in blocks):
            continue
        new = words[match[0].lower()]
        opens = match[0][0].isupper() and (match[0][0] != "I" or _opens_sentence(draft, match.start()))
        edits.append(Edit(match.start(), match.end(), new[0].upper() + new[1:] if opens else new))
    return tuple(edits) or None


def _opens_sentence(draft: Draft, place: int) -> bool:
    before = draft.text[:place].rstrip(" *_\"'(>-")
    return not before or (before[-1] in ".!?\n:" and not draft.text[:place].rstrip(" ").endswith(":"))
