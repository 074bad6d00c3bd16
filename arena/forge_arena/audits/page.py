"""Show an audit's report as one HTML page that needs nothing else: figures inside, light or dark as the reader's system.

Needs the extra `report` (jinja2 and matplotlib), which are imported only when a page is made.
"""

import re
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING, Any

from forge_arena.audits.report import AuditReport, Cell, Figure
from forge_arena.visible import visible_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Stand-ins that matplotlib accepts as colours; in the page they become the reader's, which may be light or dark.
_INK, _FAINT, _FILL, _LIMIT = "#010203", "#010204", "#010205", "#010206"
_COLOURS = {_INK: "currentColor", _FAINT: "var(--faint)", _FILL: "var(--fill)", _LIMIT: "var(--limit)"}
_LINE_HEIGHT = 0.24
_WIDTH = 7.2
_MANY_COLUMNS = 12
_LONGEST_LABEL = 40


def page(report: AuditReport) -> str:
    """The page of a report.

    Raises:
        ModuleNotFoundError: jinja2 or matplotlib is not installed.
    """
    import jinja2
    from markupsafe import Markup

    text = files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = [(figure, Markup(svg(figure, n))) for n, figure in enumerate(report.figures)]  # noqa: S704
    return environment.from_string(text).render(report=report, figures=drawn, shown=shown)


def shown(cell: Cell) -> str:
    """A cell as a reader wants it: three decimals, nothing for None."""
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def svg(figure: Figure, number: int = 0) -> str:
    """A figure as an SVG element whose ids begin with its `number`, so that several can stand in one page."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": f"figure {number}",
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": _INK,
        "axes.edgecolor": _FAINT,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    lines = len(figure.rows if figure.kind == "heat" else figure.labels)
    with matplotlib.rc_context(style):
        canvas = Canvas(figsize=(_WIDTH, 0.9 + _LINE_HEIGHT * max(1, lines)), layout="constrained")
        axes = canvas.add_subplot()
        _heat(axes, figure) if figure.kind == "heat" else _marks(axes, figure)
        for spine in ("top", "right"):
            axes.spines[spine].set_visible(False)
        written = StringIO()
        canvas.savefig(
            written, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Type", "Format"))
        )
    text = written.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", text)
    # The page's style sheet decides the width; the height follows from the view box.
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1))


def _marks(axes: "Axes", figure: Figure) -> None:
    places = list(range(len(figure.labels)))
    if figure.kind == "bars":
        axes.barh(places, figure.values, color=_FILL, height=0.7)
    if figure.low:
        below = [max(0.0, value - low) for value, low in zip(figure.values, figure.low, strict=True)]
        above = [max(0.0, high - value) for value, high in zip(figure.values, figure.high, strict=True)]
        point = "none" if figure.kind == "bars" else "o"
        axes.errorbar(
            figure.values, places, xerr=(below, above), fmt=point, color=_FILL, ecolor=_INK, elinewidth=1, ms=4
        )
    if figure.limit is not None:
        axes.axvline(figure.limit, color=_LIMIT, linestyle="--", linewidth=1.2)
    axes.set_yticks(places, [_short(label) for label in figure.labels])
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.grid(axis="x", color=_FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _heat(axes: "Axes", figure: Figure) -> None:
    width = len(figure.labels)
    values = [figure.values[at : at + width] for at in range(0, len(figure.values), width)]
    # Shares and rewards: one scale for all pages, so that the same colour means the same.
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
