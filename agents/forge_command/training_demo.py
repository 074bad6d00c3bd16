"""`forge-arena train demo`: train an overseer from nothing on a CPU, and compare it with its controls.

The demo makes a model from scratch, gives it a warm start, and trains it by GRPO over REST with several seeds. The
controls are shuffled rewards, the starting model with its threshold moved, the starting model that must check before
it judges, supervised training for the same time, and the constants. All of them judge the same episodes of the test
families.
"""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forge_arena.locks import lock_folder
from forge_command.child import running_server
from forge_command.console import JsonFile, as_json, deliver, extra
from forge_command.training import Changes, reporting
from forge_command.training_runs import folder_of, train_all

if TYPE_CHECKING:
    from forge_agents.result import Result
    from forge_agents.train.online import ArenaAddress
    from forge_agents.train.presets import Preset
    from forge_agents.train.progress import Reporter
    from forge_arena.types import Estimate

EPILOG = """Example:

forge-arena train demo --out train-demo --seeds 3"""
SHOWN = {
    "reward": "reward",
    "balanced_accuracy": "bal.acc",
    "auroc": "AUROC",
    "auroc_log_odds": "of logit",
    "brier": "Brier",
    "share_flagged": "flagged",
}


def demo(
    out: Annotated[Path, typer.Option(help="Folder for models, runs and results.")] = Path("train-demo"),
    seeds: Annotated[int, typer.Option(min=1, help="Runs of GRPO, each with another seed.")] = 3,
    change: Changes = None,
    json: JsonFile = None,
) -> None:
    """Train from nothing on the CPU; nothing is downloaded.

    Starts an arena with the short families, makes a model of half a million parameters, teaches it to write verdicts
    by demonstrations, trains it by GRPO over REST, and evaluates it on test families that it never saw. A stopped demo
    goes on where it stopped if it is called again with the same --out.
    """
    from forge_agents.train.presets import load_preset

    preset = load_preset("tiny", ["held_out.split=test", "held_out.episodes=300", "held_out.every=0", *(change or [])])
    with extra("train", "training"):
        from forge_agents.train import quiet
        from forge_agents.train.online import ArenaAddress

    quiet()
    begun = perf_counter()
    with (
        lock_folder(out),
        running_server("--scenarios", "short", "--open-test", store=out / "arena.db") as url,
        reporting() as reporter,
    ):
        results, seconds = _play(preset, ArenaAddress(url), out, seeds, reporter)
    summary = summarise(results, seeds)
    minutes = (perf_counter() - begun) / 60

    def show(to: Console) -> None:
        to.print(_table(results, seeds, summary["means"]))
        to.print(_differences(summary["differences"]))
        to.print(f"{minutes:.1f} minutes; everything is in {escape(str(out))}", highlight=False)

    deliver(
        {"suite": results["start"].suite, "minutes": minutes, "seconds": seconds, **summary["json"]},
        json,
        show,
        {out / "demo.json": as_json(summary["json"])},
    )


def _play(
    preset: "Preset", arena: "ArenaAddress", out: Path, seeds: int, reporter: "Reporter"
) -> "tuple[dict[str, Result], dict[str, float]]":
    """Every result on the same episodes, by name, and how long each run took."""
    from forge_agents.client import ArenaClient
    from forge_agents.compare import best_log_odds_threshold
    from forge_agents.result import Result
    from forge_agents.train.journal import Journal, write_whole
    from forge_agents.train.online import measure
    from forge_agents.train.pipeline import evaluate_once
    from forge_agents.train.warm_start import starting_model

    start = out / "start"
    if not (start / "done").is_file():
        with ArenaClient(arena.url) as client:
            starting_model(preset, client, start, reporter)
        (start / "done").touch()
    journal = Journal(out, reporter.say)
    before = out / "before.json"
    results = {
        "start": evaluate_once(preset, str(start), arena, before, journal, step=0, phase="start", reporter=reporter)
    }
    validation = preset.model_copy(update={"held_out": preset.held_out.model_copy(update={"split": "val"})})
    threshold = best_log_odds_threshold(
        evaluate_once(
            validation, str(start), arena, out / "val.json", journal, step=0, phase="val", reporter=reporter
        ).rows
    )
    controls: dict[str, dict[str, Any]] = {"moved": {"threshold": threshold}, "checking": {"opening": "<think>"}}
    for name, settings in controls.items():
        path = out / f"{name}.json"
        if not path.is_file():
            write_whole(path, measure(preset, str(start), arena, name=name, **settings).to_json() + "\n")
        results[name] = Result.read(path)
    runs = {f"grpo {seed}": [f"seed={seed}"] for seed in range(seeds)}
    runs["shuffled"] = ["shuffled_rewards=true"]
    seconds = train_all(runs, preset, arena, out, start=start, before=before, reporter=reporter)
    limit = sum(seconds[f"grpo {seed}"] for seed in range(seeds)) / seeds
    supervised = {"supervised": ["algorithm=sft", f"wall_seconds={limit:.0f}"]}
    seconds |= train_all(supervised, preset, arena, out, start=start, before=before, reporter=reporter)
    for name in (*runs, *supervised):
        results[name] = Result.read(folder_of(out, name) / "after.json")
    for name in ("always_clean", "always_corrupted"):
        results[name] = _constant(name, preset, arena)
    return results, seconds


