"""Turn a statement round wherever an answer makes it: what is allowed, what comes first, how far it reaches, who acts.

A claim whose right form is a whole statement has no value that could be exchanged. Its wrong alternative is the
statement turned (`Standing.turned`). The answer keeps its own words: "members are allowed to bring a guest" becomes
"members are not allowed to bring a guest". A sentence that cannot be turned without a seam is no place.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from forge_arena.corruptions.draft import Draft, Edit, apply
from forge_arena.texts.fitting import Replacement
from forge_arena.texts.sentences import sentences
from forge_arena.texts.turning import Sense, is_turned
from forge_arena.texts.turns import turns
from forge_arena.types import Alternative, Claim, Standing
from forge_arena.verify.whole_statements import Agreement, WholeStatements, profile_of

# What an answer that turns a statement does wrong: it puts last what comes first, or takes a side.
ORDERS = frozenset({Sense.time})
SIDES = frozenset({Sense.duty, Sense.bound, Sense.party})


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
    for form in claim.right.forms:
        if surface.rstrip(".") == form.rstrip("."):
            return (Edit(start, start + len(form.rstrip(".")), alternative.forms[0].rstrip(".")),)
    turned = is_turned(claim.right.forms[0], alternative.forms[0])
    if turned is None:
        return None
    verb = profile_of(claim.right.forms[0], alternative.forms[0]).verb
    for first, last in sentences(surface):
        for replacements in turns(surface[first:last], turned, verb):
            edits = tuple(_placed(replacements, first))
            changed, _ = apply(surface, edits)
            readings = list(known.read(changed, sentences(changed), claim))
            if readings and all(reading.agreement is Agreement.turned for reading in readings):
                return tuple(Edit(start + e.start, start + e.end, e.text) for e in edits)
    return None


def _placed(replacements: Iterable[Replacement], offset: int) -> Iterator[Edit]:
    for replacement in replacements:
        yield Edit(replacement.start + offset, replacement.end + offset, replacement.text)
