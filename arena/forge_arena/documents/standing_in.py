"""Say whether a wrong value can stand in the place of a right one.

The sentence must stay English, it must become false, and it must not contradict what stands beside it. What is read:

* the form: a single value, a range ("7 to 14 days") and a choice ("12 or 18 months") do not stand for one another;
* the bound: "at least 2 months" is true where "at least 6 months" is, so a lower bound only moves up;
* the other end: "at least 90 days but no more than 10 days" is impossible;
* the case: who is 50 days late has passed 42 days, and would not have passed 168 days. So no value of the task lies
  between the right value and the wrong one.
"""

import re
from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from enum import Enum
from typing import Any

from forge_arena.documents.values import Value, places_of
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import mentions, same_amount
from forge_arena.types import ClaimKind
from forge_arena.verify.bounds import Side, bound_at, bound_named

_DAYS_OF = {"second": Decimal(1) / 86_400, "day": Decimal(1), "month": Decimal(365) / 12}
_CHOICE = re.compile(r"\w or (?:\d|[a-z])", re.IGNORECASE)


class Form(Enum):
    """How many values a value gives, and how they are joined."""

    single = "a single value"
    range = "a range"
    choice = "a choice of values"


def form_of(value: Value) -> Form:
    ends = _ends(value.meaning)
    if ends is None or ends[0] == ends[1]:
        return Form.single
    return Form.choice if _CHOICE.search(value.surface) else Form.range


class Place:
    """The place of a right value: the statement that gives the value, and the sentence of the source.

    Args:
        task: the task of which the statement is an answer.
        label: what the statement is about.
    """

    def __init__(self, text: str, task: str, label: str, statement: str, value: Value) -> None:
        self._value = value
        self._in_task = [m for line in task.splitlines() for m in mentions(line) if m.kind is value.kind]
        self._sentences = (statement, _sentence_at(text, value.span.start))
        self._side = self._side_of(label)

    def why_not(self, other: Value) -> str | None:
        """Why another value cannot stand here; None if it can."""
        if self._value.kind is ClaimKind.date and _parts(self._value.meaning) != _parts(other.meaning):
            return "it has other parts of a date than the value"
        if form_of(other) is not form_of(self._value):
            return f"it is {form_of(other).value}, and the value {form_of(self._value).value}"
        if any(_passes_other_end(sentence, self._value, other) for sentence in self._sentences):
            return "it would pass the other end of the range"
        if any(_is_between(mention.value, self._value.meaning, other.meaning) for mention in self._in_task):
            return "a value of the task lies between it and the value"
        return None

    def contradicts(self, other: Value) -> bool:
        """Whether another value makes the statement false, and not only weaker: "at least 2 months" for "6 months"."""
        mine, others = _ends(self._value.meaning), _ends(other.meaning)
        if self._side is None or mine is None or others is None:
            return True
        return others[0] > mine[0] if self._side is Side.least else others[1] < mine[1]

    def contradicting_first(self, others: Iterable[Value]) -> Iterator[Value]:
        """The values that can stand here and make the statement false; if there are none, those that weaken it."""
        values = [value for value in others if self.why_not(value) is None]
        yield from [value for value in values if self.contradicts(value)] or values

    def _side_of(self, label: str) -> Side | None:
        for sentence in self._sentences:
            for span in places_of(sentence, self._value):
                bound = bound_at(sentence, span.start, span.end)
                if bound is not None:
                    return bound.side
        bound = bound_named(label)
        return None if bound is None else bound.side


def _passes_other_end(sentence: str, value: Value, other: Value) -> bool:
    """Whether a value that takes the place of another in a sentence leaves no room to the other end there."""
    for span in places_of(sentence, value):
        bound, size = bound_at(sentence, span.start, span.end), _size(other.meaning)
        if bound is None or size is None:
            continue
        for mention in mentions(sentence):
            end = bound_at(sentence, mention.start, mention.end)
            limit = _size(same_amount(mention.value))
            if (
                mention.kind is value.kind
                and not (mention.start < span.end and span.start < mention.end)
                and end is not None
                and end.side is not bound.side
                and limit is not None
                and limit[1] == size[1]
                and (limit[0] <= size[0] if bound.side is Side.least else limit[0] >= size[0])
            ):
                return True
    return False


def _is_between(limit: Hashable, one: Hashable, other: Hashable) -> bool:
    """Whether a value lies between two others. Values are compared only in one unit, dates only with the same parts."""
    orders = [_order(same_amount(value)) for value in (limit, one, other)]
    if any(order is None or orders[0] is None or order[0] != orders[0][0] for order in orders):
        return False
    at, *ends = (order[1] for order in orders if order is not None)
    return min(ends) < at < max(ends)


def _order(meaning: Any) -> tuple[Hashable, tuple[Any, ...]] | None:
    """(what it is measured in, how large it is); None for a range and for what has no size."""
    if isinstance(meaning, tuple) and len(meaning) == 3 and isinstance(meaning[1], int):
        return _parts(meaning), tuple(part for part in meaning if part is not None)
    size = _size(meaning)
    return None if size is None else (size[1], size[:1])


def _ends(meaning: Any) -> tuple[Decimal, Decimal] | None:
    """The least and the greatest amount of a value; None for a date or a name."""
    if isinstance(meaning, tuple) and meaning and isinstance(meaning[0], Decimal):
        return meaning[0], meaning[-2] if len(meaning) == 3 else meaning[0]
    return None


def _parts(meaning: Any) -> tuple[bool, ...]:
    """Which of year, month and day a date gives."""
    return tuple(part is not None for part in meaning)


def _size(meaning: Hashable) -> tuple[Decimal, str] | None:
    """(amount, unit) in a unit in which hours, days and months can be compared; None for a range."""
    ends = _ends(meaning)
    if ends is None or ends[0] != ends[1] or not isinstance(meaning, tuple):
        return None
    unit = str(meaning[-1])
    return (ends[0] * _DAYS_OF[unit], "day") if unit in _DAYS_OF else (ends[0], unit)


def _sentence_at(text: str, at: int) -> str:
    return next((text[start:end] for start, end in sentences(text) if start <= at < end), "")
