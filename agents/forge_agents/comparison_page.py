"""Write the page of `compare`: results beside each other, what is shown of their differences, and what accuracy costs.

Needs the extra `report` (jinja2 and matplotlib).
"""

from collections.abc import Sequence

from markupsafe import Markup

from forge_agents.compare import METRICS_BY_TYPE, NAMES, Comparison
from forge_agents.cost_curve import cost_curve
from forge_agents.cost_figure import cost_figure
from forge_agents.pages import fill
from forge_agents.report import cost_in_words
from forge_agents.result import HEADLINE, Result
from forge_agents.words import counted, format_difference, format_number, interval


def comparison_page(results: Sequence[Result], comparisons: Sequence[Comparison]) -> str:
    """The page. `comparisons` are those of the first result with each of the others, in order."""
    curve = cost_curve(results)
    return fill(
        "comparison.html.jinja",
        results=results,
        comparisons=comparisons,
        headline=HEADLINE,
        names=NAMES,
        told_metrics=METRICS_BY_TYPE,
        curve=curve,
        figure=None if curve is None else Markup(cost_figure(curve, 1)),  # noqa: S704
        cost=cost_in_words,
        counted=counted,
        format_number=format_number,
        format_difference=format_difference,
        interval=interval,
    )
