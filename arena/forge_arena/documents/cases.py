"""Say whether a task is of another case than the one to which the document gives a value.

Two things can be read without understanding the text. A bound: "bought before 1 September 2024" is not the case of a
task whose only date is 3 October 2024. And a name: if a fact is for the "Basic plan" and another value for the "Premium
plan", a task that speaks of the Premium plan alone is the other case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from forge_arena.texts.emphasis import without_emphasis
from forge_arena.texts.sentences import sentences
from forge_arena.texts.values import Mention, mentions
from forge_arena.texts.words import content
from forge_arena.types import ClaimKind

_LOWER = re.compile(
    r"\b(?:on or after|not before|no earlier than|no less than|not less than|at least|more than|over|above"
    r"|exceed(?:s|ing)?|greater than|longer than|after|since|from|minimum(?: of)?) (?:the )?$",
    re.IGNORECASE,
)
_UPPER = re.compile(
    r"\b(?:on or before|not after|no later than|no more than|not more than|not exceed(?:ing)?|at most|up to|less than"
    r"|fewer than|shorter than|under|below|before|prior to|until|by|maximum(?: of)?) (?:the )?$",
    re.IGNORECASE,
)
_BEFORE = 24
_OR_MORE = re.compile(r"^ (?:or (?:more|over|above|longer|later|after)|and (?:over|above|later))\b")
_OR_LESS = re.compile(r"^ (?:or (?:less|under|below|fewer|earlier|before)|and (?:under|earlier))\b")


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of what a case allows: values of a kind and unit that are at least, or at most, so much."""

    kind: ClaimKind
    unit: str
    at_least: bool
    limit: Decimal


def contradicts(task: str, passage: str) -> bool:
    """Whether every value of the task that a bound of the passage could be about lies on the other side of it."""
    amounts = list(_amounts(task))
    for bound in _bounds(passage):
        comparable = [amount for kind, unit, amount in amounts if (kind, unit) == (bound.kind, bound.unit)]
        if comparable and not any(
            high >= bound.limit if bound.at_least else low <= bound.limit for low, high in comparable
        ):
            return True
    return False


def speaks_of_another(task: str, case: str, other: str) -> bool:
    """Whether a task names the words of another case, and none of the words that set the fact's own case apart."""
    words = content(task)
    own, others = content(case) - content(other), content(other) - content(case)
    others = frozenset(word for word in others if not word[0].isdigit())
    own = frozenset(word for word in own if not word[0].isdigit())
    return bool(own) and bool(others) and others <= words and own.isdisjoint(words)


def _bounds(passage: str) -> Iterator[Bound]:
    passage = without_emphasis(passage)
    for start, end in sentences(passage):
        sentence = passage[start:end]
        for mention in mentions(sentence):
            before, behind = sentence[max(0, mention.start - _BEFORE) : mention.start], sentence[mention.end :]
            at_least = bool(_LOWER.search(before) or _OR_MORE.match(behind))
            at_most = bool(_UPPER.search(before) or _OR_LESS.match(behind))
            amount = _amount(mention)
            if amount is not None and at_least is not at_most:
                unit, low, high = amount
                yield Bound(mention.kind, unit, at_least, low if at_least else high)


def _amounts(text: str) -> Iterator[tuple[ClaimKind, str, tuple[Decimal, Decimal]]]:
    for start, end in sentences(text):
        for mention in mentions(text[start:end]):
            amount = _amount(mention)
            if amount is not None:
                yield mention.kind, amount[0], (amount[1], amount[2])


def _amount(mention: Mention) -> tuple[str, Decimal, Decimal] | None:
    """(unit, least, greatest) of a value; a month is all of its days."""
    value: Any = mention.value
    if not isinstance(value, tuple):
        return None
    if mention.kind is ClaimKind.date:
        if len(value) != 3 or value[0] is None:
            return None
        year, month, day = value
        first, last = (date(year, month, day or 1), date(year, month, day or 28))
        return "day", Decimal(first.toordinal()), Decimal(last.toordinal() + (0 if day else 3))
    if not isinstance(value[0], Decimal):
        return None
    return str(value[-1]), value[0], value[-2] if len(value) == 3 else value[0]
