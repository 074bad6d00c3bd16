"""Define an objection of a reader to an answer, and its strength."""

from dataclasses import dataclass

from forge_arena.types import CorruptionType

# The strength of an objection: P(objection | wrong answer) / P(objection | right answer).
STRONG = 6.0
CLEAR = 2.5


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing in an answer that may be wrong.

    Attributes:
        type: the corruption that would explain it.
        strength: P(objection | wrong answer) / P(objection | right answer), such as `STRONG`.
        quote: the words of the answer that may be wrong; for an omission, the words of the source that are missing.
        against: the sentence of the source or of the task that contradicts the answer.
        why: the mistake in words.
        repair: the whole answer with the repair, None if the reader can make no repair.
    """

    type: CorruptionType
    strength: float
    quote: str
    against: str
    why: str
    repair: str | None = None
