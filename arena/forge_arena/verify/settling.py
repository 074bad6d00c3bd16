"""Decide what the readings of all sentences come to, once the whole text has been read.

A sentence alone cannot say everything. Three things show only in the whole text:

* A value that the source gives about something else is no wrong value of a claim that the text states rightly. "Your journey
  of 2 June" and, further down, "the changes of 19 July came after your journey": the journey is stated, and rightly.
* A superseded value that only ownership ties to a claim is wrong if the text does not state the claim rightly as well.
* What is read with doubt neither states nor contradicts anything.
"""

from collections.abc import Mapping

from forge_arena.types import Claim
from forge_arena.verify.sentence_reader import Reading


def settle(readings: list[tuple[int, Reading]], claims: Mapping[str, Claim]) -> list[tuple[int, Reading]]:
    """The readings that count, each with the place where its sentence starts."""
    stated = {
        reading.claim
        for _, reading in readings
        if not reading.past and not reading.doubtful and _is_right(reading, claims[reading.claim])
    }
    return [
        (offset, reading)
        for offset, reading in readings
        if not reading.doubtful and not (reading.claim in stated and _is_beside_the_point(reading, claims[reading.claim]))
    ]


def _is_right(reading: Reading, claim: Claim) -> bool:
    if claim.of is not None:
        return bool(reading.alternatives)
    return claim.right.name in reading.alternatives


def _is_beside_the_point(reading: Reading, claim: Claim) -> bool:
    """Whether a reading says nothing of a claim that the text states rightly elsewhere."""
    if reading.past or _is_right(reading, claim):
        return False
    return reading.owned or (reading.borne and not reading.alternatives)