def _constant(name: str, preset: "Preset", arena: "ArenaAddress") -> "Result":
    from forge_agents.evaluation import evaluate
    from forge_agents.overseers import open_overseer

    settings = preset.held_out
    return evaluate(open_overseer(name), arena=arena.url, split=settings.split, episodes=settings.episodes)


def summarise(results: "dict[str, Result]", seeds: int) -> dict[str, Any]:
    """Means of the seeds and differences from the starting model, with intervals over families."""
    from forge_agents.compare import differences, mean_metrics

    learned = [f"grpo {seed}" for seed in range(seeds)]
    start = results["start"].rows
    groups = {"start": ["start"], "grpo": learned} | {
        name: [name] for name in results if name != "start" and name not in learned
    }
    averaged = {name: mean_metrics([results[one].rows for one in members]) for name, members in groups.items()}
    apart = {
        name: differences([(start, results[one].rows) for one in members])
        for name, members in groups.items()
        if name != "start"
    }
    each = {name: mean_metrics([results[name].rows]) for name in learned}
    return {
        "means": averaged | each,
        "differences": apart,
        "json": {
            "means": _plain(averaged | each),
            "differences from the start": _plain(apart),
            "episodes": len(start),
            "families": results["start"].scorecard.families,
        },
    }


def _plain(tables: "dict[str, dict[str, Estimate]]") -> dict[str, Any]:
    return {name: {metric: e.model_dump() for metric, e in row.items()} for name, row in tables.items()}


def _table(results: "dict[str, Result]", seeds: int, averaged: "dict[str, dict[str, Estimate]]") -> Table:
    card = results["start"].scorecard
    table = Table(
        title=f"{card.episodes} episodes of {card.families} test families", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("")
    for header in SHOWN.values():
        table.add_column(header, justify="right", no_wrap=True)
    labels = _labels(seeds)
    for name, row in averaged.items():
        table.add_row(labels.get(name, name), *[number(row[metric]) for metric in SHOWN])
    return table


def _labels(seeds: int) -> dict[str, str]:
    return {
        "start": "warm start",
        "grpo": f"GRPO, mean of {seeds} seeds",
        "moved": "warm start, threshold moved",
        "checking": "warm start, made to check",
        "shuffled": "GRPO, shuffled rewards",
        "supervised": "supervised, same time",
    }


def _differences(apart: "dict[str, dict[str, Estimate]]") -> Table:
    table = Table(title="less the warm start (95% over families)", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for header in SHOWN.values():
        table.add_column(header, justify="right", no_wrap=True)
    for name in ("grpo", "moved", "checking", "shuffled", "supervised"):
        table.add_row(
            _labels(1).get(name, name).replace(", mean of 1 seeds", ""), *[span(apart[name][m]) for m in SHOWN]
        )
    return table


def number(estimate: "Estimate") -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def span(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f}"
    low, high = (f"{bound:+.2f}".replace("0.", ".", 1) for bound in (estimate.low, estimate.high))
    return f"{estimate.value:+.3f}\n[dim]{low}/{high}[/]"
