"""What a sentence says of a claim at one place: the value that the readers of sentences make.

"Refunds take 5 days (section 3.4)" holds two readings: one of the claim about the time, and one of the claim about the
passage.
"""

from typing import NamedTuple

from forge_arena.texts.values import Mention
from forge_arena.types import ClaimKind

# Kinds that a text states by an accepted spelling. The other kinds are stated by a value, however it is spelled.
SPELLED_KINDS = frozenset({ClaimKind.identifier, ClaimKind.term, ClaimKind.citation, ClaimKind.option})
# Kinds that no single sentence states.
WHOLE_TEXT_KINDS = frozenset({ClaimKind.constraint, ClaimKind.behaviour})


class Reading(NamedTuple):
    """What a sentence says of one claim at one place.

    Attributes:
        claim: the claim's id.
        alternatives: the names of the alternatives that fit; several if options share a value, none if no alternative
            fits.
        start: where the words begin in the sentence.
        end: where the words end in the sentence.
        past: whether the sentence speaks of the alternative as past, or of an option as rejected.
        option: the option of which the place speaks, if the sentence names it.
        owned: whether nothing but the value itself says that it belongs to the claim (see `ownership`).
        elsewhere: whether the words around it are those that stand around it in the source, where the source gives it
            for something else than the claim.
        owner: the claim that it states rightly if it is given for that claim instead.
        doubtful: whether it can be read otherwise just as well.
        beside: whether it is a wrong value that the sentence gives for the claim beside the right one.
    """

    claim: str
    alternatives: tuple[str, ...]
    start: int
    end: int
    past: bool
    option: str | None
    owned: bool = False
    elsewhere: bool = False
    owner: str | None = None
    doubtful: bool = False
    beside: bool = False


class ReadSentence(NamedTuple):
    """What a sentence says of claims, by place, and its values and citations that say nothing right of any claim.

    Attributes:
        unassigned: the values that say nothing of any claim.
        loose_citations: the places of the citations that say nothing of any claim.
        other_citations: the places of the citations that are read for a claim, and right for none.
        stems: the stems by which the claims are known, as far as they begin a word of the sentence.
    """

    readings: tuple[Reading, ...]
    unassigned: tuple[Mention, ...]
    loose_citations: tuple[tuple[int, int], ...] = ()
    other_citations: tuple[tuple[int, int], ...] = ()
    stems: frozenset[str] = frozenset()


def without_contained(readings: list[Reading]) -> list[Reading]:
    """The readings without every reading that lies inside a longer reading of the same claim."""
    if len(readings) < 2:
        return list(readings)
    return [reading for reading in readings if not any(_contains(other, reading) for other in readings)]


def _contains(outer: Reading, inner: Reading) -> bool:
    return (
        outer.claim == inner.claim
        and outer.start <= inner.start
        and inner.end <= outer.end
        and (outer.end - outer.start) > (inner.end - inner.start)
    )
