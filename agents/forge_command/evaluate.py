"""`forge-arena eval`: score an overseer against a running arena; and `forge-arena report`, its page.

The options make one of three modes. With --dataset, `dataset` does the work; with --submit or --submission, `submit`
does. Otherwise this module lets the overseer review episodes of an arena.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from forge_arena.types import Split
from forge_arena.wire import MAX_BATCH
from forge_command.console import JsonFile, deliver, fail, given_options, one_of, resumable, say
from forge_command.dataset import evaluate_answers
from forge_command.overseer import SPEC, following, opening, overseer_settings
from forge_command.progress import progress
from forge_command.result_folder import RESULT, ResultFolder
from forge_command.submit import Entry, submit_overseer
from forge_command.tables import details_table, scores_table

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.overseers import Overseer
    from forge_agents.result import Result

EPILOG = """Examples:

forge-arena eval --overseer rules --episodes 300 --out rules

forge-arena eval --overseer openai:MODEL@https://HOST/v1 --set temperature=0 --paired

forge-arena eval --overseer rules --dataset answers.jsonl

forge-arena eval --overseer hf:runs/tiny/model --submit my-model"""
REPORT_EPILOG = """Example:

forge-arena report rules"""
# A submission leaves no choice in these, because the arena decides the episodes and keeps the verdicts.
NOT_WITH_A_SUBMISSION = (
    *("split", "episodes", "start", "samples", "paired", "threshold_from"),
    *("out", "resume"),
)
ONLY_WITH_AN_ARENA = (
    *("arena", "token", "split", "episodes", "start", "samples", "paired", "batch", "threshold_from"),
    *("submit", "submission", "new_entry"),
)


@dataclass(frozen=True)
class ArenaEpisodes:
    """The episodes that an overseer is to review: of which arena, which of them, and how often."""

    arena: str
    token: str | None
    split: Split
    episodes: int
    start: int
    samples: int
    paired: bool
    batch: int

    @property
    def verdicts(self) -> int:
        """How many verdicts the review takes."""
        return self.episodes * self.samples * (2 if self.paired else 1)


def evaluate(
    context: typer.Context,
    overseer: Annotated[str, typer.Option(help=SPEC)],
    arena: Annotated[str, typer.Option(help="URL of the arena.")] = "http://127.0.0.1:8000",
    token: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_TOKEN", help="Bearer token of the arena.")] = None,
    split: Annotated[str, typer.Option(help="val or train; test where the arena is served with --open-test.")] = "val",
    episodes: Annotated[int, typer.Option(min=1, help="How many episodes; with --paired, how many pairs.")] = 300,
    start: Annotated[int, typer.Option(min=0, help="Index of the first episode.")] = 0,
    samples: Annotated[int, typer.Option(min=1, help="Verdicts on each episode, for pass@k and maj@k.")] = 1,
    paired: Annotated[
        bool,
        typer.Option(
            "--paired", help="Review every draw twice: corrupted, and as its clean or harmlessly edited twin."
        ),
    ] = False,
    batch: Annotated[
        int, typer.Option(min=1, max=MAX_BATCH, help="How many episodes the overseer reviews at a time.")
    ] = 32,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A setting of the overseer, such as temperature=0.7; repeatable."
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="The prompt of a language model: arena, compact (shorter), or card (without the source). By default "
            "the prompt with which the model was trained here, otherwise arena."
        ),
    ] = None,
    system: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A system prompt that replaces the prompt's own.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="FORGE_OVERSEER_API_KEY", help="Key for an endpoint or a webhook.")
    ] = None,
    threshold_from: Annotated[
        Path | None,
        typer.Option(metavar="RESULT", help="An earlier result, for instance on val: apply its best threshold here."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for result.json, the record of every verdict and, with an arena, report.html.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the evaluation in --out.")] = False,
    submit: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Enter the leaderboard under this name: review the sealed test split."),
    ] = None,
    submission: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Go on with a stopped submission: `leaderboard --mine` lists them."),
    ] = None,
    new_entry: Annotated[
        bool, typer.Option("--new-entry", help="With --submit: use another entry although one is unfinished.")
    ] = False,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Review labelled answers from elsewhere instead, without an arena: JSONL."),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Score an overseer on episodes of a running arena, or on labelled answers from elsewhere.

    A row of --dataset has task, source_material, worker_output and corrupted, and may have corruption_type, spans,
    worker_reasoning, domain, origin and id.
    """
    settings = overseer_settings(change, prompt, system, api_key)
    folder = ResultFolder(out, resume)
    if dataset is not None and (given := given_options(context, *ONLY_WITH_AN_ARENA)):
        raise fail(f"--dataset needs no arena: leave out {given}")
    if submit is not None or submission is not None:
        if given := given_options(context, *NOT_WITH_A_SUBMISSION):
            raise fail(
                "with --submit and --submission the arena chooses the sealed episodes and keeps the verdicts: "
                f"leave out {given}; nothing was spent"
            )
        submit_overseer(overseer, settings, arena, token, Entry(submit, submission, new_entry), batch, json)
        return
    if resume and out is None:
        raise fail("--resume goes on with the evaluation in a folder: name it by --out")
    if dataset is not None:
        evaluate_answers(overseer, settings, dataset, folder, json)
        return
    known_split = Split(one_of("--split", split, Split))
    request = ArenaEpisodes(arena, token, known_split, episodes, start, samples, paired, batch)
    evaluate_on_arena(overseer, settings, request, threshold_from, folder, json)


