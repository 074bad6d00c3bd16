"""Compare runs that differ in one setting: held-out curves with bands over seeds, and the gain of each value.

The figure is like DeepSeekMath's figure 5, with one curve for each value of the setting.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from forge_agents.plot import bins
from forge_agents.result import Result
from forge_agents.train.journal import lines
from forge_arena.measures.paired import differences, mean_metrics
from forge_arena.types import Estimate

CURVES = {
    "reward": "held-out reward",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC of the stated P(corrupted)",
    "brier": "Brier score",
}
_WIDTH, _HEIGHT = 4.2, 2.9

Runs = Mapping[str, Sequence[Path]]
Table = dict[str, dict[str, Estimate]]


def results(folders: Sequence[Path]) -> list[Result]:
    """The last evaluations of the runs in these folders."""
    return [Result.read(folder / "after.json") for folder in folders]


def gains(runs: Runs, start: Result) -> tuple[Table, Table]:
    """For each value of the setting, averaged over its seeds: every held-out metric, and its difference from the
    start."""
    ends = {value: [result.rows for result in results(folders)] for value, folders in runs.items()}
    return (
        {value: mean_metrics(rows) for value, rows in ends.items()},
        {value: differences([(start.rows, end) for end in rows]) for value, rows in ends.items()},
    )


def curve(folders: Sequence[Path], metric: str) -> tuple[list[int], NDArray[np.float64]]:
    """The steps at which all runs were measured, and the values at these steps, (runs, steps)."""
    by_step = [
        {line["step"]: line[metric] for line in lines(folder, "held_out.jsonl") if line.get(metric) is not None}
        for folder in folders
    ]
    steps = sorted(set.intersection(*map(set, by_step))) if by_step else []
    return steps, np.array([[values[step] for step in steps] for values in by_step], dtype=np.float64)


def draw(runs: Runs, start: Result, path: Path) -> None:
    """Write the figure: four held-out curves with bands from the lowest to the highest seed, and reliability."""
    with matplotlib.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        canvas = Figure(figsize=(3 * _WIDTH, 2 * _HEIGHT), layout="constrained")
        panels = canvas.subplots(2, 3)
        for axes, (metric, title) in zip(panels.flat, CURVES.items(), strict=False):
            at_start = mean_metrics([start.rows], resamples=0)[metric].value
            for number, (value, folders) in enumerate(runs.items()):
                steps, values = curve(folders, metric)
                if at_start is not None and steps and steps[0] > 0:
                    steps, values = [0, *steps], np.column_stack([np.full(len(values), at_start), values])
                axes.plot(steps, values.mean(axis=0), marker="o", markersize=2.5, color=f"C{number}", label=value)
                axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=f"C{number}", alpha=0.15, lw=0)
            axes.set(title=title, xlabel="step")
        panels.flat[0].legend(frameon=False)
        axes = panels.flat[len(CURVES)]
        axes.plot([0, 1], [0, 1], color="0.7", lw=0.8)
        for number, folders in enumerate(runs.values()):
            points = bins([row for result in results(folders) for row in result.rows])
            axes.plot(
                [point.stated for point in points],
                [point.true for point in points],
                marker="o",
                markersize=3,
                color=f"C{number}",
            )
        axes.set(title="stated P(corrupted) and the share corrupted", xlabel="stated", xlim=(0, 1), ylim=(0, 1))
        panels.flat[len(CURVES) + 1].axis("off")
        canvas.savefig(path, dpi=130)
