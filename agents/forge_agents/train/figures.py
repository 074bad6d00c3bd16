"""Draw the figures of a training run: curves over its steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from forge_agents.drawing import FIRST, SECOND, figure
from forge_arena.figures import INK
from forge_arena.types import Estimate

_SIZE = (3.5, 2.15)
# A curve is its running mean over this share of its steps, with the raw values faintly behind it.
SMOOTHING = 0.05
# The least range of the vertical axis, because a curve that hardly moves must not look as if it moved.
_LEAST_SPAN = 0.02

Points: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve.

    Attributes:
        points: (step, value).
        deviations: a standard deviation for each point, or none.
        noisy: whether the curve is smoothed. Otherwise each point has a mark.
        ends: the intervals of the first and the last point.
    """

    label: str
    points: Points
    deviations: Sequence[float] = ()
    noisy: bool = True
    ends: tuple[Estimate, Estimate] | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A small figure of up to two curves.

    `limits` are the ends of the vertical axis. `phases` are the phases of the run and the steps at which they begin.
    """

    title: str
    lines: tuple[Line, ...]
    limits: tuple[float, float] | None = None
    phases: tuple[tuple[str, float], ...] = ()

    def svg(self, number: int) -> str:
        with figure(number, _SIZE) as drawing:
            axes = drawing.axes
            for line, colour in zip(self.lines, (FIRST, SECOND), strict=False):
                _curve(axes, line, colour)
            self._scale(axes)
            for name, step in self.phases if len(self.phases) > 1 else ():
                if step:
                    axes.axvline(step, color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
                axes.annotate(
                    name, (step, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -9), textcoords="offset points"
                )
            axes.set_xlabel("step")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            if len(self.lines) > 1:
                drawing.canvas.legend(
                    *axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, borderpad=0
                )
        return drawing.svg

    def _scale(self, axes: Axes) -> None:
        if self.limits is not None:
            low, high = self.limits
            axes.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
            axes.set_yticks([low + quarter * (high - low) / 4 for quarter in range(5)])
            return
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        low, high = axes.get_ylim()
        if high - low < _LEAST_SPAN:
            middle = (low + high) / 2
            axes.set_ylim(middle - _LEAST_SPAN / 2, middle + _LEAST_SPAN / 2)


def running_mean(values: Sequence[float], share: float = SMOOTHING) -> list[float]:
    """A centred running mean over a share of the values; at the ends over fewer values."""
    reach = int(len(values) * share / 2)
    return [float(np.mean(values[max(0, at - reach) : at + reach + 1])) for at in range(len(values))]


def _curve(axes: Axes, line: Line, colour: str) -> None:
    steps, values = [x for x, _ in line.points], [y for _, y in line.points]
    if not line.noisy:
        axes.plot(steps, values, "o-", color=colour, linewidth=1.4, markersize=3.5, label=line.label)
        for at, end in zip((0, -1), line.ends or (), strict=False):
            if end.low is not None and end.high is not None:
                axes.plot((steps[at], steps[at]), (end.low, end.high), color=colour, linewidth=1)
        return
    axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.35)
    smooth = running_mean(values)
    axes.plot(steps, smooth, color=colour, linewidth=1.6, label=line.label)
    if line.deviations:
        spread = running_mean(line.deviations)
        low, high = ([v + sign * d for v, d in zip(smooth, spread, strict=True)] for sign in (-1, 1))
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