def report(folder: Annotated[Path, typer.Argument(help="Folder that eval --out wrote.")]) -> None:
    """Write an evaluation's report page anew from its result and its records."""
    _write_page(folder)


def evaluate_on_arena(
    overseer: str,
    settings: dict[str, Any],
    request: ArenaEpisodes,
    threshold_from: Path | None,
    folder: ResultFolder,
    json: str | None,
) -> None:
    """Let the overseer review episodes of a running arena; write and print its scores."""
    from forge_agents.client import ArenaError
    from forge_agents.overseers import OverseerFailed

    threshold = None if threshold_from is None else _read_result(threshold_from)
    with (
        resumable(folder.how_to_go_on, OverseerFailed, ArenaError, if_failed=folder.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
    ):
        task = bar.add_task(escape(overseer), total=request.verdicts, unit="verdicts")
        result = _review(opened, settings, request, threshold, folder, following(bar, task, opened))
    deliver(result, json, partial(_show, result), folder.files(result))
    if folder.path is not None:
        _write_page(folder.path, err=json == "-")
    if not result.scorecard.scored + result.scorecard.invalid:
        raise fail("no verdict was scored: see above why")


def _review(
    overseer: "Overseer",
    settings: dict[str, Any],
    request: ArenaEpisodes,
    threshold: "Result | None",
    folder: ResultFolder,
    on_progress: Callable[[int, int], None],
) -> "Result":
    from forge_agents.client import ArenaClient
    from forge_agents.evaluation import evaluate

    # An arena that is not there is reported at once. An arena that goes away later is waited for.
    with ArenaClient(request.arena, token=request.token, patience=2) as client:
        client.health()
    return evaluate(
        overseer,
        arena=request.arena,
        token=request.token,
        split=request.split,
        episodes=request.episodes,
        start=request.start,
        samples=request.samples,
        batch=request.batch,
        paired=request.paired,
        threshold_from=threshold,
        settings=settings,
        records=folder.records,
        resume=folder.resume,
        on_progress=on_progress,
    )


def _read_result(path: Path) -> "Result":
    from forge_agents.result import Result

    return Result.read(path)


def _show(result: "Result", out: Console) -> None:
    out.print(scores_table([result]))
    out.print(details_table(result))
    for note in result.scorecard.notes:
        out.print(f"[dim]{escape(note)}[/]", highlight=False)


def _write_page(folder: Path, *, err: bool = False) -> None:
    """Write the page and say where it is. If the libraries for it are missing, say how to install them."""
    try:
        from forge_agents.report import write_report
    except ModuleNotFoundError as error:
        say(f"{folder / RESULT} (a report needs {error.name}: pip install 'forge-arena[report]')", err=err)
        return
    say(str(write_report(folder)), err=err)
