"""`forge-arena train small`: train a pretrained model of 135 million parameters, and compare it with its controls.

The untouched model is evaluated first. Then come a warm start on demonstrations, GRPO over REST with several seeds, and
the controls: shuffled rewards, the warm start with its threshold moved or made to check, supervised training for the
same time, and the constants. All of them review the same episodes of families that no run has seen.
"""

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from shlex import join
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from forge_arena.locks import lock_folder
from forge_arena.wire import MAX_ATTEMPTS
from forge_command.child import running_server
from forge_command.console import as_json, deliver, extra, writable_folder
from forge_command.options import JsonFile
from forge_command.training import Changes, reporting
from forge_command.training_comparison import SAMPLED, Comparison, show, show_sampled, summarise, summarise_sampled
from forge_command.training_runs import AT_A_TIME, THREADS

if TYPE_CHECKING:
    from forge_agents.train.online import ArenaAddress
    from forge_agents.train.progress import Reporter

EPILOG = """Examples:

forge-arena train small --model SmolLM2-135M-Instruct

forge-arena train small --model SmolLM2-135M-Instruct --quick --out /tmp/quick"""

# The demonstrations from which the cost is estimated.
SHOWN = 16
# Everything once, in a minute or two with a tiny model. It shows that every stage works, and nothing else.
QUICK = (
    *("warm_start.demonstrations=16", "warm_start.batch=4", "warm_start.device_batch=2", "warm_start.save_every=2"),
    *("warm_start.then.demonstrations=8", "warm_start.then.batch=4", "warm_start.then.device_batch=2"),
    *("steps=2", "batch=4", "generations=2", "device_batch=2", "save_every=1", "max_completion=48"),
    *("held_out.episodes=8", "held_out.batch=8", "trackers=[]"),
)
# So that the untouched model, which answers in prose, gives the log-odds of its detection all the same.
OPENING = '{"detection":'
WIDTH = 100


def small(
    model: Annotated[
        str | None,
        typer.Option(
            envvar="FORGE_ARENA_SMALL_MODEL",
            help="Folder of SmolLM2-135M-Instruct or another small model with a chat template, or its name on the Hub. "
            "`make train-small` makes the folder.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(callback=writable_folder, help="Folder for models, runs and results.")] = Path(
        "train-small"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Runs of GRPO, each with another seed.")] = 3,
    samples: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_ATTEMPTS,
            help="Verdicts on each of 32 episodes at the temperature of training, of the start and of each run of "
            "GRPO. 0 for none.",
        ),
    ] = 8,
    quick: Annotated[
        bool, typer.Option("--quick", help="Every stage with a few episodes, to see that it works; one seed.")
    ] = False,
    change: Changes = None,
    json: JsonFile = None,
) -> None:
    """Train a pretrained model of 135M parameters on two cores or a GPU, and compare it with its controls.

    This takes hours on two cores, and says at its beginning how many. Stop it when you like: called again with the same
    options it continues, also after kill -9. Two runs at a time take up to 20 GB of memory, and the checkpoints 8 GB of
    disk.
    """
    from forge_agents.train.presets import load_preset

    changes = ["held_out.split=test", *(QUICK if quick else ()), *([f"model={model}"] if model else [])]
    preset = load_preset("small", [*changes, *(change or [])])
    seeds, samples = (1, 2) if quick else (seeds, samples)
    with extra("train", "training"):
        from forge_agents.train import quiet
        from forge_agents.train.online import ArenaAddress
        from forge_agents.train.pipeline import for_this_machine

    quiet()
    untouched = {"untouched": {}, "untouched opened": {"opening": OPENING}}
    start = perf_counter()
    with (
        lock_folder(out),
        running_server("--scenarios", "short", "--open-test", store=out / "arena.db") as url,
        reporting() as reporter,
    ):
        preset = for_this_machine(preset, reporter)
        comparison = Comparison(preset, seeds, shuffled=seeds, of_untouched=untouched, samples=samples)
        arena = ArenaAddress(url)
        _say_cost(comparison, arena, out, reporter)
        played = comparison.play(arena, out, reporter)
    results, sampled = played.results, played.sampled
    summary = summarise(results)
    of_samples = summarise_sampled(sampled) if sampled else None
    minutes = (perf_counter() - start) / 60

    def show_all(to: Console) -> None:
        show(results, summary, to)
        if of_samples is not None:
            show_sampled(sampled, of_samples, preset.temperature, to)
        to.print(f"{minutes:.0f} minutes in this sitting; everything is in {escape(str(out))}", highlight=False)

    plain = summary["json"] | {"suite": results["start"].suite, "prompt": results["start"].conditions["prompt"]}
    if of_samples is not None:
        plain |= {"sampled": of_samples["json"]}
    files = {out / "small.json": as_json(plain), out / "report.md": _page(show_all)}
    deliver({**plain, "minutes": minutes, "seconds": played.seconds}, json, show_all, files)


def _say_cost(comparison: Comparison, arena: "ArenaAddress", out: Path, reporter: "Reporter") -> None:
    """Say how long everything takes on this machine, unless the starting model is there already."""
    if (out / "start" / "done").is_file():
        return
    from forge_agents.client import ArenaClient
    from forge_agents.models import load_model
    from forge_agents.train.cost import estimate
    from forge_agents.train.warm_start import FAR, collect_demonstrations

    preset = comparison.preset
    assert preset.warm_start is not None
    few = preset.warm_start.model_copy(update={"demonstrations": SHOWN})
    with ArenaClient(arena.url, token=arena.token, patience=preset.patience) as client:
        shown = collect_demonstrations(preset, few, client, reporter, start=FAR)
    cost = estimate(preset, load_model(str(preset.model)), shown)
    # Runs at a time share the cores. Each measurement needs the model as it was loaded.
    shared = estimate(preset, load_model(str(preset.model)), shown, threads=THREADS)
    runs = comparison.seeds + comparison.shuffled + 1
    # The untouched model writes until it is cut off. The start is evaluated on test, on val, and with another
    # threshold, as it is and made to check.
    evaluations = (len(comparison.of_untouched) * 2 + 3 * 2) * cost.evaluation
    evaluations += runs / AT_A_TIME * shared.evaluation
    # Samples on one episode share its prompt, so this is more than they take.
    verdicts = min(SAMPLED, preset.held_out.episodes) * comparison.samples * (1 + comparison.seeds)
    evaluations += verdicts / preset.held_out.episodes * cost.evaluation
    training = preset.steps * shared.step
    total = cost.warm_start + evaluations + training * (runs - 1) / AT_A_TIME + training
    reporter.say(
        f"on this machine, as it is now: the warm start takes about {_hours(cost.warm_start)}, a run of {preset.steps} "
        f"steps {_hours(training)} ({runs} runs, {AT_A_TIME} at a time), an evaluation {_hours(cost.evaluation)}; "
        f"{_hours(total)} in all. Stop it when you like: the same command continues."
    )


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _page(show_all: Callable[[Console], None]) -> str:
    """The tables as a page of Markdown, with the command that made them."""
    from forge_arena.software import revision

    text = StringIO()
    show_all(Console(file=text, width=WIDTH))
    command = join(["forge-arena", *sys.argv[1:]])
    return f"# A small pretrained model\n\n`{command}`, revision {revision()}\n\n```text\n{text.getvalue()}```\n"
