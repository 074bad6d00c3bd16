"""Show an audit's report as one HTML page with its figures inside, light or dark as the reader's system is.

Needs the extra `report` (jinja2 and matplotlib), which are imported only when a page is made.
"""

from typing import TYPE_CHECKING

from forge_arena.audits.report import AuditReport, Cell, Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stand-ins for two colours of the page, see `forge_arena.figures.figure`.
_FILL, _LIMIT = "#010205", "#010206"
_COLOURS = {_FILL: "var(--fill)", _LIMIT: "var(--limit)"}
_LINE_HEIGHT = 0.24
_WIDTH = 7.2
_MANY_COLUMNS = 12
_LONGEST_LABEL = 40


def page(report: AuditReport) -> str:
    """The page of a report.

    Raises:
        ModuleNotFoundError: jinja2 or matplotlib is not installed.
    """
    from markupsafe import Markup

    from forge_arena.templates import fill

    figures = [(figure, Markup(svg(figure, n))) for n, figure in enumerate(report.figures)]  # noqa: S704
    return fill(__package__, "page.html.jinja", report=report, figures=figures, shown=format_cell)


def format_cell(cell: Cell) -> str:
    """The text of a cell: a float with three decimals, nothing for None."""
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def svg(figure: Figure, number: int = 0) -> str:
    """A figure as an SVG element whose ids begin with its `number`, so that one page can hold several figures."""
    from forge_arena.figures import figure as draw

    lines = len(figure.rows if figure.kind == "heat" else figure.labels)
    size = (_WIDTH, 0.9 + _LINE_HEIGHT * max(1, lines))
    with draw(number, size, font_size=9, colours=_COLOURS) as drawing:
        _heat(drawing.axes, figure) if figure.kind == "heat" else _marks(drawing.axes, figure)
    return drawing.svg


def _marks(axes: "Axes", figure: Figure) -> None:
    from forge_arena.figures import FAINT, INK

    places = list(range(len(figure.labels)))
    if figure.kind == "bars":
        axes.barh(places, figure.values, color=_FILL, height=0.7)
    if figure.low:
        below = [max(0.0, value - low) for value, low in zip(figure.values, figure.low, strict=True)]
        above = [max(0.0, high - value) for value, high in zip(figure.values, figure.high, strict=True)]
        point = "none" if figure.kind == "bars" else "o"
        axes.errorbar(
            figure.values, places, xerr=(below, above), fmt=point, color=_FILL, ecolor=INK, elinewidth=1, ms=4
        )
    if figure.limit is not None:
        axes.axvline(figure.limit, color=_LIMIT, linestyle="--", linewidth=1.2)
    axes.set_yticks(places, [_short(label) for label in figure.labels])
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _heat(axes: "Axes", figure: Figure) -> None:
    width = len(figure.labels)
    values = [figure.values[at : at + width] for at in range(0, len(figure.values), width)]
    # Values are shares or rewards. All pages have one scale, so that a colour has one meaning.
    axes.pcolormesh(range(width), range(len(values)), values, cmap="viridis", shading="nearest", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(width), [_short(label) for label in figure.labels], rotation=30, ha="left")
    axes.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
    axes.set_yticks(range(len(figure.rows)), [_short(label) for label in figure.rows])
    axes.invert_yaxis()
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            # Viridis is dark up to its middle.
            colour = "white" if value < 0.6 else "black"
            size = 7.5 if width <= _MANY_COLUMNS else 5.5
            axes.text(x, y, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=size)


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "\u2026"
