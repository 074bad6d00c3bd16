"""Write the page of an attack: what the overseer still finds, as tables and as a plot, with what it does not show.

Needs the extra `report` (jinja2 and matplotlib).
"""

from markupsafe import Markup

from forge_agents.attack import AttackResult
from forge_agents.drawing import FIRST, SECOND, figure
from forge_agents.pages import fill
from forge_agents.words import counted, format_difference, format_number, interval, setting
from forge_arena.figures import INK

SIZE = (6.4, 3.6)
# The measures of the plot, and the colour and the name of each curve.
CURVES = {"auroc": (INK, "AUROC"), "tpr_at_5": (FIRST, "found at 5%"), "tpr_at_1": (SECOND, "found at 1%")}


def attack_page(result: AttackResult) -> str:
    """The page of a result whose curve is not empty."""
    return fill(
        "attack.html.jinja",
        result=result,
        settings=setting(result.settings),
        figure=Markup(_figure(result)),  # noqa: S704
        counted=counted,
        format_number=format_number,
        format_difference=format_difference,
        interval=interval,
    )


def _figure(result: AttackResult) -> str:
    """Each measure over the number of tries, with its interval as a bar."""
    with figure(1, SIZE) as drawing:
        axes = drawing.axes
        tries = [point.tries for point in result.curve]
        for name, (colour, title) in CURVES.items():
            known = [
                (point.tries, estimate)
                for point in result.curve
                if (estimate := getattr(point, name)).value is not None
            ]
            axes.plot([n for n, _ in known], [e.value for _, e in known], "o-", color=colour, markersize=4, label=title)
            for number, estimate in known:
                if estimate.low is not None and estimate.high is not None:
                    axes.plot((number, number), (estimate.low, estimate.high), color=colour, linewidth=0.8)
        if tries[-1] > 1:
            axes.set_xscale("log", base=2)
        axes.set_xticks(tries, [str(number) for number in tries])
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("corruptions tried of each answer")
        axes.legend(frameon=False)
    return drawing.svg
