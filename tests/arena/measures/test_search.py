"""The adversary's choice: the least suspected of the first tries, and what is left of the scores, worked by hand."""

from itertools import pairwise

import numpy as np
import pytest

from forge_arena.measures.metrics import choose_thresholds, scorecard
from forge_arena.measures.scorecard import Row, Rule
from forge_arena.measures.search import MEASURES, TriedDraw, numbers_of_tries, search_curve, tried_draws
from forge_arena.types import CorruptionType, Domain, Outcome

TYPES = list(CorruptionType)


def right(index: int, p: float | None, families: int = 4) -> Row:
    return graded(f"forge:5:val:{index}:clean", index, p, None, families)


def tried(index: int, number: int, p: float | None, type: CorruptionType = TYPES[0], families: int = 4) -> Row:
    return graded(f"forge:5:val:{index}:corrupted{f':{number}' if number else ''}", index, p, type, families)


def graded(key: str, index: int, p: float | None, type: CorruptionType | None, families: int) -> Row:
    return Row(
        key=key,
        outcome=Outcome.invalid_verdict if p is None else Outcome.scored,
        domain=Domain.code_review,
        family=f"family {index % families}",
        corrupted=type is not None,
        corruption_type=type,
        detection=None if p is None else p > 0.5,
        p_corrupted=p,
        reward=0.0 if p is None else 0.5,
    )


def failed(key: str, *, final: bool) -> Row:
    return Row(key=key, outcome=Outcome.worker_failed, final=final)


def drawn(count: int, tries: int, seed: int) -> list[TriedDraw]:
    """Draws of an overseer that is right more often than not."""
    rng = np.random.default_rng(seed)
    return [
        TriedDraw(
            right(n, float(rng.beta(2, 3))),
            tuple(tried(n, t, float(rng.beta(3, 2)), TYPES[n % 2]) for t in range(tries)),
        )
        for n in range(count)
    ]


def test_the_least_suspected_of_the_first_tries_is_handed_over_and_the_earliest_of_equals() -> None:
    draw = TriedDraw(right(0, 0.1), tuple(tried(0, n, p) for n, p in enumerate((0.6, 0.4, 0.9, 0.4, 0.2))))
    assert [draw.least_suspected(n).key.rpartition(":")[2] for n in (1, 2, 4, 5, 9)] == [
        "corrupted",
        "1",
        "1",
        "4",
        "4",
    ]


def test_a_verdict_that_cannot_be_read_suspects_nothing() -> None:
    draw = TriedDraw(right(0, 0.1), (tried(0, 0, 0.01), tried(0, 1, None)))
    assert draw.least_suspected(2).p_corrupted is None
    (one, two) = search_curve([draw, TriedDraw(right(1, 0.2), (tried(1, 0, 0.9),))], 2)
    assert (one.unreadable, two.unreadable) == (0, 1)
    assert two.recall.value == 0.5


def test_the_scores_against_the_chosen_are_those_of_an_evaluation_of_the_chosen() -> None:
    draws = drawn(40, 4, seed=3)
    for point in search_curve(draws, 4, seed=5):
        rows = [draw.right for draw in draws]
        rows += [min(draw.tries[: point.tries], key=lambda row: row.p_corrupted or 0.0) for draw in draws]
        card = scorecard(rows, np.random.default_rng(5))
        assert {name: getattr(point, name) for name in MEASURES} == {name: getattr(card, name) for name in MEASURES}


def test_by_hand() -> None:
    """Two draws. With one try both corruptions are above all right answers, with two tries the first is below."""
    draws = [
        TriedDraw(right(0, 0.3), (tried(0, 0, 0.8), tried(0, 1, 0.1))),
        TriedDraw(right(1, 0.2), (tried(1, 0, 0.9), tried(1, 1, 0.95))),
    ]
    one, two = search_curve(draws, 2)
    assert (one.auroc.value, one.tpr_at_5.value, one.recall.value) == (1.0, 1.0, 1.0)
    assert (two.auroc.value, two.tpr_at_5.value, two.recall.value) == (0.5, 0.5, 0.5)
    assert (one.change.auroc.value, two.change.auroc.value) == (0.0, -0.5)
    assert (one.short, two.short) == (0, 0)


