"""Write a matplotlib figure as SVG that takes its colours from the page around it, which may be light or dark.

Needs matplotlib (the extra `report`).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Stand-ins that matplotlib accepts as colours. In the SVG they become colours of the page.
INK, FAINT = "#010203", "#010204"
_COLOURS = {INK: "currentColor", FAINT: "var(--faint)"}


class SvgFigure:
    """A figure with one pair of axes. `svg` is empty until the block of `figure` ends."""

    def __init__(self, canvas: Figure) -> None:
        self.canvas = canvas
        self.axes: Axes = canvas.add_subplot()
        self.svg = ""


@contextmanager
def figure(
    number: int, size: tuple[float, float], *, font_size: float, colours: Mapping[str, str]
) -> Iterator[SvgFigure]:
    """A figure to draw on within a block; its `svg` is there once the block ends.

    Args:
        number: the ids in the SVG begin with this number, so that several figures can share one page.
        size: width and height in inches. They decide the proportions; the page's style sheet decides the width.
        font_size: in points.
        colours: further stand-ins beside `INK` and `FAINT`, and the CSS colour that each becomes. They must be colours
            that nothing else in the figure has.
    """
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": f"figure {number}",
        "font.family": "sans-serif",
        "font.size": font_size,
        "text.color": INK,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(style):  # type: ignore[arg-type]
        drawing = SvgFigure(Figure(figsize=size, layout="constrained"))
        yield drawing
        drawing.axes.spines[["top", "right"]].set_visible(False)
        file = StringIO()
        # Without date and creator, so that the same figure has the same bytes.
        metadata = dict.fromkeys(("Date", "Creator", "Type", "Format"))
        drawing.canvas.savefig(file, format="svg", transparent=True, metadata=metadata)
    drawing.svg = _fit_into_page(file.getvalue(), number, _COLOURS | dict(colours))


def _fit_into_page(text: str, number: int, colours: Mapping[str, str]) -> str:
    """The `<svg>` element of a file, with the page's colours, ids of its own, and no fixed size."""
    svg = text[text.index("<svg") :]
    for stand_in, colour in colours.items():
        svg = svg.replace(stand_in, colour)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", svg)
    # The page's style sheet decides the width; the height follows from the view box.
    for attribute in ("height", "width"):
        svg = re.sub(rf'(<svg[^>]*?) {attribute}="[^"]*"', r"\1", svg, count=1)
    return svg
