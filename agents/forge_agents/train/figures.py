"""Draw what a training run did, as SVG that takes its colours from the page: curves over steps, and reliability."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, TypeAlias

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import binomtest

from forge_agents.detection import Estimate
from forge_agents.metrics import Row

# Stand-ins that matplotlib accepts as colours; in the page they become the reader's, which may be light or dark.
_INK, _FAINT, _FIRST, _SECOND = "#010203", "#010204", "#010205", "#010206"
_COLOURS = {_INK: "currentColor", _FAINT: "var(--faint)", _FIRST: "var(--first)", _SECOND: "var(--second)"}
_SIZE = (3.5, 2.15)
_SQUARE = (3.5, 3.3)
# A curve is drawn as its running mean over this share of its steps, with the raw values faint behind.
SMOOTHING = 0.05
# A curve that hardly moves must not look as if it did.
_LEAST_SPAN = 0.02

Points: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: points (step, value), perhaps a deviation for each. `noisy` ones are smoothed, others have marks.

    `ends` are the intervals of the first and the last point.
    """

    label: str
    points: Points
    deviations: Sequence[float] = ()
    noisy: bool = True
    ends: tuple[Estimate, Estimate] | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A small figure: a title, up to two curves, limits of its scale where they are known, where phases begin."""

    title: str
    lines: tuple[Line, ...]
    limits: tuple[float, float] | None = None
    phases: tuple[tuple[str, float], ...] = ()

    def svg(self, number: int) -> str:
        with matplotlib.rc_context(_style(number)):
            canvas = Figure(figsize=_SIZE, layout="constrained")
            axes = canvas.add_subplot()
            for line, colour in zip(self.lines, (_FIRST, _SECOND), strict=False):
                _curve(axes, line, colour)
            self._scale(axes)
            for name, step in self.phases if len(self.phases) > 1 else ():
                if step:
                    axes.axvline(step, color=_INK, linewidth=0.8, linestyle=(0, (2, 3)))
                axes.annotate(
                    name, (step, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -9), textcoords="offset points"
                )
            axes.set_xlabel("step")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            if len(self.lines) > 1:
                canvas.legend(
                    *axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, borderpad=0
                )
            return _written(canvas, axes, number)

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


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts that state about the same probability: what they state on average, and how often it was so."""

    stated: float
    true: float
    count: int


def bins(rows: Sequence[Row]) -> list[Bin]:
    """Readable verdicts by their stated P(corrupted), in tenths: 0, 0.1 and so on to 1."""
    known = [(row.p_corrupted, bool(row.corrupted)) for row in rows if row.p_corrupted is not None]
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for stated, corrupted in known:
        tenths.setdefault(round(10 * stated), []).append((stated, corrupted))
    return [
        Bin(float(np.mean([p for p, _ in some])), float(np.mean([c for _, c in some])), len(some))
        for _, some in sorted(tenths.items())
    ]


def reliability(found: Sequence[Bin], number: int, *, second: bool = False) -> str:
    """How often an answer was corrupted against the stated probability that it is; on the diagonal the two agree.

    Bars are Wilson intervals, which take verdicts as independent.
    """
    with matplotlib.rc_context(_style(number)):
        canvas = Figure(figsize=_SQUARE, layout="constrained")
        axes = canvas.add_subplot()
        axes.plot((0, 1), (0, 1), color=_INK, linewidth=0.8, linestyle=(0, (2, 3)))
        colour = _SECOND if second else _FIRST
        most = max((one.count for one in found), default=1)
        for one in found:
            bounds = binomtest(round(one.true * one.count), one.count).proportion_ci(method="wilson")
            axes.plot((one.stated, one.stated), (bounds.low, bounds.high), color=colour, linewidth=1)
            axes.plot(one.stated, one.true, "o", color=colour, markersize=3 + 7 * (one.count / most) ** 0.5)
            axes.annotate(
                str(one.count), (one.stated, one.true), xytext=(6, 3), textcoords="offset points", fontsize=7.5
            )
        axes.set_xlim(-0.05, 1.08)
        axes.set_ylim(-0.05, 1.05)
        axes.set_xlabel("stated P(corrupted)")
        axes.set_ylabel("share corrupted")
        return _written(canvas, axes, number)


def smoothed(values: Sequence[float], share: float = SMOOTHING) -> list[float]:
    """A centred running mean over a share of the values; at the ends over what there is."""
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
    shown = smoothed(values)
    axes.plot(steps, shown, color=colour, linewidth=1.6, label=line.label)
    if line.deviations:
        spread = smoothed(line.deviations)
        low, high = ([v + sign * d for v, d in zip(shown, spread, strict=True)] for sign in (-1, 1))
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)


def _style(number: int) -> Any:
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": f"figure {number}",
        "font.family": "sans-serif",
        "font.size": 8.5,
        "text.color": _INK,
        "axes.edgecolor": _FAINT,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }


def _written(canvas: Figure, axes: Axes, number: int) -> str:
    """The figure as an SVG element whose ids begin with its number, so that several can stand in one page."""
    axes.grid(axis="y", color=_FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    out = StringIO()
    canvas.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Type", "Format")))
    text = out.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", text)
    # The page's style sheet decides the width; the height follows from the view box.
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1))
