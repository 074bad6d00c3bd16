"""Say what a sentence or a clause is by its shape: whether it has a verb, is whole, and leans on what stands before it.

Only closed classes of English are known here, and a list of common verbs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from forge_arena.texts.pointing_back import points_back


@dataclass(frozen=True, slots=True)
class Joint:
    """Where two clauses of a sentence meet. `is_shared`: the second clause has the subject of the first."""

    start: int
    end: int
    is_shared: bool


# A pronoun among so many first words of a sentence may stand for something in the sentence before.
FIRST_WORDS = 10
FINITE = (
    "is|are|was|were|has|have|had|can|could|may|might|must|will|would|shall|should|does|do|did|need|needs|cannot|"
    "applies|asks|becomes|begins|brings|buys|carries|closes|comes|costs|counts|covers|decides|delivers|ends|expires|falls|"
    "follows|gets|gives|goes|holds|includes|keeps|lapses|lasts|lets|makes|offers|opens|owes|pays|provides|reaches|remains|"
    "renews|requires|rises|runs|says|sells|sends|serves|shows|sits|stands|starts|stays|takes|uses|wants|weighs|works"
)
# Case counts: "May" is a month.
_VERB = re.compile(rf"\b(?:{FINITE})\b")
SUBJECT = (
    r"(?:it|they|we|you|he|she|I|there|the|a|an|this|that|these|those|your|our|my|its|their|no|any|every|each|all|some|"
    r"anyone|whoever|[A-Z][\w'-]+)"
)
# What leans on the sentence or clause before it.
_LEANS = re.compile(
    r"^[\W_]*(?:it|its|this|that|these|those|they|them|their|he|she|his|her|such|so|also|then|"
    r"there(?! (?:is|are|was|were|has|have)\b)|here|both|neither|"
    r"either|otherwise|however|therefore|hence|thus|instead|but|and|or|nor|yet|as such|in that case|in this case|if so|"
    r"if not|for the same|under the same|the same|the latter|the former|the other|another|"
    r"the day (?:after|before)|on the (?:day|following)|the next|the following|"
    r"further(?! to\b)|additional(?:ly)?|others?|(?:for )?the (?:rest|remainder|remaining)|"
    r"(?:all|any|every|in all|in any) other|"
    r"beyond (?:that|this)|apart from (?:that|this)|besides (?:that|this)|later|failing (?:that|this)|"
    r"after that|before that|meanwhile|afterwards|until "
    r"then|from then|on top|in addition|besides|furthermore|moreover|likewise|similarly|again|nothing else|everything "
    r"else|anything else|anyone else|one of|for this|for that|in return|that said|the exception|the one)\b",
    re.IGNORECASE,
)
# What joins a sentence to those before it, wherever it stands: "The sellers may therefore earn more."
_GOES_ON = re.compile(
    r"\b(?:therefore|thus|hence|accordingly|consequently|instead|however|nevertheless|otherwise|afterwards?|beforehand|"
    r"thereafter|meanwhile|likewise|by contrast|in turn|as well|too|again|"
    r"(?:after|before|until|since|by|from|beyond|besides|with|of|for|in|on|at|to|within|under) "
    r"(?:that|this|these|those|it|them|then)|of such [a-z]+|"
    r"the (?:first|second|third|last|latter|former|other|next|same|rest|remaining|two|three|others))\b",
    re.IGNORECASE,
)
ANAPHOR = re.compile(r"^(?:it|its|this|that|these|those|they|them|their|so|then|he|she|both|which|who)\b", re.I)
_REFERS = re.compile(r"\b(?:it|its|this|that|these|those|they|them|their|he|she|him|her|such|so|same)\b")
# "each holder sweeps": behind such a word stands one thing, so a word in -s is what the thing does.
_ONE_DOES = re.compile(r"(?:a|an|each|every|any|no|either|neither) [a-z-]+ (?!is\b|its\b)[a-z]{2,}s\b")
_INCOMPLETE = re.compile(
    r"\b(?:is|are|was|were|be|been|being|has|have|had|must|may|can|will|shall|should|comes?|falls?|lies?|stands?|valid|due|"
    r"available|open|replies|reply|answers?|responds?|arrives?|made|given|put|done|decides?|belongs?|refers?|relates?|amounts?|lives?|brought|lasts?|"
    r"runs?|takes?|ends?|begins?|starts?|expires?|goes|go|kept|not|only|and|or|to|of|"
    r"aimed|based|bound|calculated|called|capped|composed|depending|designed|due|entitled|equipped|expected|intended|known|"
    r"likely|limited|located|meant|planned|prior|rated|related|reserved|restricted|scheduled|situated|subject|such|supposed|"
    r"used|than|as)$",
    re.IGNORECASE,
)


def leans(text: str) -> bool:
    """Whether a sentence or a clause refers to what stands before it."""
    return _LEANS.search(text) is not None


def goes_on(text: str) -> bool:
    """Whether a sentence has a word, wherever it stands, that joins it to what stands before it."""
    return _GOES_ON.search(text) is not None


def follows_alone(text: str, spans: Sequence[tuple[int, int]], number: int) -> bool:
    """Whether the sentence behind a sentence does not lean on it. A sentence of another paragraph leans rarely."""
    if number + 1 >= len(spans):
        return True
    following = text[slice(*spans[number + 1])]
    between = text[spans[number][1] : spans[number + 1][0]]
    if re.search(
        r"\b(?:it|they|them|this|these|those|none|then|also|too|same|that(?= is| was| has))\b",
        " ".join(following.split()[:FIRST_WORDS]),
    ) or points_back(following):
        return False
    return "```" not in following and not (leans(following) and ("\n\n" not in between or ANAPHOR.match(following)))


def is_referred_to(text: str, spans: Sequence[tuple[int, int]], number: int) -> bool:
    """Whether the next sentence begins with a word that may stand for all that this sentence says."""
    following = text[slice(*spans[number + 1])] if number + 1 < len(spans) else ""
    return (
        re.search(r"^(?:This|That|These|Those|So|Then|Both|Such)\b|\b(?:same|that|this) reason\b", following)
        is not None
    )


def refers_back(text: str) -> bool:
    """Whether a clause has a pronoun that may stand for something outside of it."""
    return _REFERS.search(text) is not None


def is_incomplete(text: str) -> bool:
    """Whether a text breaks off behind a verb or a word that wants more: "the repair is"."""
    return _INCOMPLETE.search(text) is not None


def has_verb(text: str) -> bool:
    """Whether a text has a finite verb, as far as a list of common verbs tells."""
    return _VERB.search(text) is not None


def begins_with_verb(text: str) -> bool:
    """Whether a text begins with a finite verb: "is not the card"."""
    return _VERB.match(text) is not None


def clause_joints(text: str, start: int, end: int) -> list[Joint]:
    """The places between `start` and `end` of a sentence where a clause with a verb of its own begins."""
    joints: list[Joint] = []
    for match in re.finditer(r"; |,? (?:and|but|or) ", text[start:end]):
        a, b = start + match.start(), start + match.end()
        if is_inside(text, (start, end), a):
            continue
        behind = text[b:end]
        is_shared = re.match(rf"(?:{FINITE})\b", behind) is not None and not match[0].startswith(";")
        is_whole = re.match(rf"{SUBJECT}\b", behind) is not None and match[0].startswith((";", ","))
        is_apart = match[0].startswith(";") and has_verb(behind)
        if is_shared or is_apart or (is_whole and (has_verb(behind) or _ONE_DOES.match(behind))):
            joints.append(Joint(a, b, is_shared))
    return joints


def subject_of(text: str) -> str:
    """The simple subject with which a clause begins; empty if the clause begins otherwise."""
    match = re.match(
        rf"((?:The|A|An|Your|Our|Each|Every) (?:[\w'-]+ ?){{1,2}}|(?:[A-Z][\w'-]+ ?){{1,3}})(?<= )(?={FINITE})", text
    )
    subject = match[1].strip() if match else ""
    return "" if re.fullmatch(r"It|They|This|That|These|Those|He|She|There|We|You|I", subject) else subject


def is_inside(text: str, span: tuple[int, int], at: int) -> bool:
    before = text[span[0] : at]
    return before.count("(") > before.count(")") or before.count('"') % 2 == 1 or before.count("`") % 2 == 1
