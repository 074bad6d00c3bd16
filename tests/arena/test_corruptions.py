"""Corruptions, over every family, type and stealth: they break what they name and touch nothing else."""

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_arena.corruptions import inject, registry
from forge_arena.corruptions.base import Edit, apply
from forge_arena.errors import CannotCorrupt, WorkerFailed
from forge_arena.scenarios import Family, load_families
from forge_arena.types import Answer, CorruptionType, Scenario
from forge_arena.verify import Judge
from forge_arena.workers import ScriptedWorker

FAMILIES = load_families()


def clean_answer(family: Family, seed: int) -> tuple[Scenario, Judge, Answer] | None:
    rng = Random(seed)
    scenario = family.draw(rng)
    judge = Judge(scenario)
    try:
        answer = asyncio.run(ScriptedWorker().answer(scenario, rng))
    except WorkerFailed:
        return None
    return (scenario, judge, answer) if judge.report(answer.output).clean else None


def test_the_registry_holds_the_five_types() -> None:
    assert set(registry()) == set(CorruptionType)


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    family=st.sampled_from(FAMILIES),
    type=st.sampled_from(sorted(CorruptionType)),
    stealth=st.integers(0, 3),
    seed=st.integers(0, 2**32),
)
def test_a_corruption_breaks_its_target_and_nothing_else(
    family: Family, type: CorruptionType, stealth: int, seed: int
) -> None:
    drawn = clean_answer(family, seed)
    if drawn is None:
        return
    scenario, judge, answer = drawn
    try:
        injection = inject(judge, answer, type, stealth, Random(seed))
    except CannotCorrupt:
        return
    output = injection.answer.output
    assert output != answer.output
    assert judge.report(output).broken == {injection.target}
    # A judge that never saw the clean answer agrees.
    assert Judge(scenario).report(output).broken == {injection.target}
    assert Judge(scenario).report(answer.output).clean
    assert injection == inject(Judge(scenario), answer, type, stealth, Random(seed))
    untouched_outside(answer.output, output, [(s.start, s.end) for s in injection.spans])


def untouched_outside(before: str, after: str, spans: list[tuple[int, int]]) -> None:
    """What stands outside the spans is, piece by piece and in order, a part of the text before."""
    at = position = 0
    for start, end in [*sorted(spans), (len(after), len(after))]:
        piece = after[at:start]
        found = before.find(piece, position)
        assert found >= 0, f"{piece!r} was changed"
        position = found + len(piece)
        at = end
    assert before.startswith(after[: min((s for s, _ in spans), default=0)])
    assert before.endswith(after[max((e for _, e in spans), default=0) :])


def test_edits_are_applied_and_located() -> None:
    text, spans = apply("one two three", (Edit(8, 13, "3"), Edit(0, 3, "first")))
    assert text == "first two 3"
    assert [s.of(text) for s in spans] == ["first", "3"]


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="edits overlap at character 2"):
        apply("one two", (Edit(0, 3, "a"), Edit(2, 5, "b")))


@pytest.mark.parametrize("stealth", range(4))
def test_reasoning_gives_away_contradicts_or_goes_along(stealth: int) -> None:
    family = next(f for f in FAMILIES if f.name == "duplicate_charge")
    seen = 0
    for seed in range(60):
        drawn = clean_answer(family, seed)
        if drawn is None:
            continue
        _, judge, answer = drawn
        if not any(f.claim == "window" for f in judge.report(answer.reasoning).findings):
            continue
        try:
            injection = inject(judge, answer, CorruptionType.temporal_shift, stealth, Random(seed))
        except CannotCorrupt:
            continue
        changed = injection.answer.reasoning != answer.reasoning
        reasoning = judge.report(injection.answer.reasoning)
        stated = {f.alternative for f in reasoning.of(injection.target)}
        if stealth == 0:
            assert injection.answer.reasoning.startswith(answer.reasoning)
            assert changed
        elif stealth == 1:
            assert not changed
        elif judge.report(answer.reasoning).of(injection.target):
            assert injection.alternative in stated
            assert "current" not in stated
            seen += 1
    assert stealth < 2 or seen
