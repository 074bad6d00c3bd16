"""Decide what the readings of all sentences come to, once the whole text has been read.

A sentence alone cannot say everything. Three things show only in the whole text:

* A value that the source gives about something else is no wrong value of a claim that the text states rightly. "Your
  journey of 2 June" and, further down, "the changes of 19 July came after your journey": the journey is stated, and
  rightly.
* A superseded value that only ownership ties to a claim is wrong if the text does not state the claim rightly as well.
* What is read with doubt neither states nor contradicts anything.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from forge_arena.texts.sentences import contains_whole, lower
from forge_arena.types import Claim, ClaimKind, Standing
from forge_arena.verify.passages import section_of_form
from forge_arena.verify.reading import Reading

PlacedReading: TypeAlias = tuple[int, Reading]


def settle(
    readings: list[PlacedReading], claims: Mapping[str, Claim], rights: Mapping[str, str | None], text: str
) -> list[PlacedReading]:
    """The readings that count, each with the place where its sentence starts.

    `rights` is what `right_names` gives for the claims.

    A reading whose `doubtful` is set counts for nothing. The caller reports its claim as doubtful.
    """
    are_right = [_is_right(reading, rights[reading.claim]) for _, reading in readings]
    stated = {
        reading.claim
        for (_, reading), is_right in zip(readings, are_right, strict=True)
        if is_right and not reading.past and not reading.doubtful
    }
    settled: list[PlacedReading] = []
    for (offset, reading), is_right in zip(readings, are_right, strict=True):
        if reading.doubtful:
            continue
        if reading.past or is_right:
            settled.append((offset, reading))
            continue
        claim = claims[reading.claim]
        if claim.kind is ClaimKind.citation:
            if not (reading.elsewhere and _cites_rightly(claim, text)):
                settled.append((offset, reading))
        elif claim.kind is ClaimKind.term and claim.id in stated and _is_elsewhere(reading, claim):
            # The text says as well what is right: "Tier 1 ... while tier 2 begins at $5,000".
            continue
        elif claim.id not in stated:
            settled.append((offset, reading))
        elif reading.elsewhere and reading.owner is not None:
            owner = claims[reading.owner]
            settled.append((offset, reading._replace(claim=owner.id, alternatives=(owner.right.name,), owned=True)))
        elif not (reading.elsewhere or reading.owned):
            settled.append((offset, reading))
    return settled


def decides(reading: Reading, claim: Claim) -> bool:
    """Whether a reading breaks its claim, whatever else the text says: `settle` lets it count in every text."""
    if reading.past or reading.doubtful or reading.elsewhere or reading.owned or claim.of is not None:
        return False
    return claim.right.name not in reading.alternatives and not (
        claim.kind is ClaimKind.term and _is_elsewhere(reading, claim)
    )


def _is_elsewhere(reading: Reading, claim: Claim) -> bool:
    return all(claim.alternative(name).standing is Standing.elsewhere for name in reading.alternatives)


def right_names(claims: Iterable[Claim]) -> dict[str, str | None]:
    """The name of the right alternative of each claim; None for an option's property, of which each option has one."""
    return {claim.id: claim.right.name if claim.of is None else None for claim in claims}


def _is_right(reading: Reading, right: str | None) -> bool:
    return bool(reading.alternatives) if right is None else right in reading.alternatives


def _cites_rightly(claim: Claim, text: str) -> bool:
    """Whether the text cites the right authority of a claim somewhere."""
    low = lower(text)
    forms = [lower(form) for form in claim.right.forms]
    numbers = [number for form in forms if (number := section_of_form(form)) is not None]
    return any(contains_whole(low, form) for form in (*forms, *numbers))
