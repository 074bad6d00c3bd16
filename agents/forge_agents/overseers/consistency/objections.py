"""What a reader holds against an answer, and how strongly."""

from dataclasses import dataclass

from forge_arena.types import CorruptionType

# How many times likelier a reader makes such an objection to a wrong answer than to a right one.
STRONG = 6.0
CLEAR = 2.5


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing in an answer that may be wrong.

    Attributes:
        type: the corruption that would explain it.
        strength: how many times likelier this objection is against a wrong answer than against a right one.
        quote: the words of the answer that may be wrong; for an omission, the words of the source that are missing.
        against: what speaks against the answer: a sentence of the source or of the task.
        why: what is wrong, in words.
        repair: the whole answer with the repair, if the reader can make one.
    """

    type: CorruptionType
    strength: float
    quote: str
    against: str
    why: str
    repair: str | None = None
