"""Turn a statement round wherever an answer makes it: what is allowed, what comes first, how far it reaches, who acts.

A claim whose right form is a whole statement has no value that could be exchanged. Its wrong alternative is the
statement turned (`Standing.turned`). The answer keeps its own words: "members are allowed to bring a guest" becomes
"members are not allowed to bring a guest". A sentence that cannot be turned without a seam is no place. Nor is a
sentence whose neighbour goes along with the old sense alone ("... and they may not park there either").
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from forge_arena.corruptions.announced import announce, surely_said
from forge_arena.corruptions.draft import Draft, Edit, apply
from forge_arena.corruptions.left_over import concludes_still, speaks_still
from forge_arena.texts.clauses import clauses
from forge_arena.texts.fitting import Replacement
from forge_arena.texts.leaning import has_verb
from forge_arena.texts.modality import Modality
from forge_arena.texts.sentences import sentences
from forge_arena.texts.turning import Sense, Turned, is_turned
from forge_arena.texts.turns import turns
from forge_arena.types import Alternative, Claim, Standing
from forge_arena.verify.whole_statements import Agreement, WholeStatements, profile_of

# What an answer that turns a statement does wrong: it puts last what comes first, or takes a side.
ORDERS = frozenset({Sense.time})
SIDES = frozenset({Sense.duty, Sense.bound, Sense.party})
DENIALS = frozenset({Modality.no.value, Modality.ban.value, Modality.exempt.value})

# What joins another clause to the sense that the turned clause had: "and may not park there either", "but you can".
_ECHO = re.compile(
    r"\b(?:neither|nor|likewise|also|still|even|but|however|instead|otherwise|unless|(?:al)?though|whereas|only|"
    r"(?:either|too|as well)(?=[.,;:)]|$))\b",
    re.IGNORECASE,
)
_NEXT_ECHO = re.compile(
    r"^(?:but|however|instead|otherwise|nor|neither|likewise|yet|even so|that said|in return)\b|"
    r"\b(?:still|instead|also)\b|\b(?:either|too)[.,;]",
    re.IGNORECASE,
)
# Why something is so, or what belongs to a thing that is demanded: "a note is required, with your name".
_REASON = re.compile(r"\b(?:because|since|so that)\b|, (?:so|as)\b", re.IGNORECASE)
_DETAIL = re.compile(
    r"[,;] (?:with|including|which|who|signed|together|along|namely|and (?:it|they|this|these))\b", re.IGNORECASE
)
# What the next sentence demands or allows of a thing that nobody may or must have any more.
_DEMANDS = re.compile(
    r"(?:it|they|this|these|that|those)\b[^.;]*\b(?:must|may|can|has to|have to|needs? to|should|required|allowed)\b",
    re.IGNORECASE,
)
# What the next sentence lets somebody do with a thing that is kept, or lost, in the turned sense: "you can use them".
_ALLOWS_WITH_IT = re.compile(
    r"\b(?:can|may|will|could|must|cannot)\b[^.;]*\b(?:it|them|those|both|either)\b", re.IGNORECASE
)
# What follows from breaking a rule. Nobody breaks what is allowed.
_BREACH = re.compile(
    r"\b(?:break(?:s|ing)?|breach\w*|violat\w+|infring\w+|contraven\w+|penalt(?:y|ies)|punish\w+|fine[ds]?|"
    r"disqualif\w+|sanction\w*|expel\w*|expulsion|ban(?:s|ned)?|forfeit\w*|offen[cs]es?|fail(?:s|ure|ing)|otherwise|"
    r"or else|anyone who does)\b",
    re.IGNORECASE,
)
# How far something is allowed. Nobody says how far it is not allowed: "not permitted, at a reasonable level".
_MANNER = re.compile(
    r"[,;] (?:at|in|on|with|under|within|away|up to|but|and|for|between|outside|during) |"
    r"\b(?:provided|providing|as long as|so long as|on condition|subject to|within reason|up to)\b",
    re.IGNORECASE,
)
# What goes along with an order in time.
_ORDER_ECHO = re.compile(
    r"\b(?:afterwards?|beforehand|after that|before that|until then|by then|only then|"
    r"not (?:before|after|earlier|later)|once (?:that|this|it|they)|"
    r"in advance|as soon as|immediately after)\b|^(?:then|finally|next,)(?!\w)",
    re.IGNORECASE,
)
# What a later sentence concludes from all that stands before it.
_CONCLUDES = re.compile(
    r"^\W*(?:so|therefore|hence|thus|accordingly|consequently|that is why|for (?:that|this) reason|"
    r"as a (?:result|consequence)|this means|that means|in other words)\b",
    re.IGNORECASE,
)
_FIRST_WORDS = 8
# Where an imperative begins: "Do not feed it", "After dusk, do not feed it", "- Please do not feed it".
_BEFORE_IMPERATIVE = re.compile(r"(?:^|[,.;:()*_-]|\b(?:and|or|but|please|then|so))\s*$", re.IGNORECASE)
_IMPERATIVE = re.compile(r"(?:(?:do not|don['\u2019]t) (?P<verb>[a-z]+)|never\b)", re.IGNORECASE)


@lru_cache(maxsize=8_192)
def sense_of(claim: Claim, alternative: Alternative) -> Sense | None:
    """What an alternative turns in the right form of a claim; None if it is no statement turned."""
    if alternative.standing is not Standing.turned or not alternative.forms or not claim.right.forms:
        return None
    turned = is_turned(claim.right.forms[0], alternative.forms[0])
    return None if turned is None else turned.sense


def turned_alternatives(claim: Claim, senses: Iterable[Sense]) -> tuple[Alternative, ...]:
    """The wrong alternatives of a claim that turn one of these senses."""
    return tuple(alternative for alternative in claim.wrong if sense_of(claim, alternative) in frozenset(senses))


def turn_freely(draft: Draft, claim: Claim, alternative: Alternative) -> tuple[Edit, ...] | None:
    """Turn a statement wherever the answer makes it; None if a place cannot be turned without a seam."""
    edits: list[Edit] = []
    known = WholeStatements.of(draft.scenario, claim)
    if any(reading.agreement is Agreement.unknown for reading in known.read(draft.text, sentences(draft.text), claim)):
        # A place that cannot be told would be left over, and would contradict the turned one.
        return None
    for finding in draft.report.of(claim.id):
        if finding.alternative != claim.right.name:
            continue
        edit = _turned_place(draft, claim, alternative, known, finding.start, finding.end)
        if edit is None:
            return None
        edits += edit
    return None if not edits or _is_borne_out_elsewhere(draft, claim, edits) else tuple(edits)


def _is_borne_out_elsewhere(draft: Draft, claim: Claim, edits: Iterable[Edit]) -> bool:
    """Whether another sentence speaks of the statement, or concludes from it, and would contradict the turned one."""
    turned = [span for span in draft.sentences if any(span.start <= edit.start < span.end for edit in edits)]
    if speaks_still(draft, claim, [Edit(span.start, span.end, "") for span in turned], surely=True):
        return True
    if concludes_still(draft, claim, [Edit(span.start, span.end, "") for span in turned]):
        # "We cannot take a copy instead. Copies are accepted."
        return True
    later = [span for span in draft.sentences if turned and span.start >= turned[0].end]
    return any(_CONCLUDES.match(span.of(draft.text)) for span in later)


def _turned_place(
    draft: Draft, claim: Claim, alternative: Alternative, known: WholeStatements, start: int, end: int
) -> tuple[Edit, ...] | None:
    surface = draft.text[start:end]
    turned = is_turned(claim.right.forms[0], alternative.forms[0])
    for form in claim.right.forms:
        if surface.rstrip(".") == form.rstrip("."):
            if turned is not None and turned.sense is Sense.duty and _is_echoed_behind(draft.text, end, turned):
                return None
            if turned is not None and turned.sense is Sense.time and _shows_order(draft.text, (start, end), end):
                return None
            said = surely_said(form.rstrip("."), alternative.forms[0].rstrip("."))
            return _announced(draft, Edit(start, start + len(form.rstrip(".")), said), turned)
    if turned is None:
        return None
    verb = profile_of(claim.right.forms[0], alternative.forms[0]).verb
    for first, last in sentences(surface):
        for made in turns(surface[first:last], turned, verb):
            commanded = _without_commands(surface[first:last], made)
            replacements = None if commanded is None else announce(surface[first:last], commanded, turned)
            if replacements is None:
                continue
            place = (start + first, start + last)
            if turned.sense is Sense.duty and _shows(draft.text, place, replacements, turned):
                continue
            if turned.sense is Sense.time and _shows_order(draft.text, place, start + first + replacements[-1].end):
                continue
            edits = _cased_as_source(draft, start, tuple(_placed(replacements, first)))
            changed = None if edits is None else apply(surface, edits)[0]
            if edits is None or changed is None:
                continue
            readings = list(known.read(changed, sentences(changed), claim))
            if readings and all(reading.agreement is Agreement.turned for reading in readings):
                return tuple(Edit(start + e.start, start + e.end, e.text) for e in edits)
    return None


def _announced(draft: Draft, edit: Edit, turned: Turned | None) -> tuple[Edit, ...] | None:
    """The edit of a statement to the letter, with what its sentence needs in front of the statement."""
    span = next((span for span in draft.sentences if span.start <= edit.start < span.end), None)
    if turned is None or span is None or draft.is_composed:
        return (edit,)
    own = (Replacement(edit.start - span.start, edit.end - span.start, edit.text),)
    made = announce(span.of(draft.text), own, turned)
    return None if made is None else tuple(_placed(made, span.start))


def _without_commands(sentence: str, replacements: tuple[Replacement, ...]) -> tuple[Replacement, ...] | None:
    """The replacements, with "you may feed it" in the place of "do not feed it"; None if there is no such way.

    "Feed it" would command what was forbidden, and nobody says that.
    """
    made = []
    for edit in replacements:
        command = _IMPERATIVE.match(sentence, edit.start)
        if command is None or not _BEFORE_IMPERATIVE.search(sentence[: edit.start]):
            made.append(edit)
            continue
        if command["verb"] is None or edit.text.lower() != command["verb"].lower():
            return None
        you = "You" if sentence[edit.start].isupper() else "you"
        made.append(Replacement(edit.start, edit.end, f"{you} may {command['verb']}"))
    return tuple(made)


def _shows(text: str, span: tuple[int, int], replacements: tuple[Replacement, ...], turned: Turned) -> bool:
    """Whether what stands beside a turned clause would show that the clause was turned."""
    sentence = text[slice(*span)]
    first, last = replacements[0], replacements[-1]
    others = [c.text for c in clauses(sentence) if c.end <= first.start or last.end <= c.start]
    joints = [sentence[max(0, c.start - 5) : c.start] for c in clauses(sentence) if last.end <= c.start]
    if any(_ECHO.search(other) for other in (*others, *joints)) or _REASON.search(sentence, last.end):
        return True
    explained, colon, _ = sentence[: first.start].rpartition(": ")
    if colon and has_verb(explained):
        # "Nobody can opt out: the data is required" gives the reason in front of its result.
        return True
    if turned.after in DENIALS and turned.before not in DENIALS and _MANNER.search(sentence, last.end):
        return True
    if turned.before in (*DENIALS, Modality.must.value) and _BREACH.search(sentence, last.end):
        return True
    if _is_echoed_behind(text, span[1], turned):
        return True
    if turned.after in DENIALS and re.search(r"\bplease\b", sentence, re.IGNORECASE):
        return True
    return turned.before == Modality.must.value and _DETAIL.search(sentence, last.end) is not None


def _shows_order(text: str, span: tuple[int, int], place: int) -> bool:
    """Whether what stands behind a place of a sentence goes along with the old order: "afterwards, it is put back"."""
    following = re.match(r"[\s*_.]*(?P<next>[^\n]*?)(?:[.!?:](?:\s|$)|\n|$)", text[span[1] :])
    return _ORDER_ECHO.search(text[place : span[1]]) is not None or (
        following is not None and _ORDER_ECHO.search(following["next"]) is not None
    )


def _is_echoed_behind(text: str, end: int, turned: Turned) -> bool:
    """Whether the next sentence of the paragraph goes along with the old sense alone."""
    after = text[end:].split("\n", 1)[0].lstrip(" .")
    if _NEXT_ECHO.search(" ".join(after.split()[:_FIRST_WORDS])):
        return True
    following = re.split(r"(?<=[.!?]) ", after, maxsplit=1)[0]
    if turned.before in (*DENIALS, Modality.must.value) and _BREACH.search(following):
        return True
    if _ALLOWS_WITH_IT.search(following):
        return True
    return turned.after in DENIALS and _DEMANDS.match(after) is not None


def _cased_as_source(draft: Draft, start: int, edits: tuple[Edit, ...]) -> tuple[Edit, ...] | None:
    """The edits, with a word that has its capital from the start of a sentence in small letters elsewhere.

    None if the source does not show whether the word is a name.
    """
    cased = []
    for edit in edits:
        before = draft.text[: start + edit.start].rstrip()
        words = edit.text
        is_first = (
            not before
            or before.endswith((".", ":", "!", "?", "-", "*"))
            or "\n" in draft.text[len(before) : start + edit.start]
        )
        if words[:1].isupper() and not is_first and draft.text[start + edit.start].islower():
            low = words[0].lower() + words[1:]
            if re.search(rf"(?<![\w'-]){re.escape(low)}(?![\w'-])", draft.scenario.source_material):
                words = low
            elif not re.search(rf"[a-z,] {re.escape(words)}(?![\w'-])", draft.scenario.source_material):
                return None
        cased.append(Edit(edit.start, edit.end, words))
    return tuple(cased)


def _placed(replacements: Iterable[Replacement], offset: int) -> Iterator[Edit]:
    for replacement in replacements:
        yield Edit(replacement.start + offset, replacement.end + offset, replacement.text)
