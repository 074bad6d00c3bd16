"""Draw figures as SVG that takes its colours from the page, light or dark: reliability, and whatever others compose.

Needs the extra `report` (jinja2 and matplotlib).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forge_agents.plot import Bin, draw_reliability

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


def reliability(found: Sequence[Bin], number: int, *, second: bool = False) -> str:
    """The reliability plot of `forge_agents.plot` as SVG."""
    with drawn(number, SQUARE) as figure:
        draw_reliability(figure.axes, found, SECOND if second else FIRST, INK)
    return figure.svg
