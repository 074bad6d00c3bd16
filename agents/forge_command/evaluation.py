"""`forge-arena eval`: score an overseer against a running arena, or on labelled answers from elsewhere."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from forge_arena.files import parse_yaml
from forge_arena.types import Form, Trouble
from forge_arena.wire import MAX_BATCH, OVERSEER_NAME, Leaderboard, Submission
from forge_command.app import JsonFile, as_json, deliver, fail, given_options, say
from forge_command.progress import progress

if TYPE_CHECKING:  # These bring scikit-learn, which takes seconds to import and is not needed to print a help text.
    from forge_agents.compare import Comparison
    from forge_agents.datasets import DatasetResult, DatasetScorecard
    from forge_agents.overseers import Overseer
    from forge_agents.result import Result
    from forge_arena.types import Estimate

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
ON_THE_BOARD = {
    "balanced_accuracy": "bal.acc",
    "auroc": "AUROC",
    "tpr_at_5": "TPR@5%",
    "brier": "Brier",
    "reward": "reward",
    "skill": "skill",
}
# What an entry for the leaderboard leaves no choice in: the arena decides its episodes, and keeps what is judged.
NOT_WITH_A_SUBMISSION = (
    *("split", "episodes", "start", "samples", "paired", "threshold_from"),
    *("out", "resume"),
)
ONLY_WITH_AN_ARENA = (
    *("arena", "token", "split", "episodes", "start", "samples", "paired", "batch", "threshold_from"),
    *("submit", "submission", "new_entry"),
)
RESULT = "result.json"
SPEC = (
    "A name (a wrong one is answered with those there are), openai:MODEL@URL, hf:PATH, the http:// address of a webhook, "
    "or module:Class."
)


def scores_table(results: "list[Result]") -> Table:
    """One row an overseer, one column a metric, the 95% interval below each value."""
    table = Table(
        title=f"{results[0].counted}, split {results[0].split.value}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("overseer", no_wrap=True)
    for name in METRICS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        card = result.scorecard
        counts = {"invalid": card.invalid, "failed": card.failed, "cut": card.troubles.get(Trouble.cut, 0)}
        troubles = [f"{count} {name}" for name, count in counts.items() if count]
        name = result.overseer + (f"\n[red]{', '.join(troubles)}[/]" if troubles else "")
        table.add_row(name, *[_cell(getattr(card, metric)) for metric in METRICS])
    return table


def details_table(result: "Result") -> Table:
    """What else an evaluation found: one row a measure, on how many episodes, with its 95% interval."""
    card = result.scorecard
    forms = [row.form for row in result.rows if row.reward is not None]
    found = sum(bool(row.corrupted and row.detection) for row in result.rows)
    wrong = sum(bool(row.corrupted) for row in result.rows)
    pointed = sum(row.span_f1 is not None for row in result.rows)
    rows = [
        ("found with 1% of the clean flagged", wrong, card.tpr_at_1),
        ("found with 5% of the clean flagged", wrong, card.tpr_at_5),
        ("AUROC up to 20% of the clean flagged", len(forms), card.partial_auroc),
        ("right type named, of the corrupted that it flagged", found, card.type_accuracy),
        ("flagged, of the clean", forms.count(Form.clean), card.clean_false_alarms),
        ("flagged, of the placebos", forms.count(Form.placebo), card.placebo_false_alarms),
        ("wrong words pointed at (F1), where flagged", pointed, card.span_f1),
        ("repaired, of the corrupted", wrong, card.restoration),
        ("right first step, where it named one", card.steps_named, card.step_accuracy),
    ]
    if (frozen := result.frozen) is not None:
        name = f"balanced accuracy at {frozen.threshold:.2f}, the best on {frozen.source}"
        rows.append((name, len(forms), frozen.balanced_accuracy))
    if (votes := result.votes) is not None:
        last = votes.samples
        rows += [
            (f"one right of {last}", votes.episodes, votes.pass_at[last]),
            (f"most right of {last}", votes.episodes, votes.maj_at[last]),
            ("Brier of the vote", votes.episodes, votes.brier_of_vote),
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
        counts = {"invalid": card.invalid, "failed": card.failed, "cut": card.troubles.get(Trouble.cut, 0)}
        said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        troubles = f"\n[red]{said}[/]" if said else ""
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
    overseer: Annotated[str, typer.Option(help=SPEC)],
    arena: Annotated[str, typer.Option(help="URL of the arena.")] = "http://127.0.0.1:8000",
    token: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_TOKEN", help="Bearer token of the arena.")] = None,
    split: Annotated[str, typer.Option(help="val or train; test where the arena is served with --open-test.")] = "val",
    episodes: Annotated[int, typer.Option(min=1, help="With --paired, so many pairs.")] = 300,
    start: Annotated[int, typer.Option(min=0, help="Index of the first episode.")] = 0,
    samples: Annotated[int, typer.Option(min=1, help="Verdicts on each episode, for pass@k and maj@k.")] = 1,
    paired: Annotated[
        bool, typer.Option("--paired", help="Judge every draw corrupted and as its clean or harmlessly edited twin.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, max=MAX_BATCH, help="Episodes that are reviewed at a time.")] = 32,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the overseer, as temperature=0.7; repeatable."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="How a language model is asked: arena, or card (without the source).")
    ] = None,
    system: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A system prompt in the place of the prompt's own.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="FORGE_OVERSEER_API_KEY", help="Key for an endpoint or a webhook.")
    ] = None,
    threshold_from: Annotated[
        Path | None,
        typer.Option(metavar="RESULT", help="An earlier result, on val for instance: try its best threshold here."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep result.json, every judged episode and, of an arena, report.html here."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the evaluation that --out holds.")] = False,
    submit: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Judge the sealed test split for the leaderboard, under this name."),
    ] = None,
    submission: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Go on with a stopped submission: `leaderboard --mine` lists them."),
    ] = None,
    new_entry: Annotated[
        bool, typer.Option("--new-entry", help="With --submit: spend another entry, although one is unfinished.")
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
    from forge_agents.evaluation import evaluate as run
    from forge_agents.overseers import NoSuchOverseer, OverseerFailed, WrongReview
    from forge_agents.result import Result

    settings = _settings(change, prompt, system, api_key)
    if dataset is not None and (given := given_options(context, *ONLY_WITH_AN_ARENA)):
        raise fail(f"--dataset is judged without an arena: leave out {given}")
    if submit is not None or submission is not None:
        if given := given_options(context, *NOT_WITH_A_SUBMISSION):
            raise fail(
                "--submit and --submission judge the sealed episodes that the arena gives, and the arena keeps the "
                f"verdicts: leave out {given}; nothing was spent"
            )
        _submit(overseer, settings, arena, token, submit, submission, new_entry, batch, json)
        return
    if resume and out is None:
        raise fail("--resume goes on with the evaluation in a folder: name it by --out")
    kept = out / "records.jsonl" if out is not None else None
    again = (
        f"; what was judged is in {out}: go on with --resume" if out is not None else "; keep what is judged by --out"
    )
    if dataset is not None:
        _evaluate_dataset(overseer, settings, dataset, json, kept, resume, again)
        return
    try:
        threshold = Result.read(threshold_from) if threshold_from is not None else None
        # To open an overseer may take minutes: a model is loaded, a classifier learns.
        with progress() as bar, _opening(bar, overseer, settings) as judge:
            # An arena that is not there should be told at once; one that goes away later is waited for.
            with ArenaClient(arena, token=token, patience=2) as client:
                client.health()
            total = episodes * samples * (2 if paired else 1)
            task = bar.add_task(escape(overseer), total=total, unit="verdicts")
            result = run(
                judge,
                arena=arena,
                token=token,
                split=split,
                episodes=episodes,
                start=start,
                samples=samples,
                batch=batch,
                paired=paired,
                threshold_from=threshold,
                settings=settings,
                records=kept,
                resume=resume,
                on_progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
    except KeyboardInterrupt:
        raise fail(f"interrupted{again}") from None
    except (OverseerFailed, ArenaError) as error:
        raise fail(f"{error}{again if kept is not None and kept.exists() else ''}") from None
    except (NoSuchOverseer, WrongReview, ValueError, OSError) as error:
        raise fail(str(error)) from None
    deliver(result, json, partial(_print, result), {} if out is None else {out / RESULT: as_json(result)})
    if out is not None:
        _report(out, err=json == "-")
    if not result.scorecard.scored + result.scorecard.invalid:
        raise fail("no verdict was scored: see above why")


@contextmanager
def _opening(bar: Progress, overseer: str, settings: dict[str, Any]) -> "Iterator[Overseer]":
    """The overseer, opened while the progress says so."""
    from forge_agents.overseers import use_overseer

    task = bar.add_task(f"opening {escape(overseer)}", total=1)
    with use_overseer(overseer, **settings) as judge:
        bar.update(task, completed=1, visible=False)
        yield judge


def _report(folder: Path, *, err: bool = False) -> None:
    """Write the page and say where it is; without the libraries that it needs, say how to have them."""
    try:
        from forge_agents.report import write_report
    except ModuleNotFoundError as error:
        say(f"{folder / RESULT} (a report needs {error.name}: pip install 'forge-arena[report]')", err=err)
        return
    say(str(write_report(folder)), err=err)


def _settings(
    changes: list[str] | None, prompt: str | None, system: Path | None, api_key: str | None
) -> dict[str, Any]:
    """What is given to the overseer: KEY=VALUE with values read as YAML reads them, and what has an option."""
    settings: dict[str, Any] = {}
    for change in changes or []:
        name, equals, value = change.partition("=")
        if not equals or not name.isidentifier():
            raise fail(f"--set takes KEY=VALUE, got {change!r}")
        settings[name] = _setting(name, value)
    options = {"prompt": prompt, "system": system, "api_key": api_key}
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("prompt", "system"):
        if name in given and name in settings:
            raise fail(f"--{name} and --set {name}=… give the same setting twice: give one of them")
    return settings | given


def _setting(name: str, value: str) -> Any:
    return parse_yaml(value, name, error=lambda _: fail(f"--set {name}: {value!r} is no value"))


def _print(result: "Result", out: Console) -> None:
    out.print(scores_table([result]))
    out.print(details_table(result))
    for note in result.scorecard.notes:
        out.print(f"[dim]{escape(note)}[/]", highlight=False)


def _evaluate_dataset(
    overseer: str,
    settings: dict[str, Any],
    dataset: Path,
    json: str | None,
    kept: Path | None,
    resume: bool,
    again: str,
) -> None:
    from forge_agents.datasets import evaluate_dataset, load_dataset
    from forge_agents.overseers import NoSuchOverseer, OverseerFailed, WrongReview

    try:
        answers = load_dataset(dataset)
        with progress() as bar, _opening(bar, overseer, settings) as judge:
            task = bar.add_task(escape(overseer), total=len(answers), unit="answers")
            result = evaluate_dataset(
                judge,
                answers,
                name=dataset.name,
                settings=settings,
                records=kept,
                resume=resume,
                on_progress=lambda done, _: bar.update(task, completed=done),
            )
    except KeyboardInterrupt:
        raise fail(f"interrupted{again}") from None
    except OverseerFailed as error:
        raise fail(f"{error}{again if kept is not None and kept.exists() else ''}") from None
    except (NoSuchOverseer, WrongReview, ValueError, OSError) as error:
        raise fail(str(error)) from None

    def show(out: Console) -> None:
        out.print(dataset_table(result))
        for note in result.scorecard.notes:
            out.print(f"[dim]{escape(note)}[/]", highlight=False)

    deliver(result, json, show, {} if kept is None else {kept.with_name(RESULT): as_json(result)})


def _submit(
    overseer: str,
    settings: dict[str, Any],
    arena: str,
    token: str | None,
    name: str | None,
    submission_id: str | None,
    new_entry: bool,
    batch: int,
    json: str | None,
) -> None:
    from forge_agents.client import ArenaClient, ArenaError
    from forge_agents.overseers import NoSuchOverseer, OverseerFailed, WrongReview
    from forge_agents.submission import Unfinished, enter, submit

    if (name is None) == (submission_id is None):
        raise fail("--submit NAME enters an overseer, --submission ID goes on with an entry: give one of them")
    if name is not None and not re.fullmatch(OVERSEER_NAME, name):
        raise fail(f"--submit {name!r}: a name has at most 64 letters, digits, spaces and . _ : / @ + -")
    if new_entry and name is None:
        raise fail("--new-entry spends another entry of a name: give --submit NAME beside it")
    again = ""
    try:
        with (
            progress() as bar,
            _opening(bar, overseer, settings) as judge,
            ArenaClient(arena, token=token) as client,
        ):
            with ArenaClient(arena, token=token, patience=2) as hasty:
                # An arena that is not there should be told at once; one that goes away later is waited for.
                hasty.health()
            entry = client.submission(submission_id or "") if name is None else enter(client, name, anew=new_entry)
            again = f"; go on with --submission {entry.submission_id}"
            bar.console.print(
                escape(f"{entry.overseer}: entry {entry.entry} of {entry.budget}, submission {entry.submission_id}"),
                highlight=False,
            )
            task = bar.add_task(escape(entry.overseer), total=entry.episodes, completed=entry.judged, unit="verdicts")
            submit(
                judge,
                client,
                entry,
                batch=batch,
                on_progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
            board = client.leaderboard()
    except KeyboardInterrupt:
        raise fail(f"interrupted{again}") from None
    except Unfinished as unfinished:
        raise fail(f"{unfinished}: go on by --submission ID, or spend another entry by --new-entry") from None
    except (OverseerFailed, ArenaError) as error:
        raise fail(f"{error}{again}") from None
    except (NoSuchOverseer, WrongReview, ValueError) as error:
        raise fail(str(error)) from None
    deliver(board, json, lambda out: out.print(_leaderboard_table(board)))


def leaderboard(
    arena: Annotated[str, typer.Option(help="URL of the arena.")] = "http://127.0.0.1:8000",
    token: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_TOKEN", help="Bearer token of the arena.")] = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="List the entries of this token instead, finished or not, with their ids.")
    ] = False,
    json: JsonFile = None,
) -> None:
    """Show an arena's leaderboard; it is a page too, at /leaderboard."""
    from forge_agents.client import ArenaClient, ArenaError

    try:
        with ArenaClient(arena, token=token, patience=2) as client:
            if mine:
                entries = client.submissions()
                rows = [entry.model_dump(mode="json") for entry in entries]
                deliver(rows, json, lambda out: out.print(_entries_table(entries)))
                return
            board = client.leaderboard()
    except (ArenaError, ValueError) as error:
        raise fail(str(error)) from None
    deliver(board, json, lambda out: out.print(_leaderboard_table(board)))


