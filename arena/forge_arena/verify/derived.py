"""Values that follow from what the source states, and that are therefore no inventions.

A source says "a shift that starts and ends at the same minute lasts 1440", and an answer says "1440 minutes". A source
has a postage of £7.95 and goods of £157.90, and an answer that has stated both says "£165.85 in all". Both values stand
nowhere in the source, and both follow from it.

A value follows by its unit (48 hours are 2 days; a number of the source's code with the unit that belongs to it), or by
one step of arithmetic from values that the answer states beside it: a sum or a difference of money, a share of it, a
day so many days later. Without "states beside it", nearly every number would follow from some two values of a source.
Times and counts are not added up at all, because they are small numbers. A difference of theirs follows only where the
answer speaks of a difference: "3 mpg more", "cheaper by 5%".
"""

import re
from collections.abc import Container, Hashable, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from forge_arena.texts.values import COUNT_NOUNS, Mention, same_amount
from forge_arena.types import ClaimKind

# Longer numbers hardly stand in a text by chance.
LONG_NUMBER = 3
MAX_VALUES = 40
FEW_DAYS = 4
# The year of a day that is given without one.
ANY_YEAR = 2023

# Words behind a value, and before it, that make it a difference between two others.
_DIFFERENCE_BEHIND = re.compile(
    r"^ (?:(?:a|an|each|per) \w+ )?(?:(?:too|any) )?(?!(?:or|and) )"
    r"(?:ago|from now|more|less|fewer|short|ahead|behind|above|below|apart|off|extra"
    r"|(?!(?:other|either|neither|order|under|over|after|per|never|whether|number|together|customer|user|water|paper)\b)"
    r"\w{2,}er)\b(?! than (?:once|ever)\b)"
)
_DIFFERENCE_BEFORE = re.compile(
    r"\b(?:by|sav(?:es?|ed|ing)(?: (?:you|us|them|him|her))?"
    r"|(?:difference|gap|margin|saving|increase|reduction|rise|fall|discount)s?"
    r" (?:of|is|comes to|amounts to))(?: (?:about|around|only|just|a full|exactly))* $",
    re.IGNORECASE,
)
# What makes a value that which is left of another: "the remaining two weeks", "two weeks are left".
_LEFT_BEFORE = re.compile(
    r"\b(?:remaining|leav(?:es?|ing)(?: (?:you|us|them|him|her))?)(?: (?:only|just))? $", re.IGNORECASE
)
_LEFT_BEHIND = re.compile(
    r"^ (?:(?:is|are|will be) left|left(?! (?:the|a|an|his|her|my|our|your|their)\b)|remain(?:s|ing)?)\b"
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\b\w+\([^()\n]*\)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])\d{1,15}(?:\.\d{1,6})?(?![\w%]|\.\d)")


def numbers_of(source: str) -> frozenset[Decimal]:
    """The numbers to which an answer may give the unit: those in code and calls, and long ones anywhere."""
    in_code = {Decimal(number) for code in _CODE.findall(source) for number in _NUMBER.findall(code)}
    long = {Decimal(number) for number in _NUMBER.findall(source) if len(number) >= LONG_NUMBER}
    return frozenset(in_code | long)


def consequences(stated: Iterable[Mention]) -> frozenset[tuple[ClaimKind, Hashable]]:
    """The values that follow by one step of arithmetic from the values of an answer that the source bears out."""
    known = list(dict.fromkeys((other.kind, same_amount(other.value)) for other in stated))[:MAX_VALUES]
    return frozenset(_one_step(known))


