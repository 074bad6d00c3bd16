"""The numbers of the page Live."""

import pytest

from forge_arena.types import Components, Outcome
from forge_server.pages.live import HEIGHT, WIDTH, answers, curve
from forge_server.recent import KEPT, POINTS, Recent


def components(value: float) -> Components:
    return Components(detection=value, explanation=0.0, correction=0.5, calibration=1.0)


def test_the_rate_counts_the_last_minute_and_no_more() -> None:
    now = 0.0
    recent = Recent(clock=lambda: now)
    assert recent.per_second() == 0.0
    now = 10.0
    for _ in range(30):
        recent.add(Outcome.scored, 0.5, components(0.5))
    assert recent.per_second() == pytest.approx(3.0)
    now = 71.0
    recent.add(Outcome.scored, 0.5, components(0.5))
    assert recent.per_second() == pytest.approx(1 / 60)


def test_the_rate_is_right_when_more_came_than_are_remembered() -> None:
    now = 0.0
    recent = Recent(clock=lambda: now)
    for _ in range(3 * KEPT):
        now += 0.01
        recent.add(Outcome.invalid_verdict, 0.0, None)
    assert len(recent) == KEPT
    assert recent.per_second() == pytest.approx(100, rel=0.01)


def test_the_curves_are_means_in_order_and_leave_out_what_was_not_scored() -> None:
    recent = Recent()
    assert recent.curves() == {}
    recent.add(Outcome.scored, None, None)
    assert recent.curves() == {}
    for number in range(2 * POINTS):
        recent.add(Outcome.scored, number / 100, components(float(number >= POINTS)))
    curves = recent.curves()
    assert list(curves) == ["reward", "detection", "explanation", "correction", "calibration"]
    assert curves["reward"] == pytest.approx([(4 * n + 1) / 200 for n in range(POINTS)])
    assert curves["detection"] == [0.0] * (POINTS // 2) + [1.0] * (POINTS // 2)


@pytest.mark.parametrize("count", [1, 2, POINTS - 1, POINTS + 1, 5 * POINTS + 7])
def test_each_scored_verdict_is_in_one_point(count: int) -> None:
    recent = Recent()
    for _ in range(count):
        recent.add(Outcome.scored, 0.25, components(0.25))
    assert recent.curves()["reward"] == [0.25] * min(count, POINTS)


def test_a_curve_goes_from_the_left_to_the_right_and_up_is_better() -> None:
    made = curve("reward", [0.0, 0.5, 1.0])
    assert made.points == f"0.0,{HEIGHT} {WIDTH / 2},{HEIGHT / 2} {WIDTH},0.0"
    assert (made.last, made.weight) == (1.0, None)
    assert curve("detection", [0.5]).points == f"0.0,{HEIGHT / 2} {WIDTH},{HEIGHT / 2}"
    assert curve("detection", [0.5]).weight == pytest.approx(0.4)


def test_the_usable_share_and_the_commonest_rejections_come_from_the_arenas_counts() -> None:
    counts = {
        "answers_asked": 20,
        "answers_usable_at_once": 10,
        "answers_usable_after_1": 4,
        "answers_usable_after_2": 1,
        "answers_rejected": 5,
        "answers_rejected_missing_quantity": 3,
        "answers_rejected_cut_off": 4,
        "revisions_asked": 9,
    }
    made = answers(counts)
    assert (made.asked, made.usable, made.second_chance) == (20, 0.75, 5)
    assert made.rejections == [("cut_off", 4), ("missing_quantity", 3)]
    assert answers({}).usable is None
