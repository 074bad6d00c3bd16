"""`forge-arena train demo`: train an overseer from nothing on a CPU, and compare it with its controls.

The demo makes a model from scratch, gives it a warm start, and trains it by GRPO over REST with several seeds. The
controls are shuffled rewards, the starting model with its threshold moved, the starting model that must check before
its verdict, supervised training for the same time, and the constants. All of them review the same episodes of the test
families.
"""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from forge_arena.locks import lock_folder
from forge_command.child import running_server
from forge_command.console import JsonFile, as_json, deliver, extra
from forge_command.tables import format_difference, format_mean, training_table
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
    start = perf_counter()
    with (
        lock_folder(out),
        running_server("--scenarios", "short", "--open-test", store=out / "arena.db") as url,
        reporting() as reporter,
    ):
        results, seconds = _play(preset, ArenaAddress(url), out, seeds, reporter)
    summary = summarise(results, seeds)
    minutes = (perf_counter() - start) / 60

    def show(to: Console) -> None:
        _show(results, seeds, summary, to)
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

    trained = [f"grpo {seed}" for seed in range(seeds)]
    start = results["start"].rows
    groups = {"start": ["start"], "grpo": trained} | {
        name: [name] for name in results if name != "start" and name not in trained
    }
    means = {name: mean_metrics([results[member].rows for member in members]) for name, members in groups.items()}
    changes = {
        name: differences([(start, results[member].rows) for member in members])
        for name, members in groups.items()
        if name != "start"
    }
    seed_means = {name: mean_metrics([results[name].rows]) for name in trained}
    return {
        "means": means | seed_means,
        "differences": changes,
        "json": {
            "means": _plain(means | seed_means),
            "differences from the start": _plain(changes),
            "episodes": len(start),
            "families": results["start"].scorecard.families,
        },
    }


def _plain(tables: "dict[str, dict[str, Estimate]]") -> dict[str, Any]:
    return {name: {metric: e.model_dump() for metric, e in row.items()} for name, row in tables.items()}


def _show(results: "dict[str, Result]", seeds: int, summary: dict[str, Any], out: Console) -> None:
    card = results["start"].scorecard
    labels = {
        "start": "warm start",
        "grpo": f"GRPO, mean of {seeds} seeds",
        "moved": "warm start, threshold moved",
        "checking": "warm start, made to check",
        "shuffled": "GRPO, shuffled rewards",
        "supervised": "supervised, same time",
    }
    means = {labels.get(name, name): row for name, row in summary["means"].items()}
    out.print(training_table(f"{card.episodes} episodes of {card.families} test families", means, format_mean))
    labels["grpo"] = "GRPO"
    differences = {labels[name]: row for name, row in summary["differences"].items() if name in labels}
    out.print(training_table("less the warm start (95% over families)", differences, format_difference))
