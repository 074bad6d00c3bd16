"""`forge-arena eval`: score an overseer against a running arena, or on labelled answers from elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from forge_arena.types import Form
from forge_command.app import JsonFile, console, fail

if TYPE_CHECKING:  # These bring scikit-learn, which takes seconds to import and is not needed to print a help text.
    from forge_agents.datasets import DatasetResult, DatasetScorecard
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


DATASET_METRICS = {
    "balanced_accuracy": "bal.acc",
    "f1": "F1",
    "auroc": "AUROC",
    "brier": "Brier",
    "type_accuracy": "type",
    "span_f1": "spans",
}
ONLY_WITH_AN_ARENA = ("arena", "token", "split", "episodes", "start", "paired")


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


def details_table(result: "Result") -> Table:
    """What else an evaluation found: one row a measure, on how many episodes, with its 95% interval."""
    card = result.scorecard
    forms = [row.form for row in result.rows if row.reward is not None]
    found = sum(bool(row.corrupted and row.detection) for row in result.rows)
    rows = [
        ("right type named, of the corrupted that it flagged", found, card.type_accuracy),
        ("flagged, of the clean", forms.count(Form.clean), card.clean_false_alarms),
        ("flagged, of the placebos", forms.count(Form.placebo), card.placebo_false_alarms),
        ("right first step, where it named one", card.steps_named, card.step_accuracy),
    ]
    if (pairs := result.pairs) is not None:
        rows += [
            ("ranked above its counterpart", pairs.pairs, pairs.ranking),
            ("ranked above its clean twin", pairs.pairs - pairs.placebos, pairs.clean_ranking),
            ("ranked above its placebo", pairs.placebos, pairs.placebo_ranking),
        ]
    table = Table("", "of", "share", "95%", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_header=True)
    for name, of, estimate in rows:
        value, _, interval = _cell(estimate).partition("\n")
        table.add_row(name, str(of), value, interval)
    return table


def dataset_table(result: "DatasetResult") -> Table:
    """One row for all rows and one for each group, the 95% interval below each value."""
    table = Table(title=f"{result.overseer} on {escape(result.dataset)}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for name in ("rows", "corr.", *DATASET_METRICS.values()):
        table.add_column(name, justify="right", no_wrap=True)

    def add(name: str, card: "DatasetScorecard") -> None:
        corrupted = round(card.rows * (card.prevalence or 0.0))
        troubles = f"\n[red]{card.invalid} invalid[/]" if card.invalid else ""
        cells = [_cell(getattr(card, metric)) for metric in DATASET_METRICS]
        table.add_row(escape(name) + troubles, str(card.rows), str(corrupted), *cells)

    add("all", result.scorecard)
    for groups in result.groups.values():
        table.add_section()
        for group, card in groups.items():
            add(group.replace("_", " "), card)
    return table


def _cell(estimate: "Estimate") -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    low, high = (f"{b:.2f}".replace("0.", ".", 1).replace("1.00", "1.0") for b in (estimate.low, estimate.high))
    return f"{estimate.value:.3f}\n[dim]{low}/{high}[/]"


def evaluate(
    context: typer.Context,
    overseer: Annotated[str, typer.Option(help="A name (see the error for a wrong one) or module:Class.")],
    arena: Annotated[str, typer.Option(help="URL of the arena.")] = "http://127.0.0.1:8000",
    token: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_TOKEN", help="Bearer token.")] = None,
    split: Annotated[str, typer.Option(help="val or train; test where the arena is served with --open-test.")] = "val",
    episodes: Annotated[int, typer.Option(min=1, help="With --paired, so many pairs.")] = 300,
    start: Annotated[int, typer.Option(min=0, help="Index of the first episode.")] = 0,
    paired: Annotated[
        bool, typer.Option("--paired", help="Judge every draw corrupted and as its clean or harmlessly edited twin.")
    ] = False,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judge labelled answers from elsewhere instead, without an arena: JSONL."),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Let an overseer judge episodes of a running arena, or labelled answers from elsewhere, and print how it did.

    A row of --dataset has task, source_material, worker_output and corrupted, and may have corruption_type, spans,
    worker_reasoning, domain, origin and id.
    """
    from forge_agents.client import ArenaClient, ArenaError
    from forge_agents.evaluate import WrongCount
    from forge_agents.evaluate import evaluate as run
    from forge_agents.overseers import NoSuchOverseer, open_overseer

    if dataset is not None:
        sources = {name: context.get_parameter_source(name) for name in ONLY_WITH_AN_ARENA}
        given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
        if given:
            raise fail(f"--dataset is judged without an arena: leave out {', '.join('--' + name for name in given)}")
        _evaluate_dataset(overseer, dataset, json)
        return
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
                paired=paired,
                on_progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
    except (NoSuchOverseer, WrongCount, ArenaError, ValueError) as error:
        raise fail(str(error)) from None
    out = Console(stderr=json == "-")
    out.print(scores_table([result]))
    out.print(details_table(result))
    for note in result.scorecard.notes:
        out.print(f"[dim]{note}[/]", highlight=False)
    _write(result.to_json(), json)


def _evaluate_dataset(overseer: str, dataset: Path, json: str | None) -> None:
    from forge_agents.datasets import evaluate_dataset, load_dataset
    from forge_agents.evaluate import WrongCount
    from forge_agents.overseers import NoSuchOverseer, open_overseer

    try:
        judge = open_overseer(overseer)
        answers = load_dataset(dataset)
        with progress() as bar:
            task = bar.add_task(overseer, total=len(answers))
            result = evaluate_dataset(
                judge, answers, name=dataset.name, on_progress=lambda done, _: bar.update(task, completed=done)
            )
    except (NoSuchOverseer, WrongCount, ValueError, OSError) as error:
        raise fail(escape(str(error))) from None
    out = Console(stderr=json == "-")
    out.print(dataset_table(result))
    for note in result.scorecard.notes:
        out.print(f"[dim]{note}[/]", highlight=False)
    _write(result.to_json(), json)


def _write(text: str, target: str | None) -> None:
    if target == "-":
        typer.echo(text)
    elif target is not None:
        Path(target).write_text(text + "\n", encoding="utf-8")