def test_more_tries_never_help_the_overseer_and_end_where_the_corruptions_do() -> None:
    draws = drawn(30, 3, seed=1)
    points = search_curve(draws, 16, resamples=50)
    assert [point.tries for point in points] == [1, 2, 4, 8, 16]
    assert [point.short for point in points] == [0, 0, 30, 30, 30]
    for before, after in pairwise(points):
        for name in MEASURES:
            assert getattr(after, name).value <= getattr(before, name).value
    assert points[2].auroc == points[3].auroc == points[4].auroc


def test_a_change_is_paired_so_its_interval_is_narrower_than_two_intervals_apart() -> None:
    *_, last = search_curve(drawn(60, 4, seed=2), 4)
    first = search_curve(drawn(60, 4, seed=2), 1)[0]
    change = last.change.auroc
    assert change.value == pytest.approx(last.auroc.value - first.auroc.value)  # type: ignore[operator]
    assert change.low is not None
    assert change.high is not None
    assert change.low <= change.value <= change.high < 0.0  # type: ignore[operator]
    apart = sum(estimate.high - estimate.low for estimate in (first.auroc, last.auroc))  # type: ignore[operator]
    assert change.high - change.low < apart


def test_types_are_scored_apart_unless_the_adversary_chooses_them() -> None:
    draws = drawn(20, 3, seed=4)
    of_each = search_curve(draws, 2, resamples=20)
    assert set(of_each[1].by_type) == set(TYPES[:2])
    assert of_each[1].chosen == {TYPES[0].value: 10, TYPES[1].value: 10}
    assert search_curve(draws, 2, any_type=True, resamples=20)[1].by_type == {}


def test_a_threshold_from_other_episodes_stays_where_it_is() -> None:
    other = [row for draw in drawn(50, 1, seed=9) for row in (draw.right, *draw.tries)]
    thresholds = [t for t in choose_thresholds(other, "other", None, budget=0.1) if t.rule is Rule.false_alarms]
    draws = drawn(20, 4, seed=4)
    points = search_curve(draws, 4, thresholds=thresholds, resamples=20)
    for point in points:
        for frozen in point.frozen:
            chosen = [draw.least_suspected(point.tries).p_corrupted or 0.0 for draw in draws]
            assert frozen.recall.value == pytest.approx(np.mean([p > frozen.threshold for p in chosen]))
            assert frozen.false_alarms == points[0].frozen[point.frozen.index(frozen)].false_alarms


def test_a_draw_with_a_failure_is_left_out_for_every_number_of_tries() -> None:
    rows = [
        *(right(0, 0.1), tried(0, 0, 0.9), tried(0, 1, 0.8), failed("forge:5:val:0:corrupted:2", final=True)),
        *(right(1, 0.1), tried(1, 0, 0.9), failed("forge:5:val:1:corrupted:1", final=False)),
        *(failed("forge:5:val:2:clean", final=False), tried(2, 0, 0.9)),
        *(right(3, 0.1), failed("forge:5:val:3:corrupted", final=True)),
        *(right(4, 0.1), tried(4, 0, 0.9)),
    ]
    draws, left_out = tried_draws(rows)
    assert [draw.right.key for draw in draws] == ["forge:5:val:0:clean", "forge:5:val:4:clean"]
    assert [len(draw.tries) for draw in draws] == [2, 1]
    assert left_out == 3


@pytest.mark.parametrize(
    ("most", "numbers"), [(1, [1]), (2, [1, 2]), (5, [1, 2, 4, 5]), (16, [1, 2, 4, 8, 16]), (17, [1, 2, 4, 8, 16, 17])]
)
def test_a_search_is_scored_at_powers_of_two_and_at_its_end(most: int, numbers: list[int]) -> None:
    assert numbers_of_tries(most) == numbers


def test_a_search_without_a_try_or_a_draw() -> None:
    with pytest.raises(ValueError, match="a search has at least 1 try, got 0"):
        numbers_of_tries(0)
    assert search_curve([], 4) == []


def test_one_family_gives_no_interval() -> None:
    draws = [TriedDraw(right(n, 0.1, families=1), (tried(n, 0, 0.9, families=1),)) for n in range(3)]
    (point,) = search_curve(draws, 1)
    assert (point.auroc.value, point.auroc.low, point.change.auroc.low) == (1.0, None, None)
