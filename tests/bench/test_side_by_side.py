"""How two revisions are compared: what a part costs, and what a ratio is worth."""

import time
from collections.abc import Iterator

import evaluation_costs
import pytest
from side_by_side import Parts, costs_of_round, interval, watched_parts


class Work:
    """Two nested functions, each of which works for so many seconds of CPU itself."""

    def outer(self) -> None:
        burn(0.02)
        self.inner()

    def inner(self) -> None:
        burn(0.03)

    def each(self) -> Iterator[int]:
        for number in range(2):
            burn(0.02)
            yield number


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_part_has_its_own_time_without_that_of_the_parts_that_it_calls() -> None:
    parts, work = Parts(), Work()
    parts.watch(work, "outer", "outer")
    parts.watch(work, "inner", "inner")
    work.outer()
    assert parts.seconds == {"outer": pytest.approx(0.02, abs=0.008), "inner": pytest.approx(0.03, abs=0.008)}


def test_a_generator_has_the_time_for_its_values_without_that_of_who_asks() -> None:
    parts, work = Parts(), Work()
    parts.watch(work, "each", "each")
    for _ in work.each():
        burn(0.03)
    assert parts.seconds == {"each": pytest.approx(0.04, abs=0.012)}


def test_every_part_that_is_watched_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[str] = []
    monkeypatch.setattr(Parts, "watch", lambda _, owner, name, part: watched.append(getattr(owner, name).__name__))
    watched_parts()
    evaluation_costs.watched_parts()
    assert {"verify", "score_rows"} <= set(watched)


def test_a_ratio_has_an_interval_over_the_rounds() -> None:
    ratio, low, high = interval([4.0, 8.0, 2.0], [2.0, 4.1, 0.95])
    assert low < ratio < high
    assert ratio == pytest.approx(0.496, abs=0.01)
    assert interval([4.0, 8.0, 2.0], [2.0, 4.0, 1.0]) == pytest.approx((0.5, 0.5, 0.5))


def test_a_round_says_what_making_and_scoring_cost() -> None:
    costs = costs_of_round(Parts(), 100, 12)
    wholes = {name for name in costs if ": " not in name}
    assert wholes == {
        "make an episode",
        "score a verdict, the first on its episode",
        "score a verdict, another on 2,000 characters",
    }
    assert all(cost > 0 for cost in costs.values())
