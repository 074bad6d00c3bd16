"""Turn a statement round wherever an answer makes it: what is allowed, what comes first, how far it reaches, who acts.

A claim whose right form is a whole statement has no value that could be exchanged. Its wrong alternative is the
statement turned (`Standing.turned`). The answer keeps its own words: "members are allowed to bring a guest" becomes
"members are not allowed to bring a guest". A sentence that cannot be turned without a seam is no place. Nor is a
sentence whose neighbour goes along with the old sense alone ("... and they may not park there either").
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from forge_arena.corruptions.draft import Draft, Edit, apply
from forge_arena.texts.clauses import clauses
from forge_arena.texts.fitting import Replacement
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
    return tuple(edits) if edits else None


def _turned_place(
    draft: Draft, claim: Claim, alternative: Alternative, known: WholeStatements, start: int, end: int
) -> tuple[Edit, ...] | None:
    surface = draft.text[start:end]
    turned = is_turned(claim.right.forms[0], alternative.forms[0])
    for form in claim.right.forms:
        if surface.rstrip(".") == form.rstrip("."):
            if turned is not None and turned.sense is Sense.duty and _is_echoed_behind(draft.text, end, turned):
                return None
            return (Edit(start, start + len(form.rstrip(".")), alternative.forms[0].rstrip(".")),)
    if turned is None:
        return None
    verb = profile_of(claim.right.forms[0], alternative.forms[0]).verb
    for first, last in sentences(surface):
        for made in turns(surface[first:last], turned, verb):
            replacements = _without_commands(surface[first:last], made)
            if replacements is None:
                continue
            if turned.sense is Sense.duty and _shows(draft.text, (start + first, start + last), replacements, turned):
                continue
            edits = _cased_as_source(draft, start, tuple(_placed(replacements, first)))
            changed = None if edits is None else apply(surface, edits)[0]
            if edits is None or changed is None:
                continue
            readings = list(known.read(changed, sentences(changed), claim))
            if readings and all(reading.agreement is Agreement.turned for reading in readings):
                return tuple(Edit(start + e.start, start + e.end, e.text) for e in edits)
    return None


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
    if _is_echoed_behind(text, span[1], turned):
        return True
    if turned.after in DENIALS and re.search(r"\bplease\b", sentence, re.IGNORECASE):
        return True
    return turned.before == Modality.must.value and _DETAIL.search(sentence, last.end) is not None


def _is_echoed_behind(text: str, end: int, turned: Turned) -> bool:
    """Whether the next sentence of the paragraph goes along with the old sense alone."""
    after = text[end:].split("\n", 1)[0].lstrip(" .")
    if _NEXT_ECHO.search(" ".join(after.split()[:_FIRST_WORDS])):
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
