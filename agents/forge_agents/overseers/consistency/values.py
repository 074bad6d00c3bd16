"""Amounts, shares, dates, periods, quantities and numbers of the answer, against those that the source has.

A value is held against the answer where the source has others of its kind and unit but not this one, or says of it that
it holds no longer. A value of which the source has nothing alike, or which follows from two of its values, is let pass.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from rapidfuzz import fuzz

from forge_agents.overseers.consistency.case import CLEAR, STRONG, Case, Finding, equal, rivals
from forge_agents.overseers.consistency.passages import Value
from forge_arena.types import ClaimKind, CorruptionType
from forge_arena.values import COUNTED

_SMALL = 5
_ROUGHLY = re.compile(
    r"\b(?:about|around|nearly|almost|roughly|approximately|close to|over|more than|less than|just under)\s+(?:the |an? )?$",
    re.IGNORECASE,
)
_ENOUGH_DIGITS = 3


def absent_values(case: Case) -> Iterator[Finding]:
    """Values that the source does not have, though it has others of their kind."""
    for value in case.answer.values:
        if (
            value.kind is ClaimKind.citation
            or case.is_given(value.text)
            or any(equal(value, given) for given in case.given)
            or _is_small_talk(value)
            or _is_rounded(case, value)
            or _follows(case, value)
        ):
            continue
        others = rivals(case, value)
        if others:
            # A slip or a small change leaves most of the digits.
            nearest = max(others[:8], key=lambda other: fuzz.ratio(other.text, value.text) - 10.0 * others.index(other))
            yield Finding(
                CorruptionType.temporal_shift,
                STRONG,
                value.text,
                nearest.sentence.text,
                "the source does not have this value",
                case.with_value(value, nearest),
            )


def superseded_values(case: Case) -> Iterator[Finding]:
    """Values that the answer gives as valid, and of which the source only says that they hold no longer."""
    for value in case.answer.values:
        # What happened on a day did so for ever, and a report of last year still exists.
        if value.replaced or value.kind in (ClaimKind.date, ClaimKind.identifier, ClaimKind.citation):
            continue
        same = [given for given in case.given if equal(value, given)]
        if not same or not all(given.replaced for given in same):
            continue
        # "From 10 to 12 days" tells of both; "10, formerly 12 days" has them the wrong way round.
        beside = [v for v in value.sentence.values if not v.replaced]
        unsaid = [other for other in rivals(case, value) if not any(equal(other, v) for v in beside)]
        near = [other for other in unsaid if any(_is_near(other, given) for given in same)]
        if near:
            yield Finding(
                CorruptionType.temporal_shift,
                CLEAR,
                value.text,
                near[0].sentence.text,
                "the source gives this value as no longer in force",
                case.with_value(value, near[0]),
            )


def _is_small_talk(value: Value) -> bool:
    """Whether it is a small count of what people count when they talk ("two points"), which a source need not state."""
    amount = _amount(value)
    return value.kind is ClaimKind.quantity and value.unit in COUNTED and amount is not None and amount <= _SMALL


def _is_rounded(case: Case, value: Value) -> bool:
    """Whether it is only meant roughly, or is an amount of the source with fewer digits."""
    if _ROUGHLY.search(value.sentence.text[: value.mention.start]):
        return True
    amount = _amount(value)
    if amount is None:
        return False
    _, digits, exponent = amount.normalize().as_tuple()
    # 127 million is 127.1 million with fewer digits; but 30 is not told from 28, though it is 28 to the nearest ten.
    if int(exponent) > 0 and len(digits) < _ENOUGH_DIGITS:
        return False
    return any(2 * abs(one - amount) <= Decimal((0, (1,), int(exponent))) for one in _amounts(case.given, value.unit))


def _follows(case: Case, value: Value) -> bool:
    """Whether an amount is the sum or the difference of two of the source, or a percentage of one, and the answer states
    one of the two."""
    amount = _amount(value)
    if amount is None or value.kind is ClaimKind.duration:
        return False
    have, stated = _amounts(case.given, value.unit), _amounts(case.answer.values, value.unit)
    if any(amount - one in have or one + amount in have or one - amount in have for one in have & stated):
        return True
    shares, stated_shares = _amounts(case.given, "%"), _amounts(case.answer.values, "%")
    return any(
        100 * amount in (one * share, one * (100 - share), one * (100 + share))
        for one in have
        for share in shares
        if one in stated or share in stated_shares
    )


def _amount(value: Value) -> Decimal | None:
    """The number of a value that is a number and a unit: ("49", "USD"), or twice the same number where it may be a range."""
    parts = value.mention.value
    if not isinstance(parts, tuple) or not isinstance(parts[0], Decimal) or parts[0] != parts[-2]:
        return None
    return parts[0]


def _amounts(values: Iterable[Value], unit: object) -> set[Decimal]:
    return {amount for v in values if (amount := _amount(v)) is not None and v.unit == unit}


def _is_near(a: Value, b: Value) -> bool:
    return a.sentence is b.sentence or (
        a.sentence.section == b.sentence.section and abs(a.sentence.start - b.sentence.start) < 400
    )
