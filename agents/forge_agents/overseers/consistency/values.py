"""Compare amounts, shares, dates, periods, quantities and numbers of the answer with those of the source.

A reader objects to a value in two cases: the source has other values of the same kind and unit, but not this one; or
the source says that this value is no longer valid. A value passes if the source has nothing of its kind, or if the
value follows from two values of the source.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from rapidfuzz import fuzz

from forge_agents.overseers.consistency.objections import CLEAR, STRONG, Objection
from forge_agents.overseers.consistency.observation import ParsedObservation, equal, rivals
from forge_agents.overseers.consistency.passages import Value
from forge_arena.texts.values import COUNTED
from forge_arena.types import ClaimKind, CorruptionType

# The largest count that counts as small talk.
_SMALL = 5
_ROUGHLY = re.compile(
    r"\b(?:about|around|nearly|almost|roughly|approximately|close to|over|more than|less than|just under)"
    r"\s+(?:the |an? )?$",
    re.IGNORECASE,
)
# A number that ends in zeros must have so many digits before them to be taken for a rounded one.
_ENOUGH_DIGITS = 3


def absent_values(parsed: ParsedObservation) -> Iterator[Objection]:
    """Values that the source does not have, although it has others of their kind.

    Example:
        source: A refund arrives within 5 to 7 business days.
        answer: A refund arrives within 20 to 25 business days.
        objection: strong temporal_shift: "20 to 25 business days"
    """
    for value in parsed.answer.values:
        if (
            value.kind is ClaimKind.citation
            or parsed.is_given(value.text)
            or parsed.allowed_equal_to(value)
            or _is_small_talk(value)
            or _is_rounded(parsed, value)
            or _follows(parsed, value)
        ):
            continue
        others = rivals(parsed, value)
        if others:
            # A slip or a small change leaves most of the digits, so the rival with the likest spelling is the repair.
            nearest = max(others[:8], key=lambda other: fuzz.ratio(other.text, value.text) - 10.0 * others.index(other))
            yield Objection(
                CorruptionType.temporal_shift,
                STRONG,
                value.text,
                nearest.sentence.text,
                "the source does not have this value",
                parsed.with_value(value, nearest),
            )


def superseded_values(parsed: ParsedObservation) -> Iterator[Objection]:
    """Values that the answer states as valid, although the source says that they are no longer valid.

    Example:
        source: Refunds formerly took 10 to 14 business days. A refund now arrives within 5 to 7 business days.
        answer: A refund arrives within 10 to 14 business days.
        objection: clear temporal_shift: "10 to 14 business days"
    """
    for value in parsed.answer.values:
        # An event keeps its date for ever, and the report of last year keeps its number.
        if value.kind in (ClaimKind.date, ClaimKind.identifier, ClaimKind.citation):
            continue
        same = parsed.allowed_equal_to(value)
        if not same or not all(given.replaced for given in same) or value.replaced:
            continue
        # "From 10 to 12 days" states both values as they are; "10, formerly 12 days" may have them the wrong way round.
        beside = [v for v in value.sentence.values if not v.replaced]
        unsaid = [other for other in rivals(parsed, value) if not any(equal(other, v) for v in beside)]
        near = [other for other in unsaid if any(_is_near(other, given) for given in same)]
        if near:
            yield Objection(
                CorruptionType.temporal_shift,
                CLEAR,
                value.text,
                near[0].sentence.text,
                "the source gives this value as no longer in force",
                parsed.with_value(value, near[0]),
            )


def _is_small_talk(value: Value) -> bool:
    """Whether the value is a small count of things that people count when they talk: "two points", "three steps"."""
    amount = _amount(value)
    return value.kind is ClaimKind.quantity and value.unit in COUNTED and amount is not None and amount <= _SMALL


def _is_rounded(parsed: ParsedObservation, value: Value) -> bool:
    """Whether the value is meant roughly ("about 30%"), or is an amount of the source with fewer digits."""
    if _ROUGHLY.search(value.sentence.text[: value.mention.start]):
        return True
    amount = _amount(value)
    if amount is None:
        return False
    _, digits, exponent = amount.normalize().as_tuple()
    # 127 million is 127.1 million with fewer digits. But 30 is not taken for a rounded 28: it has too few digits.
    if int(exponent) > 0 and len(digits) < _ENOUGH_DIGITS:
        return False
    return any(
        2 * abs(given - amount) <= Decimal((0, (1,), int(exponent)))
        for given in _amounts(parsed.allowed_values, value.unit)
    )


def _follows(parsed: ParsedObservation, value: Value) -> bool:
    """Whether an amount follows from two values of the source, of which the answer states one.

    The amount is their sum or difference; or it is a percentage p of an amount x: `x * p`, `x * (100 - p)` or
    `x * (100 + p)`, divided by 100. "The case is $40, and with the lamp you pay $55", if the lamp costs $15.
    """
    amount = _amount(value)
    if amount is None or value.kind is ClaimKind.duration:
        return False
    given, stated = _amounts(parsed.allowed_values, value.unit), _amounts(parsed.answer.values, value.unit)
    if any(amount - x in given or x + amount in given or x - amount in given for x in given & stated):
        return True
    percentages, stated_percentages = _amounts(parsed.allowed_values, "%"), _amounts(parsed.answer.values, "%")
    return any(
        100 * amount in (x * p, x * (100 - p), x * (100 + p))
        for x in given
        for p in percentages
        if x in stated or p in stated_percentages
    )


def _amount(value: Value) -> Decimal | None:
    """The number of a value that is a number and a unit: 49 for $49. None for a range with two ends, and for a date."""
    parts = value.mention.value
    if not isinstance(parts, tuple) or not isinstance(parts[0], Decimal) or parts[0] != parts[-2]:
        return None
    return parts[0]


def _amounts(values: Iterable[Value], unit: object) -> set[Decimal]:
    return {amount for v in values if (amount := _amount(v)) is not None and v.unit == unit}


def _is_near(a: Value, b: Value) -> bool:
    """Whether two values are in the same sentence, or close to each other in the same section."""
    return a.sentence is b.sentence or (
        a.sentence.section == b.sentence.section and abs(a.sentence.start - b.sentence.start) < 400
    )