def follows(
    value: Mention,
    results: Container[tuple[ClaimKind, Hashable]],
    numbers: Container[Decimal],
    beside: Iterable[Mention] = (),
    days: Iterable[Hashable] = (),
) -> bool:
    """Whether a value follows from the numbers of the source, or from the other values that an answer states.

    Args:
        results: see `consequences`.
        numbers: see `numbers_of`.
        beside: the values of the same sentence.
        days: the days that the source states. The time between one of these and a day of the sentence follows.
    """
    amount = _amount(value.value)
    if amount is not None and value.kind in (ClaimKind.duration, ClaimKind.quantity) and amount[0] in numbers:
        return True
    if value.kind is ClaimKind.duration and _minutes(value.value) in numbers:
        return True
    if value.kind is ClaimKind.money and amount is not None and amount[1] == "USD cents" and amount[0] in numbers:
        return True
    wanted = same_amount(value.value)
    if value.kind is ClaimKind.duration:
        near = [other.value for other in beside if other.kind is ClaimKind.date][:FEW_DAYS]
        if any(
            length == wanted
            for day in days
            for other in near
            for _, length in _days(value.kind, day, value.kind, other)
        ):
            return True
    return (value.kind, wanted) in results


def is_difference(sentence: str, value: Mention) -> bool:
    """Whether a sentence gives a value as the difference between two others: "$5 cheaper", "falls 3 mpg short"."""
    return (
        _DIFFERENCE_BEHIND.match(sentence[value.end :]) is not None
        or _DIFFERENCE_BEFORE.search(sentence[: value.start]) is not None
    )


def is_left(sentence: str, value: Mention) -> bool:
    """Whether a sentence gives a value as what is left of another: "the remaining two weeks"."""
    return (
        _LEFT_BEFORE.search(sentence[: value.start]) is not None
        or _LEFT_BEHIND.match(sentence[value.end :]) is not None
    )


def is_left_of(value: Mention, wholes: Iterable[Mention], parts: Iterable[Mention]) -> bool:
    """Whether a value is what is left of a whole without a part of the same kind and unit."""
    left = _in_whole_units(_amount(value.value))
    if left is None:
        return False
    amounts = [
        [
            a
            for m in some
            if m.kind is value.kind and (a := _in_whole_units(_amount(m.value))) is not None and a[1] == left[1]
        ]
        for some in (wholes, parts)
    ]
    return any(whole[0] - part[0] == left[0] for whole in amounts[0] for part in amounts[1])


def differs_by(value: Mention, stated: Iterable[Mention]) -> bool:
    """Whether two stated values of one unit are so far apart as a value says."""
    wanted = _in_whole_units(_amount(value.value))
    known = {
        amount[0]
        for other in list(stated)[:MAX_VALUES]
        if other.kind is value.kind
        and (amount := _in_whole_units(_amount(other.value))) is not None
        and wanted is not None
        and amount[1] == wanted[1]
    }
    return wanted is not None and any(number + wanted[0] in known for number in known)


def _in_whole_units(amount: tuple[Decimal, str] | None) -> tuple[Decimal, str] | None:
    """An amount with its cents as a part of a dollar."""
    return (amount[0] / 100, amount[1].removesuffix(" cents")) if amount and amount[1].endswith(" cents") else amount


def is_sum_of_neighbours(value: Mention, beside: Iterable[Mention]) -> bool:
    """Whether a percentage is the sum of two others of its sentence: "4% plus 0.5% makes 4.5%"."""
    wanted = _amount(value.value)
    if value.kind is not ClaimKind.percent or wanted is None:
        return False
    shares = [
        amount[0]
        for other in beside
        if other.kind is value.kind
        and other != value
        and (amount := _amount(other.value)) is not None
        and amount[1] == wanted[1]
    ][:MAX_VALUES]
    return any(one + other == wanted[0] for place, one in enumerate(shares) for other in shares[place + 1 :])


def is_next_version(value: Mention, known: Container[tuple[ClaimKind, Hashable]]) -> bool:
    """Whether a value is the version after one that is known: "version 3" of what is at version 2."""
    number = value.value
    if value.kind is not ClaimKind.identifier or not isinstance(number, str) or not number.isdigit():
        return False
    return (ClaimKind.identifier, str(int(number) - 1)) in known


def is_no_figure(sentence: str, value: Mention) -> bool:
    """Whether a value is nothing that a reader would look up: a literal of code, "one" for "a", or a count in words.

    "Four attempts" and "two shares" count what the text speaks of. "Four kilograms" and "4 shares" are figures.
    """
    words = sentence[value.start : value.end].lower()
    if value.kind in (ClaimKind.quantity, ClaimKind.duration) and words.startswith(("one ", "one-")):
        return True
    if value.kind is ClaimKind.quantity and not words[0].isdigit() and _unit(value.value) in COUNT_NOUNS:
        return True
    before = sentence[: value.start]
    return before.count("`") % 2 == 1 and value.kind not in (ClaimKind.citation, ClaimKind.identifier)


