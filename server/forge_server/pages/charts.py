"""Charts of the pages as values: lines over an axis with a few round ticks. `parts.html.jinja` draws them as SVG.

Everything is a place in a picture that is `WIDTH` wide, so that a template only writes the numbers down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10
from statistics import fmean
from typing import Literal, TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]

# The picture, and the part of it inside the axes. Below the axes is room for the ticks.
WIDTH, HEIGHT = 320.0, 190.0
LEFT, RIGHT, TOP, BELOW = 40.0, 312.0, 10.0, 26.0
# The style sheet has so many colours for lines.
COLOURS = 6
# A line is drawn with at most so many points, and smoothed over this share of them.
MOST_POINTS, SMOOTHED = 240, 0.05
# Larger numbers are drawn at the edge. Otherwise the difference of two of them might be infinite.
LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Line:
    """A curve to draw. `colour` is 0 to `COLOURS` - 1. A noisy line is smoothed, with its own points faintly behind it;
    one with `dots` shows each point; a plain one is drawn as it is, and one of `chance` stays in the background."""

    label: str
    colour: int
    points: Points
    style: Literal["noisy", "dots", "plain", "chance"] = "plain"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as places. `raw` is empty unless the line is noisy. `ends_at` is its last value."""

    label: str
    colour: int
    style: str
    path: str
    raw: str
    dots: tuple[tuple[float, float], ...]
    ends_at: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as places. `summary` says in words what a person who does not see the picture needs."""

    title: str
    height: float
    lines: tuple[Drawn, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    y_range: tuple[float, float] | None = None,
    x_range: tuple[float, float] | None = None,
    height: float = HEIGHT,
    summary: str = "",
) -> Chart | None:
    """The chart of some lines; None if no line has a point. Without a range the axis fits what is drawn, and without a
    summary the last values are one."""
    clipped = [
        Line(line.label, line.colour, [(x, _clip(y)) for x, y in line.points], line.style)
        for line in lines
        if line.points
    ]
    if not clipped:
        return None
    x_axis = _Axis.of([x for line in clipped for x, _ in line.points], x_range, (LEFT, RIGHT))
    y_axis = _Axis.of([y for line in clipped for _, y in line.points], y_range, (height - BELOW, TOP))
    ends = [f"{line.label or title} {short(line.points[-1][1])}" for line in clipped]
    return Chart(
        title=title,
        height=height,
        lines=tuple(_draw(line, x_axis, y_axis) for line in clipped),
        x_ticks=x_axis.ticks(4),
        y_ticks=y_axis.ticks(4),
        summary=summary or f"{title}, the last values: {', '.join(ends)}",
    )


def short(value: float) -> str:
    """A number for an axis: three digits, without an exponent where there is room."""
    return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-").replace("-", "\u2212")


def smoothed(values: Sequence[float]) -> list[float]:
    """A centred running mean over `SMOOTHED` of the values; at the ends over fewer."""
    reach = int(len(values) * SMOOTHED / 2)
    return [fmean(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))]


def thinned(points: Points) -> Points:
    """At most `MOST_POINTS` points, each the mean of as many neighbours. The first and the last place are kept."""
    if len(points) <= MOST_POINTS:
        return points
    bounds = [len(points) * n // MOST_POINTS for n in range(MOST_POINTS + 1)]
    groups = [points[start:stop] for start, stop in pairwise(bounds)]
    means = [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in groups]
    return [(points[0][0], means[0][1]), *means[1:-1], (points[-1][0], means[-1][1])]


def _clip(value: float) -> float:
    return max(-LARGEST, min(LARGEST, value))


@dataclass(frozen=True, slots=True)
class _Axis:
    """From `low` to `high` on a stretch of the picture."""

    low: float
    high: float
    stretch: tuple[float, float]

    @classmethod
    def of(cls, values: Sequence[float], given: tuple[float, float] | None, stretch: tuple[float, float]) -> "_Axis":
        low, high = (min(values), max(values)) if given is None else given
        if high - low < 1e-9 * max(1.0, abs(low), abs(high)):
            # A line that does not move lies in the middle.
            room = max(0.01, 0.1 * abs(high))
            low, high = low - room, high + room
        return cls(low, high, stretch)

    def at(self, value: float) -> float:
        begin, end = self.stretch
        share = (value - self.low) / (self.high - self.low)
        return begin + max(0.0, min(1.0, share)) * (end - begin)

    def ticks(self, count: int) -> tuple[Tick, ...]:
        """About `count` round numbers between the ends."""
        least = (self.high - self.low) / count
        size = 10.0 ** floor(log10(least))
        step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= least * (1 - 1e-9))
        first, last = -floor(-self.low / step + 1e-9), floor(self.high / step + 1e-9)
        return tuple(Tick(self.at(n * step), short(n * step) if n else "0") for n in range(first, last + 1))


def _draw(line: Line, x_axis: _Axis, y_axis: _Axis) -> Drawn:
    points = thinned(line.points) if line.style == "noisy" else line.points
    raw = ""
    if line.style == "noisy" and len(points) > 2:
        raw = _path(points, x_axis, y_axis)
        points = [(x, y) for (x, _), y in zip(points, smoothed([y for _, y in points]), strict=True)]
    # A single point is no line, so it is shown as a dot.
    dots = points if line.style == "dots" or len(points) == 1 else ()
    return Drawn(
        label=line.label,
        colour=line.colour,
        style=line.style,
        path=_path(points, x_axis, y_axis),
        raw=raw,
        dots=tuple((round(x_axis.at(x), 1), round(y_axis.at(y), 1)) for x, y in dots),
        ends_at=line.points[-1][1],
    )


def _path(points: Points, x_axis: _Axis, y_axis: _Axis) -> str:
    return " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in points)
