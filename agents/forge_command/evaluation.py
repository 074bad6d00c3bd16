"""`forge-arena eval`: score an overseer against a running arena."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from forge_command.app import JsonFile, console, fail

if TYPE_CHECKING:  # These bring scikit-learn, which takes seconds to import and is not needed to print a help text.
    from forge_agents.detection import Estimate
    from forge_agents.evaluate import Result

METRICS = {
    "reward": "reward",
    "balanced_accuracy": "bal.acc",
    "f1": "F1",
    "auroc": "AUROC",
    "brier": "Brier",
    "skill": "skill",
}


def progress() -> Progress:
    """A progress bar with an estimate of the time left, on standard error."""
    return Progress(
        TextColumn("{task.description:>22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def scores_table(results: "list[Result]") -> Table:
    """One row an overseer, one column a metric, the 95% interval below each value."""
    table = Table(
        title=f"{results[0].scorecard.episodes} episodes, split {results[0].split.value}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("overseer", no_wrap=True)
    for name in METRICS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        card = result.scorecard
        troubles = [f"{count} {name}" for name, count in (("invalid", card.invalid), ("failed", card.failed)) if count]
        name = result.overseer + (f"\n[red]{', '.join(troubles)}[/]" if troubles else "")
        table.add_row(name, *[_cell(getattr(card, metric)) for metric in METRICS])
    return table


def _cell(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    low, high = (f"{bound:.2f}".replace("0.", ".", 1) for bound in (estimate.low, estimate.high))
    return f"{estimate.value:.3f}\n[dim]{low}/{high}[/]"


def evaluate(
    overseer: Annotated[str, typer.Option(help="A name (see the error for a wrong one) or module:Class.")],
    arena: Annotated[str, typer.Option(help="URL of the arena.")] = "http://127.0.0.1:8000",
    token: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_TOKEN", help="Bearer token.")] = None,
    split: Annotated[str, typer.Option(help="val or train.")] = "val",
    episodes: Annotated[int, typer.Option(min=1)] = 300,
    start: Annotated[int, typer.Option(min=0, help="Index of the first episode.")] = 0,
    json: JsonFile = None,
) -> None:
    """Let an overseer judge episodes of a running arena and print what it earned."""
    from forge_agents.client import ArenaClient, ArenaError
    from forge_agents.evaluate import WrongCount
    from forge_agents.evaluate import evaluate as run
    from forge_agents.overseers import NoSuchOverseer, open_overseer

    try:
        judge = open_overseer(overseer)
        # An arena that is not there should be told at once; one that goes away later is waited for.
        with ArenaClient(arena, token=token, patience=2) as client:
            client.health()
        with progress() as bar:
            task = bar.add_task(overseer, total=episodes)
            result = run(
                judge,
                arena=arena,
                token=token,
                split=split,
                episodes=episodes,
                start=start,
                on_progress=lambda done, _: bar.update(task, completed=done),
            )
    except (NoSuchOverseer, WrongCount, ArenaError, ValueError) as error:
        raise fail(str(error)) from None
    Console(stderr=json == "-").print(scores_table([result]))
    if json == "-":
        typer.echo(result.to_json())
    elif json is not None:
        Path(json).write_text(result.to_json() + "\n", encoding="utf-8")
