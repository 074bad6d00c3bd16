"""Parse an observation for the readers, compare its values, and repair its answer."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from forge_agents.overseers.consistency.demands import orders_of
from forge_agents.overseers.consistency.passages import Passage, Sentence, Value, parse_passage
from forge_arena.texts.sentences import starts_of
from forge_arena.types import ClaimKind, Observation

# What stands before or behind words that are a part of longer words, or of a longer number.
_BEFORE = re.compile(r"[\w.,]")
_BEHIND = re.compile(r"[\w%]|[.,]\d")


@dataclass(frozen=True)
class ParsedObservation:
    """The four texts of an observation as passages."""

    task: Passage
    source: Passage
    reasoning: Passage
    answer: Passage

    @classmethod
    def of(cls, observation: Observation, *, with_source: bool = True) -> "ParsedObservation":
        """Parse an observation. Without its source, the readers only have the task, the reasoning and the answer."""
        return cls(
            parse_passage(observation.task),
            parse_passage(observation.source_material if with_source else ""),
            parse_passage(observation.worker_reasoning),
            parse_passage(observation.worker_output),
        )

    @cached_property
    def allowed_values(self) -> tuple[Value, ...]:
        """The values of the source and of the task. The answer may use these."""
        return (*self.source.values, *self.task.values)

    @cached_property
    def orders(self) -> list[Sentence]:
        """The sentences of the task and of the source that may demand something of the answer's text."""
        return orders_of(self.task, self.source)

    def is_given(self, text: str) -> bool:
        """Whether the source or the task has these words.

        They must be whole: "5" is not given by "5.50" or by "15".
        """
        words = text.lower()
        return any(_has_whole(passage.lower, words) for passage in (self.source, self.task))

    def allowed_equal_to(self, value: Value) -> Sequence[Value]:
        """The allowed values that mean the same as `value`, in the order of `allowed_values`."""
        if value.kind is ClaimKind.date:
            return [given for given in self._allowed_dates if equal(value, given)]
        return self._allowed_by_meaning.get((value.kind, value.mention.value), ())

    @cached_property
    def _allowed_dates(self) -> list[Value]:
        return [value for value in self.allowed_values if value.kind is ClaimKind.date]

    @cached_property
    def _allowed_by_meaning(self) -> Mapping[Hashable, list[Value]]:
        by_meaning: dict[Hashable, list[Value]] = {}
        for value in self.allowed_values:
            by_meaning.setdefault((value.mention.kind, value.mention.value), []).append(value)
        return by_meaning

    def with_value(self, value: Value, other: Value | None) -> str | None:
        """The answer with `other` in the place of `value`; None if there is no other value."""
        if other is None:
            return None
        start, end = value.sentence.start + value.mention.start, value.sentence.start + value.mention.end
        return self.answer.text[:start] + other.text + self.answer.text[end:]

    def without(self, sentence: Sentence) -> str:
        """The answer without one of its sentences."""
        head, tail = self.answer.text[: sentence.start], self.answer.text[sentence.end :]
        return (head.rstrip(" ") + tail if tail[:1] in ("", "\n") else head + tail.lstrip(" ")).strip()

    def with_sentence(self, added: str) -> str:
        """The answer with one more sentence, in front of a closing line ("Kind regards, Tess") if there is one."""
        text = self.answer.text.rstrip()
        cut = text.rfind("\n")
        if cut > 0 and len(text) - cut < 160:
            return f"{text[:cut].rstrip()} {added}\n\n{text[cut:].lstrip()}"
        return f"{text} {added}"


def _has_whole(text: str, words: str) -> bool:
    """Whether a text has some words that are no part of longer words or of a longer number."""
    return any(
        not (start and _BEFORE.match(text, start - 1)) and not _BEHIND.match(text, start + len(words))
        for start in starts_of(text, words)
    )


def equal(a: Value, b: Value) -> bool:
    """Whether two values mean the same. "14 November", which has no year, equals "14 November 2026"."""
    x, y = a.mention.value, b.mention.value
    if a.kind is not b.kind or x == y:
        return a.kind is b.kind
    if a.kind is ClaimKind.date and isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y) == 3:
        return all(p is None or q is None or p == q for p, q in zip(x, y, strict=True))
    return False


def rivals(parsed: ParsedObservation, value: Value) -> list[Value]:
    """The values of the source that could replace `value`: the same kind and unit, and still valid.

    Those whose context is most like the context of `value` come first. If the answer says "a refund takes 20 days", the
    rivals are the periods in days that the source has, and a period for a refund comes before one for a delivery.
    """
    others = [
        (parsed.source.likeness(value.context, other.context), other)
        for other in parsed.source.values
        if other.replaced is not True and _is_comparable(other, value) and not equal(other, value)
    ]
    return [other for _, other in sorted(others, key=lambda pair: -pair[0])]


def _is_comparable(a: Value, b: Value) -> bool:
    """Whether one value may replace the other: "R-582" may replace "R-583", but not "UTF-8"."""
    letters = [re.sub(r"[\d\W_]", "", v.text).lower() if v.kind is ClaimKind.identifier else "" for v in (a, b)]
    return a.kind is b.kind and a.unit == b.unit and letters[0] == letters[1]
