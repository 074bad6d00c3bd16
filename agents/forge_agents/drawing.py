"""Draw figures as SVG that takes its colours from the page, light or dark: reliability, and whatever others compose.

Needs the extra `report` (jinja2 and matplotlib).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from forge_arena.metrics import Row

# Stand-ins that matplotlib accepts as colours; in the page they become the reader's, which may be light or dark.
INK, FAINT, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206"
_COLOURS = {INK: "currentColor", FAINT: "var(--faint)", FIRST: "var(--first)", SECOND: "var(--second)"}
SQUARE = (3.5, 3.3)


class Drawing:
    """One figure while it is drawn; `svg` is there once it is done."""

    def __init__(self, canvas: Figure) -> None:
        self.canvas = canvas
        self.axes: Axes = canvas.add_subplot()
        self.svg = ""


@contextmanager
def drawn(number: int, size: tuple[float, float]) -> Iterator[Drawing]:
    """A figure of so many inches to draw on. Its ids begin with its number, so that several can stand in one page."""
    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": f"figure {number}",
            "font.family": "sans-serif",
            "font.size": 8.5,
            "text.color": INK,
            "axes.edgecolor": FAINT,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    ):
        figure = Drawing(Figure(figsize=size, layout="constrained"))
        yield figure
        axes = figure.axes
        axes.grid(axis="y", color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        out = StringIO()
        figure.canvas.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Type", "Format"))
        )
    text = out.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", text)
    # The page's style sheet decides the width; the height follows from the view box.
    figure.svg = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    )


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
    with drawn(number, SQUARE) as figure:
        axes = figure.axes
        axes.plot((0, 1), (0, 1), color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
        colour = SECOND if second else FIRST
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
    return figure.svg
