"""Draw the figures of the pages in this package: the reliability plot, and an empty figure for other plots.

Needs the extra `report` (jinja2 and matplotlib).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from forge_agents.plot import Bin, draw_reliability
from forge_arena import figures
from forge_arena.figures import FAINT, INK, SvgFigure

# Stand-ins for the two colours of curves in `page.css`, see `forge_arena.figures.figure`.
FIRST, SECOND = "#010205", "#010206"
SQUARE = (3.5, 3.3)


@contextmanager
def figure(number: int, size: tuple[float, float]) -> Iterator[SvgFigure]:
    """A figure to draw on within a block. Its `svg` is set when the block ends. `size` is width and height in inches.

    The ids in the SVG begin with the number, so that several figures can share one page.
    """
    colours = {FIRST: "var(--first)", SECOND: "var(--second)"}
    with figures.figure(number, size, font_size=8.5, colours=colours) as drawing:
        yield drawing
        drawing.axes.grid(axis="y", color=FAINT, linewidth=0.5)
        drawing.axes.set_axisbelow(True)


def reliability(bins: Sequence[Bin], number: int, *, second: bool = False) -> str:
    """The reliability plot of `forge_agents.plot` as SVG."""
    with figure(number, SQUARE) as drawing:
        draw_reliability(drawing.axes, bins, SECOND if second else FIRST, INK)
    return drawing.svg
