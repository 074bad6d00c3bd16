"""An observation as the readers see it, what a reader may find in it, and how two values are compared."""

import re
from dataclasses import dataclass
from functools import cached_property

from forge_agents.overseers.consistency.passages import Passage, Sentence, Value, read
from forge_arena.types import ClaimKind, CorruptionType, Observation

STRONG = 6.0
CLEAR = 2.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong. `strength` is how many times likelier a reader finds such a thing in a wrong answer
    than in a right one.

    `quote` stands in the answer, or for an omission in the source; `against` is what speaks against it; `repair` is the
    whole answer put right, where that can be done.
    """

    type: CorruptionType
    strength: float
    quote: str
    against: str
    why: str
    repair: str | None = None


@dataclass(frozen=True)
class Case:
    """An observation, read. Without `source` the readers only have the task, the reasoning and the answer."""

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
    def given(self) -> tuple[Value, ...]:
        return (*self.source.values, *self.task.values)

    def is_given(self, text: str) -> bool:
        """Whether the source or the task has these words, and not only as a part of a longer number or word."""
        whole = re.compile(rf"(?<![\w.,]){re.escape(text.lower())}(?![\w%]|[.,]\d)")
        return any(whole.search(passage.lower) for passage in (self.source, self.task))

    def with_value(self, value: Value, other: Value | None) -> str | None:
        """The answer with another value in the place of one."""
        if other is None:
            return None
        start, end = value.sentence.start + value.mention.start, value.sentence.start + value.mention.end
        return self.answer.text[:start] + other.text + self.answer.text[end:]

    def without(self, sentence: Sentence) -> str:
        head, tail = self.answer.text[: sentence.start], self.answer.text[sentence.end :]
        return (head.rstrip(" ") + tail if tail[:1] in ("", "\n") else head + tail.lstrip(" ")).strip()

    def with_sentence(self, added: str) -> str:
        """The answer with a sentence more, before a closing line if there is one."""
        text = self.answer.text.rstrip()
        cut = text.rfind("\n")
        if cut > 0 and len(text) - cut < 160:
            return f"{text[:cut].rstrip()} {added}\n\n{text[cut:].lstrip()}"
        return f"{text} {added}"


def equal(a: Value, b: Value) -> bool:
    """Whether two values mean the same; a date without its year equals that day in any year."""
    x, y = a.mention.value, b.mention.value
    if a.kind is not b.kind or x == y:
        return a.kind is b.kind
    if a.kind is ClaimKind.date and isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y) == 3:
        return all(p is None or q is None or p == q for p, q in zip(x, y, strict=True))
    return False


def rivals(case: Case, value: Value) -> list[Value]:
    """Other values of the kind and unit in the source that may hold now, those in the likest context first."""
    found = [
        (case.source.likeness(value.context, other.context), other)
        for other in case.source.values
        if other.replaced is not True and _is_comparable(other, value) and not equal(other, value)
    ]
    return [other for _, other in sorted(found, key=lambda pair: -pair[0])]


def _is_comparable(a: Value, b: Value) -> bool:
    """Whether one may stand in the place of the other: "R-582" in that of "R-583", but not of "UTF-8"."""
    letters = [re.sub(r"[\d\W_]", "", v.text).lower() if v.kind is ClaimKind.identifier else "" for v in (a, b)]
    return a.kind is b.kind and a.unit == b.unit and letters[0] == letters[1]