def _unit(value: Any) -> str | None:
    return value[-1] if isinstance(value, tuple) and isinstance(value[-1], str) else None


def _one_step(known: list[tuple[ClaimKind, Hashable]]) -> Iterator[tuple[ClaimKind, Hashable]]:
    """Every value that one step of arithmetic gives."""
    for place, (kind, value) in enumerate(known):
        first = _amount(value)
        if kind is ClaimKind.percent and first is not None:
            yield kind, (100 - first[0], first[1])
        for other_kind, other in known[place + 1 :]:
            second = _amount(other)
            if kind is ClaimKind.date or other_kind is ClaimKind.date:
                yield from _days(kind, value, other_kind, other)
            elif first is not None and second is not None:
                yield from _amounts(kind, first, other_kind, second)


def _amounts(
    kind: ClaimKind, first: tuple[Decimal, str], other_kind: ClaimKind, second: tuple[Decimal, str]
) -> Iterator[tuple[ClaimKind, Hashable]]:
    if kind is other_kind is ClaimKind.money and first[1] == second[1]:
        for number in (first[0] + second[0], abs(first[0] - second[0])):
            yield kind, (number, first[1])
    for (share_kind, share), (money_kind, money) in (
        ((kind, first), (other_kind, second)),
        ((other_kind, second), (kind, first)),
    ):
        if share_kind is ClaimKind.percent and money_kind is ClaimKind.money:
            part = money[0] * share[0] / 100
            for number in (part, money[0] - part, money[0] + part):
                yield ClaimKind.money, (number.quantize(Decimal("0.01")), money[1])
        if share_kind is ClaimKind.quantity and money_kind is ClaimKind.money:
            yield ClaimKind.money, (money[0] * share[0], money[1])


def _days(kind: ClaimKind, value: Any, other_kind: ClaimKind, other: Any) -> Iterator[tuple[ClaimKind, Hashable]]:
    if kind is other_kind:
        days = [day for day in (_day(value, other), _day(other, value)) if day is not None]
        if len(days) == 2:
            apart = Decimal(abs((days[0] - days[1]).days))
            yield ClaimKind.duration, (apart, apart, "day")
        return
    day, length = (_day(value), _amount(other)) if kind is ClaimKind.date else (_day(other), _amount(value))
    if day is None or length is None or length[1] != "day" or length[0] > 3_650:
        return
    for sign in (1, -1):
        moved = day + sign * timedelta(days=int(length[0]))
        for year in {moved.year, None} if day.year != ANY_YEAR else (None,):
            yield ClaimKind.date, (year, moved.month, moved.day)


def _day(value: Any, beside: Any = None) -> date | None:
    """A day; one without a year is put into the year of the day beside it, or into a year without a leap day."""
    if isinstance(value, tuple) and len(value) == 3 and value[0] is None and all(isinstance(v, int) for v in value[1:]):
        try:
            year = (
                beside[0] if isinstance(beside, tuple) and len(beside) == 3 and isinstance(beside[0], int) else ANY_YEAR
            )
            return date(year, *value[1:])
        except ValueError:
            return None
    if isinstance(value, tuple) and len(value) == 3 and all(isinstance(part, int) for part in value):
        return date(*value)
    return None


def _amount(value: Any) -> tuple[Decimal, str] | None:
    """(number, unit) of a value that is one number and no range."""
    if not isinstance(value, tuple) or not isinstance(value[0], Decimal):
        return None
    if len(value) == 2:
        return value
    return (value[0], value[2]) if value[0] == value[1] else None


def _minutes(value: Any) -> Decimal | None:
    """The number of minutes of a time that is counted in seconds, minutes or hours."""
    amount = _amount(value)
    return amount[0] / 60 if amount is not None and amount[1] == "second" else None
