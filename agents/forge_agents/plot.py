"""Draw an evaluation on any matplotlib axes: its ROC, and how reliable the stated probability is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forge_arena.measures.roc import Roc
from forge_arena.measures.scorecard import Row, graded_rows
from forge_arena.measures.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forge_agents.result import Result


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts that state about the same P(corrupted): the mean of the stated values, and the share that was corrupted.

    Both are 0 to 1.
    """

    stated: float
    true: float
    count: int


def bins(rows: Sequence[Row]) -> list[Bin]:
    """Readable verdicts by their stated P(corrupted), rounded to tenths: 0, 0.1 and so on to 1."""
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for row in rows:
        if row.p_corrupted is not None:
            tenths.setdefault(round(10 * row.p_corrupted), []).append((row.p_corrupted, bool(row.corrupted)))
    return [
        Bin(float(np.mean([p for p, _ in verdicts])), float(np.mean([c for _, c in verdicts])), len(verdicts))
        for _, verdicts in sorted(tenths.items())
    ]


def draw_roc(roc: Roc, axes: "Axes", colour: str, ink: str, limit: float = 1.0) -> None:
    """Draw the ROC up to the false alarm rate `limit`, with the overseer's own decision as a point."""
    axes.plot((0, 1), (0, 1), color=ink, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.plot(roc.fpr, roc.tpr, color=colour, linewidth=1.6)
    if roc.own[0] <= limit:
        axes.plot(*roc.own, "o", color=ink, markersize=5)
        axes.annotate("its decision", roc.own, xytext=(6, -10), textcoords="offset points", fontsize=7.5)
    axes.set_xlim(-0.03 * limit, 1.03 * limit)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("false alarms on right answers")
    axes.set_ylabel("corrupted found")


def draw_reliability(axes: "Axes", points: Sequence[Bin], colour: str, ink: str) -> None:
    """The share of corrupted answers over the stated P(corrupted); on the diagonal the two agree.

    The bars are Wilson intervals, which treat verdicts as independent.
    """
    axes.plot((0, 1), (0, 1), color=ink, linewidth=0.8, linestyle=(0, (2, 3)))
    most = max((point.count for point in points), default=1)
    for point in points:
        x, y = point.stated, point.true
        axes.plot((x, x), wilson_interval(round(y * point.count), point.count), color=colour, linewidth=1)
        axes.plot(x, y, "o", color=colour, markersize=3 + 7 * (point.count / most) ** 0.5)
        axes.annotate(str(point.count), (x, y), xytext=(6, 3), textcoords="offset points", fontsize=7.5)
    axes.set_xlim(-0.05, 1.08)
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlabel("stated P(corrupted)")
    axes.set_ylabel("share corrupted")


def plot_result(result: "Result") -> "Figure":
    """The ROC and the reliability of a result, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = graded_rows(result.rows)
    if result.scorecard.auroc.value is not None:
        draw_roc(Roc.of(rows), left, "C0", "0.3")
    draw_reliability(right, bins(rows), "C0", "0.3")
    figure.suptitle(f"{result.overseer} on {result.source}")
    return figure