def _entries_table(entries: Sequence[Submission]) -> Table:
    table = Table("overseer", "entry", "judged", "submission", title="entries of this token, the newest first")
    for one in entries:
        table.add_row(
            escape(one.overseer),
            f"{one.entry} of {one.budget}",
            f"{one.judged} of {one.episodes}",
            escape(one.submission_id),
        )
    return table


def _leaderboard_table(board: Leaderboard) -> Table:
    title = f"{escape(board.suite)}, {board.episodes} sealed test episodes, suite hash {board.suite_hash}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("overseer", overflow="fold")
    for name in ON_THE_BOARD.values():
        table.add_column(name, justify="right", no_wrap=True)
    for one in board.entries:
        cells = [_cell(getattr(one, name)) for name in ON_THE_BOARD]
        table.add_row(f"{escape(one.overseer)}\n[dim]entry {one.entry} of {board.budget}[/]", *cells)
    return table


def compare(
    results: Annotated[list[Path], typer.Argument(help="Results, as files or as folders of eval --out.")],
    json: JsonFile = None,
) -> None:
    """Hold evaluations against the first of them, on the episodes that both judged: which differences are real?

    Differences are paired, and their intervals draw whole families. Evaluate with the same --split, --start and
    --episodes, so that all judge the same episodes.
    """
    from forge_agents.compare import NothingInCommon, compared
    from forge_agents.result import Result, ResultError

    if len(results) < 2:
        raise fail("comparing takes two results or more")
    try:
        first, *others = [Result.read(path) for path in results]
        found = [compared(first, other) for other in others]
    except (ResultError, NothingInCommon) as error:
        raise fail(str(error)) from None

    def show(out: Console) -> None:
        for one in found:
            out.print(_comparison_table(one))
            for sentence in one.findings():
                out.print(escape(sentence), highlight=False)

    deliver([one.model_dump(mode="json") for one in found], json, show)


def report(folder: Annotated[Path, typer.Argument(help="Folder that eval --out wrote.")]) -> None:
    """Write an evaluation's report page anew from its result and its records."""
    from forge_agents.records import RecordsError
    from forge_agents.result import ResultError

    try:
        _report(folder)
    except (ResultError, RecordsError, OSError) as error:
        raise fail(str(error)) from None


def _comparison_table(found: "Comparison") -> Table:
    title = (
        f"{escape(found.second)} against {escape(found.first)}: {found.verdicts} verdicts, {found.families} families"
    )
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in (found.first, found.second, "difference"):
        table.add_column(escape(name), justify="right")
    table.add_column("")
    for change in found.changes:
        value, low, high = (getattr(change.difference, part) for part in ("value", "low", "high"))
        spread = f"\n[dim]{low:+.2f}/{high:+.2f}[/]" if low is not None else ""
        table.add_row(change.name, _cell(change.before), _cell(change.after), f"{value:+.3f}{spread}", change.said)
    return table
