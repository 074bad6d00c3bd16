"""What is drawn of an evaluation: the ROC and how reliable the stated probability is, on any matplotlib axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import roc_curve

from forge_arena.detection import Floats
from forge_arena.metrics import Row, as_judged, judged_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forge_agents.result import Result


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


@dataclass(frozen=True, slots=True)
class Roc:
    """False and true positive rates over all thresholds on the stated P(corrupted), and at the overseer's own decision."""

    fpr: Floats
    tpr: Floats
    own: tuple[float, float]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The ROC of judged rows of both classes; what could not be read is wrong at full confidence."""
        judged = as_judged(rows)
        fpr, tpr, _ = roc_curve(judged.corrupted, judged.p, drop_intermediate=False)
        flagged, corrupted = judged.flagged, judged.corrupted
        return cls(fpr, tpr, (float(flagged[~corrupted].mean()), float(flagged[corrupted].mean())))

    def draw(self, axes: "Axes", colour: str, ink: str, limit: float = 1.0) -> None:
        """Draw it up to a false alarm rate."""
        axes.plot((0, 1), (0, 1), color=ink, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.plot(self.fpr, self.tpr, color=colour, linewidth=1.6)
        if self.own[0] <= limit:
            axes.plot(*self.own, "o", color=ink, markersize=5)
            axes.annotate("its decision", self.own, xytext=(6, -10), textcoords="offset points", fontsize=7.5)
        axes.set_xlim(-0.03 * limit, 1.03 * limit)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("false alarms on right answers")
        axes.set_ylabel("corrupted found")


def draw_reliability(axes: "Axes", found: Sequence[Bin], colour: str, ink: str) -> None:
    """How often an answer was corrupted against the stated probability that it is; on the diagonal the two agree.

    Bars are Wilson intervals, which take verdicts as independent.
    """
    axes.plot((0, 1), (0, 1), color=ink, linewidth=0.8, linestyle=(0, (2, 3)))
    most = max((one.count for one in found), default=1)
    for one in found:
        bounds = binomtest(round(one.true * one.count), one.count).proportion_ci(method="wilson")
        axes.plot((one.stated, one.stated), (bounds.low, bounds.high), color=colour, linewidth=1)
        axes.plot(one.stated, one.true, "o", color=colour, markersize=3 + 7 * (one.count / most) ** 0.5)
        axes.annotate(str(one.count), (one.stated, one.true), xytext=(6, 3), textcoords="offset points", fontsize=7.5)
    axes.set_xlim(-0.05, 1.08)
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlabel("stated P(corrupted)")
    axes.set_ylabel("share corrupted")


def plotted(result: "Result") -> "Figure":
    """ROC and reliability of a result, beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = judged_rows(result.rows)
    if result.scorecard.auroc.value is not None:
        Roc.of(rows).draw(left, "C0", "0.3")
    draw_reliability(right, bins(rows), "C0", "0.3")
    figure.suptitle(f"{result.overseer} on {result.source}")
    return figure
