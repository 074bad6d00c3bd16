"""The page Runs: the curves of training runs while they learn, several over each other, beside their held-out
measurements."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from forge_arena.types import Components
from forge_arena.wire import Run
from forge_server.access import Caller
from forge_server.errors import UnknownRun
from forge_server.pages.charts import COLOURS, Chart, Line, chart
from forge_server.run_records import UNKNOWN, StoredPoint
from forge_server.runs import Runs

UNIT = (0.0, 1.0)
# The most charts of numbers that this page does not know.
MOST_OTHERS = 24


@dataclass(frozen=True, slots=True)
class Metric:
    """What one chart shows: a number of the training steps as a line, and one of the measurements as dots.

    Either name may be None. `scale` is None for an axis that fits the values.
    """

    title: str
    train: str | None
    held_out: str | None
    scale: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Charts under one heading."""

    title: str
    charts: list[Chart]


@dataclass(frozen=True, slots=True)
class Shown:
    """A run that is drawn: its colour, its numbers by kind and name as (step, value), and its last values.

    The steps of a run with several phases are counted on from phase to phase.
    """

    run: Run
    colour: int
    phases: tuple[str, ...]
    curves: dict[tuple[str, str], list[tuple[float, float]]]

    @classmethod
    def of(cls, run: Run, colour: int, points: Sequence[StoredPoint]) -> "Shown":
        ends: dict[str, int] = {}
        for point in points:
            ends[point.phase] = max(ends.get(point.phase, 0), point.step)
        begins, at = {}, 0
        for phase in sorted(ends):
            begins[phase] = at
            at += ends[phase]
        curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for point in sorted(points, key=lambda point: begins[point.phase] + point.step):
            for name, value in point.numbers.items():
                curves.setdefault((point.kind, name), []).append((begins[point.phase] + point.step, value))
        return cls(run, colour, tuple(begins), curves)

    def last(self, kind: str, name: str) -> float | None:
        points = self.curves.get((kind, name))
        return None if not points else points[-1][1]

    @property
    def steps(self) -> int:
        """The last step of training, 0 if none was reported."""
        return int(max((points[-1][0] for (kind, _), points in self.curves.items() if kind == "train"), default=0))


GROUPS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    (
        "What it earns",
        (
            Metric("reward", "reward", "reward"),
            *(Metric(name, f"rewards/{name}/mean", f"components/{name}", UNIT) for name in Components.model_fields),
        ),
    ),
    (
        "On held-out episodes",
        (
            Metric("balanced accuracy", None, "balanced_accuracy"),
            Metric("AUROC", None, "auroc"),
            Metric("Brier score, lower is better", None, "brier"),
            Metric("skill", None, "skill"),
            Metric("F1", None, "f1", UNIT),
            Metric("type named rightly", None, "type_accuracy", UNIT),
        ),
    ),
    (
        "How the policy behaves",
        (
            Metric("KL to the starting policy", "kl", None),
            Metric("share flagged", "verdicts/flagged", "share_flagged", UNIT),
            Metric("share unreadable", "verdicts/invalid", "invalid", UNIT),
            Metric("stated confidence", "verdicts/confidence", None, UNIT),
            Metric("groups with one reward for all", "frac_reward_zero_std", None, UNIT),
            Metric("entropy, nats a token", "entropy", None),
            Metric("tokens of a completion", "completions/mean_length", None),
        ),
    ),
)
# What the table of the last values shows.
COLUMNS = (
    ("reward", "train", "reward"),
    ("KL", "train", "kl"),
    ("flagged", "train", "verdicts/flagged"),
    ("held-out reward", "held_out", "reward"),
    ("balanced accuracy", "held_out", "balanced_accuracy"),
    ("AUROC", "held_out", "auroc"),
)


async def training(runs: Runs, query: QueryParams, caller: Caller) -> dict[str, Any]:
    """What the page shows: the runs of this caller, and the curves of the chosen ones, by default the newest.

    Raises:
        UnknownRun: none of the runs in the query is this caller's.
    """
    listed = (await runs.own(caller)).runs
    wanted = set(query.getlist("run"))
    chosen = [run for run in listed if run.run_id in wanted] if wanted else list(listed[:1])
    if wanted and not chosen:
        raise UnknownRun(UNKNOWN)
    chosen = chosen[:COLOURS]
    points = await runs.points(chosen)
    # In a thread, because runs may hold thousands of points.
    shown = await asyncio.to_thread(
        lambda: [Shown.of(run, n, some) for n, (run, some) in enumerate(zip(chosen, points, strict=True))]
    )
    return {
        "title": "Runs",
        "runs": listed,
        "chosen": {run.run_id for run in chosen},
        "most": COLOURS,
        "shown": shown,
        "columns": COLUMNS,
        "groups": await asyncio.to_thread(_groups, shown),
        "others": await asyncio.to_thread(_others, shown),
    }


def _groups(shown: Sequence[Shown]) -> list[Group]:
    groups = [Group(title, _charts(metrics, shown)) for title, metrics in GROUPS]
    return [group for group in groups if group.charts]


def _others(shown: Sequence[Shown]) -> list[Chart]:
    """Charts of the numbers that no group has, for trainers with names of their own."""
    known = {name for _, metrics in GROUPS for metric in metrics for name in (metric.train, metric.held_out)}
    names = sorted({name for one in shown for _, name in one.curves} - known)
    return _charts((Metric(name, name, name) for name in names[:MOST_OTHERS]), shown)


def _charts(metrics: Iterable[Metric], shown: Sequence[Shown]) -> list[Chart]:
    charts = []
    # All charts have one horizontal axis, so that a step is at the same place in each.
    last = max((points[-1][0] for one in shown for points in one.curves.values()), default=0.0)
    for metric in metrics:
        lines = []
        for one in shown:
            # With one run its name says nothing that the page does not say already.
            name = one.run.name if len(shown) > 1 else ""
            for kind, number, words in (("train", metric.train, ""), ("held_out", metric.held_out, "held out")):
                label = ", ".join(filter(None, (name, words)))
                points = one.curves.get((kind, number or ""), [])
                lines.append(Line(label, one.colour, points, "noisy" if kind == "train" else "dots"))
        if (made := chart(metric.title, lines, y_range=metric.scale, x_range=(0.0, last))) is not None:
            charts.append(made)
    return charts
