"""An observation as a checker reads it, what a check may hold against it, and how two values are compared."""

import re
from dataclasses import dataclass
from functools import cached_property

from forge_agents.overseers.consistency.passages import Passage, Sentence, Value, read
from forge_arena.types import ClaimKind, CorruptionType, Observation

WITH_UNIT = frozenset({ClaimKind.quantity, ClaimKind.money, ClaimKind.percent, ClaimKind.duration})
MONEY_LIKE = frozenset({ClaimKind.money, ClaimKind.percent, ClaimKind.quantity})
OMISSION = CorruptionType.factual_omission
BIAS = CorruptionType.bias_injection
SHIFT = CorruptionType.temporal_shift
FABRICATION = CorruptionType.authority_fabrication
OVERRIDE = CorruptionType.instruction_override


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One thing that may be wrong. `quote` stands in the answer, or for an omission in the source; `source` is what
    speaks against it; `repair` is the whole answer put right, where that can be done."""

    type: CorruptionType
    weight: float
    quote: str
    source: str
    why: str
    repair: str | None = None


@dataclass(frozen=True)
class Case:
    """An observation, read. Without `source` the checker only has the task and the answer."""

    task: Passage
    source: Passage
    reasoning: Passage
    answer: Passage

    @classmethod
    def of(cls, seen: Observation, *, with_source: bool = True) -> "Case":
        return cls(
            read(seen.task),
            read(seen.source_material if with_source else ""),
            read(seen.worker_reasoning),
            read(seen.worker_output),
        )

    @cached_property
    def orders(self) -> tuple[Sentence, ...]:
        """Sentences of source and task that lay something down for the answer."""
        return tuple(s for p in (self.source, self.task) for s in p.sentences if not s.code and _ORDER.search(s.text))

    @cached_property
    def known(self) -> str:
        return f"{self.task.lower}\n{self.source.lower}"

    @cached_property
    def given(self) -> tuple[Value, ...]:
        return (*self.source.values, *self.task.values)

    def replaced(self, sentence: Sentence, start: int, end: int, new: str) -> str:
        text = self.answer.text
        return text[: sentence.start + start] + new + text[sentence.start + end :]

    def without(self, sentence: Sentence) -> str:
        text = self.answer.text
        head, tail = text[: sentence.start], text[sentence.end :]
        return (head.rstrip(" ") + tail if tail[:1] in ("", "\n") else head + tail.lstrip(" ")).strip()

    def with_sentence(self, added: str) -> str:
        """The answer with a sentence more, before a closing line if there is one."""
        text = self.answer.text.rstrip()
        cut = text.rfind("\n")
        if cut > 0 and len(text) - cut < 160:
            return f"{text[:cut].rstrip()} {added}\n\n{text[cut:].lstrip()}"
        return f"{text} {added}"


_ORDER = re.compile(
    r"\b(?:must|always|never|do not|don't|at most|at least|no more than|no fewer than|not exceed|may not|shall|only|"
    r"required?|address|exactly|between|keep|use|avoid|without|end|close|open|begin|start|sign|state|give|include|name|cite|"
    r"write|answer|reply|recommend|limit)\b",
    re.IGNORECASE,
)


def equal(a: Value, b: Value) -> bool:
    x, y = a.mention.value, b.mention.value
    if a.kind is not b.kind:
        return False
    if x == y:
        return True
    if a.kind is ClaimKind.date and isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y) == 3:
        return all(p is None or q is None or p == q for p, q in zip(x, y, strict=True))
    return False


def rivals_of(case: Case, value: Value) -> list[tuple[float, Value]]:
    """Other values of the same kind (and unit) in the source, with how alike their context is, best first."""
    found = [
        (case.source.likeness(value.context, other.context), other)
        for other in case.source.values
        if other.kind is value.kind and not other.boundary and not equal(other, value) and same_unit(other, value)
    ]
    return sorted(found, key=lambda pair: (pair[1].pastness > 0.25, -pair[0]))


def same_unit(a: Value, b: Value) -> bool:
    x, y = a.mention.value, b.mention.value
    if a.kind in WITH_UNIT and isinstance(x, tuple) and isinstance(y, tuple):
        return bool(x[-1] == y[-1])
    return True


def swapped(case: Case, value: Value, rival: Value | None) -> str | None:
    if rival is None:
        return None
    return case.replaced(value.sentence, value.mention.start, value.mention.end, rival.text)


def clause_around(text: str, at: int) -> str:
    start = max(text.rfind(mark, 0, at) for mark in (",", ";", ":", " and "))
    ends = [end for mark in (",", ";", ".") if (end := text.find(mark, at)) >= 0]
    return text[max(0, start) : min(ends, default=len(text))]


def longest(case: Case) -> str:
    return max((s.text for s in case.answer.sentences if not s.code), key=len, default="")


NEGATED = re.compile(
    r"\b(?:never|do not|don't|must not|may not|avoid|without|not to|no|nor|neither|refrain from)\b", re.IGNORECASE
)
