"""Draw what accuracy costs, as SVG for a page. Needs the extra `report` (matplotlib)."""

from forge_agents.cost_curve import CostCurve
from forge_agents.drawing import FIRST, figure
from forge_arena.figures import INK

SIZE = (6.4, 3.6)


def cost_figure(curve: CostCurve, number: int) -> str:
    """The points of a curve with their intervals, and a line along its frontier.

    Beside each point stands its place in the curve from 1 on, because names would cover each other. `number` as in
    `drawing.figure`.
    """
    with figure(number, SIZE) as drawing:
        axes = drawing.axes
        points = [
            (place, point, value)
            for place, point in enumerate(curve.points, start=1)
            if (value := point.auroc.value) is not None
        ]
        for place, point, value in points:
            low, high = point.auroc.low, point.auroc.high
            if low is not None and high is not None:
                axes.plot([point.cost, point.cost], [low, high], color=FIRST, linewidth=1)
            axes.plot(point.cost, value, "o", color=FIRST, markersize=4)
            at = (point.cost, value)
            axes.annotate(str(place), at, xytext=(4, 4), textcoords="offset points", fontsize=8, color=INK)
        frontier = [(point.cost, point.auroc.value or 0.0) for point in curve.frontier]
        axes.plot(*zip(*frontier, strict=True), color=INK, linewidth=0.8, linestyle="dashed")
        # Costs of models differ by factors. A logarithm has no place for what costs nothing.
        if min(point.cost for _, point, _ in points) > 0:
            axes.set_xscale("log")
        axes.set_xlabel(curve.unit)
        axes.set_ylabel("AUROC")
    return drawing.svg
