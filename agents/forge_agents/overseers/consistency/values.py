"""Values of the answer that the source does not have, has as superseded, or has of something else."""

from collections.abc import Iterator

from rapidfuzz import fuzz

from forge_agents.overseers.consistency.case import MONEY_LIKE, SHIFT, Case, Suspicion, equal, rivals_of, swapped
from forge_agents.overseers.consistency.passages import Value
from forge_arena.types import ClaimKind


def values(case: Case) -> Iterator[Suspicion]:
    """Values that the source does not have, has as superseded, or has of something else."""
    for value in case.answer.values:
        if value.kind is ClaimKind.citation or _is_signature(case, value):
            continue
        same = [v for v in case.given if equal(v, value)]
        if not same:
            if value.text.lower() not in case.known and not _derived(case, value):
                yield from _absent(case, value)
            continue
        yield from _misplaced(case, value, same)


def _is_signature(case: Case, value: Value) -> bool:
    return value.kind is ClaimKind.quantity and value.text.lower() in case.known


def _derived(case: Case, value: Value) -> bool:
    """Whether an amount is the sum or the difference of two in the source."""
    if value.kind not in MONEY_LIKE or not isinstance(value.mention.value, tuple) or len(value.mention.value) != 2:
        return False
    amount, unit = value.mention.value
    have = {
        v.mention.value[0] for v in case.given if isinstance(v.mention.value, tuple) and v.mention.value[-1] == unit
    }
    return any(amount - one in have or amount + one in have for one in have)


_ABSENT = {
    ClaimKind.money: 0.8,
    ClaimKind.percent: 0.8,
    ClaimKind.date: 0.75,
    ClaimKind.duration: 0.75,
    ClaimKind.identifier: 0.75,
    ClaimKind.quantity: 0.55,
}


def _absent(case: Case, value: Value) -> Iterator[Suspicion]:
    if not case.source.values:
        return
    rivals = [
        (score + 0.3 * _alike(other, value), other) for score, other in rivals_of(case, value) if other.pastness <= 0.25
    ]
    _, rival = max(rivals, key=lambda pair: pair[0], default=(0.0, None))
    weight = _ABSENT.get(value.kind, 0.5)
    if rival is None:
        weight *= 0.5
    if value.pastness > 0.5:
        weight *= 0.8
    stated = rival.sentence.text if rival is not None else "nothing of the kind"
    yield Suspicion(
        SHIFT, weight, value.text, stated, "the source does not have this value", swapped(case, value, rival)
    )


def _alike(a: Value, b: Value) -> float:
    """How alike two values are spelled, 0..1: a slip or a small change leaves most of the digits."""
    return fuzz.ratio(a.text, b.text) / 100.0


def _misplaced(case: Case, value: Value, same: list[Value]) -> Iterator[Suspicion]:
    scored = [(case.source.likeness(value.context, v.context), v) for v in same]
    best = max(score for score, _ in scored)
    home = [v for score, v in scored if score >= 0.7 * best]
    # "X in place of Y" settles Y wherever else it is printed.
    settled = any(v.pastness >= 1.0 for v in same) and not any(v.pastness <= -1.0 for v in same)
    past = settled or all(v.pastness > 0.25 for v in home)
    current = [(score, v) for score, v in rivals_of(case, value) if v.pastness <= 0.25]
    score, rival = max(current, key=lambda pair: pair[0], default=(0.0, None))
    if past and value.pastness <= 0.25:
        beside = rival is not None and (score > 0.25 or _near(rival, home))
        replacement = rival if beside else None
        yield Suspicion(
            SHIFT,
            0.85 if beside else 0.5,
            value.text,
            (replacement or home[0]).sentence.text,
            "the source gives this value as no longer in force",
            swapped(case, value, replacement),
        )
    elif (
        rival is not None
        and best < 0.15
        and score > 0.45
        and all(v.pastness > -0.75 for v in same)
        and not any(equal(rival, v) for v in case.answer.values)
    ):
        yield Suspicion(
            SHIFT,
            0.4,
            value.text,
            rival.sentence.text,
            "the source gives this value for another thing",
            swapped(case, value, rival),
        )


def _near(rival: Value, home: list[Value]) -> bool:
    return any(
        abs(rival.sentence.start - v.sentence.start) < 400 and rival.sentence.section == v.sentence.section
        for v in home
    )
