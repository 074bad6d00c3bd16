"""`forge-arena train demo`: train an overseer from nothing on a CPU, and compare it with its controls.

The demo makes a model from scratch, gives it a warm start, and trains it by GRPO over REST with several seeds. The
controls are shuffled rewards, the starting model with its threshold moved, the starting model that must check before
its verdict, supervised training for the same time, and the constants. All of them review the same episodes of the test
families.
"""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from forge_arena.locks import lock_folder
from forge_command.child import running_server
from forge_command.console import as_json, deliver, extra, writable_folder
from forge_command.options import JsonFile
from forge_command.training import Changes, reporting
from forge_command.training_comparison import Comparison, show, summarise

EPILOG = """Example:

forge-arena train demo --out train-demo --seeds 3"""


def demo(
    out: Annotated[Path, typer.Option(callback=writable_folder, help="Folder for models, runs and results.")] = Path(
        "train-demo"
    ),
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
    comparison = Comparison(preset, seeds, shuffled=1, of_untouched={})
    start = perf_counter()
    with (
        lock_folder(out),
        running_server("--scenarios", "short", "--open-test", store=out / "arena.db") as url,
        reporting() as reporter,
    ):
        played = comparison.play(ArenaAddress(url), out, reporter)
    results = played.results
    summary = summarise(results)
    minutes = (perf_counter() - start) / 60

    def show_all(to: Console) -> None:
        show(results, summary, to)
        to.print(f"{minutes:.1f} minutes; everything is in {escape(str(out))}", highlight=False)

    deliver(
        {"suite": results["start"].suite, "minutes": minutes, "seconds": played.seconds, **summary["json"]},
        json,
        show_all,
        {out / "demo.json": as_json(summary["json"])},
    )
