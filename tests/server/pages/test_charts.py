"""Charts as values: where a line lies, what stands on the axes, and what happens to odd numbers."""

import pytest

from forge_server.pages.charts import (
    BELOW,
    HEIGHT,
    LEFT,
    MOST_POINTS,
    RIGHT,
    TOP,
    Chart,
    Line,
    Points,
    chart,
    short,
    smoothed,
    thinned,
)

BOTTOM = HEIGHT - BELOW


def made(*points: tuple[float, float], noisy: bool = False, y_range: tuple[float, float] | None = None) -> Chart:
    result = chart("reward", [Line("", 0, points, "noisy" if noisy else "plain")], y_range=y_range)
    assert result is not None
    return result


def test_a_line_goes_from_the_left_to_the_right_and_up_is_more() -> None:
    (line,) = made((0, 0.0), (5, 0.5), (10, 1.0)).lines
    assert line.path == f"{LEFT},{BOTTOM} {(LEFT + RIGHT) / 2},{(TOP + BOTTOM) / 2} {RIGHT},{TOP}"


def test_the_ticks_are_round_and_within_the_axis() -> None:
    chart = made((0, 0.0), (200, 1.0), y_range=(0.0, 1.0))
    assert [tick.label for tick in chart.y_ticks] == ["0", "0.25", "0.5", "0.75", "1"]
    assert [tick.label for tick in chart.x_ticks] == ["0", "50", "100", "150", "200"]
    assert (chart.y_ticks[0].at, chart.y_ticks[-1].at) == (BOTTOM, TOP)
    assert (chart.x_ticks[0].at, chart.x_ticks[-1].at) == (LEFT, RIGHT)
    assert [tick.label for tick in made((1, -0.03), (9, 0.04)).y_ticks] == ["\u22120.02", "0", "0.02", "0.04"]


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e308, -1e308, 5e-324, 12345.678])
def test_a_line_that_does_not_move_lies_in_the_middle(value: float) -> None:
    chart = made((0, value), (1, value))
    assert [dot.split(",")[1] for dot in chart.lines[0].path.split()] == [f"{(TOP + BOTTOM) / 2:.1f}"] * 2
    assert 1 <= len(chart.y_ticks) <= 6


def test_the_largest_numbers_are_drawn_and_nothing_leaves_the_picture() -> None:
    (line,) = made((0, -1.7e308), (1, 1.7e308), (2, 0.0)).lines
    places = [tuple(map(float, place.split(","))) for place in line.path.split()]
    assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in places)
    assert made((0, 7.0), (1, -7.0), y_range=(0.0, 1.0)).lines[0].path == f"{LEFT},{TOP} {RIGHT},{BOTTOM}"


def test_one_point_is_a_dot_and_no_point_is_no_chart() -> None:
    (line,) = made((3, 0.5), noisy=True).lines
    assert (len(line.dots), line.raw, line.ends_at) == (1, "", 0.5)
    assert chart("reward", [Line("", 0, [])]) is None
    assert chart("reward", []) is None


def test_a_noisy_line_is_smoothed_with_its_own_points_behind_it() -> None:
    points: Points = [(n, float(n % 2)) for n in range(200)]
    (line,) = made(*points, noisy=True).lines
    heights = [float(place.split(",")[1]) for place in line.path.split()]
    raw = [float(place.split(",")[1]) for place in line.raw.split()]
    assert max(heights[10:-10]) - min(heights[10:-10]) < 0.15 * (max(raw) - min(raw))
    assert len(raw) == 200
    assert smoothed([1.0, 2.0]) == [1.0, 2.0]


def test_a_long_line_is_thinned_to_means_and_keeps_its_ends() -> None:
    points = [(n, float(n)) for n in range(10 * MOST_POINTS + 7)]
    few = thinned(points)
    assert len(few) == MOST_POINTS
    assert (few[0][0], few[-1][0]) == (0, points[-1][0])
    assert sum(y for _, y in few) / len(few) == pytest.approx(sum(y for _, y in points) / len(points), rel=0.01)
    assert thinned(points[:MOST_POINTS]) == points[:MOST_POINTS]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.25, "0.25"), (-0.5, "\u22120.5"), (12345.0, "1.23e4"), (0.00002, "2e\u22125"), (1e15, "1e+15")],
)
def test_a_number_on_an_axis_is_short(value: float, words: str) -> None:
    assert short(value) == words
