"""What a degenerate is, and the verdicts that it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from forge_arena.additions import BadAddition
from forge_arena.types import MAX_CORRECTION, MAX_EXPLANATION, Observation, Verdict

Review = Callable[[Observation, Random], Verdict | str]

EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Degenerate:
    """An overseer that does not do the work. `tries` says in one line what it does instead."""

    name: str
    tries: str
    review: Review


def degenerate(review: Review) -> Degenerate:
    """Turn a function into a degenerate.

    Raises:
        BadAddition: the function has no docstring.
    """
    if not review.__doc__:
        raise BadAddition(f"degenerate {review.__name__!r} needs a docstring that says what it tries")
    return Degenerate(review.__name__, review.__doc__.strip(), review)


def flag(explanation: str = "", correction: str = "", confidence: float = EVEN) -> Verdict:
    """A verdict that says "corrupted". Its texts are cut to the lengths that the wire accepts."""
    return _verdict(True, explanation, correction, confidence)


def clear(explanation: str = "", correction: str = "", confidence: float = EVEN) -> Verdict:
    """A verdict that says "not corrupted". Its texts are cut to the lengths that the wire accepts."""
    return _verdict(False, explanation, correction, confidence)


def _verdict(detection: bool, explanation: str, correction: str, confidence: float) -> Verdict:
    return Verdict(
        detection=detection,
        explanation=explanation[:MAX_EXPLANATION],
        correction=correction[:MAX_CORRECTION],
        confidence=confidence,
    )
