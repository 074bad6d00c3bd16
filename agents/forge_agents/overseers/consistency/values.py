"""Amounts, shares, dates, periods, quantities and numbers of the answer, against those that the source has.

A value is held against the answer where the source has others of its kind and unit but not this one, or says of it that
it holds no longer. A value of which the source has nothing alike, or which follows from two of its values, is let pass.
"""

from collections.abc import Iterator

from rapidfuzz import fuzz

from forge_agents.overseers.consistency.case import CLEAR, STRONG, Case, Finding, equal, rivals
from forge_agents.overseers.consistency.passages import Value
from forge_arena.types import ClaimKind, CorruptionType
from forge_arena.values import COUNTED


def absent_values(case: Case) -> Iterator[Finding]:
    """Values that the source does not have, though it has others of their kind."""
    for value in case.answer.values:
        if (
            value.kind is ClaimKind.citation
            or case.is_given(value.text)
            or any(equal(value, given) for given in case.given)
            or _is_counted(value)
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
        stated = [other for other in rivals(case, value) if not any(equal(other, v) for v in value.sentence.values)]
        near = [other for other in stated if any(_is_near(other, given) for given in same)]
        if near:
            yield Finding(
                CorruptionType.temporal_shift,
                CLEAR,
                value.text,
                near[0].sentence.text,
                "the source gives this value as no longer in force",
                case.with_value(value, near[0]),
            )


def _is_counted(value: Value) -> bool:
    """Whether it counts what people count when they talk ("two points"), which a source need not state."""
    unit = value.mention.value[-1] if isinstance(value.mention.value, tuple) else None
    return value.kind is ClaimKind.quantity and unit in COUNTED


def _follows(case: Case, value: Value) -> bool:
    """Whether it is the sum or the difference of two amounts of the source, a percentage of one, or the rest to 100%."""
    if value.kind not in (ClaimKind.money, ClaimKind.percent, ClaimKind.quantity):
        return False
    if not isinstance(value.mention.value, tuple) or len(value.mention.value) != 2:
        return False
    amount, unit = value.mention.value
    parts = [v.mention.value for v in case.given if isinstance(v.mention.value, tuple) and len(v.mention.value) == 2]
    have = {number for number, u in parts if u == unit}
    if value.kind is ClaimKind.percent:
        return 100 - amount in have or any(amount - one in have or amount + one in have for one in have)
    shares = {v.mention.value[0] for v in case.given if v.kind is ClaimKind.percent and isinstance(v.mention.value, tuple)}
    return any(
        amount - one in have or amount + one in have or any(100 * amount in (one * s, one * (100 - s)) for s in shares)
        for one in have
    )


def _is_near(a: Value, b: Value) -> bool:
    return a.sentence is b.sentence or (
        a.sentence.section == b.sentence.section and abs(a.sentence.start - b.sentence.start) < 400
    )
