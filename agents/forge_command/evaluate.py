"""`forge-arena eval`: score an overseer against a running arena; and `forge-arena report`, its page.

The options make one of four modes. With --dataset, `dataset` does the work; with --submit or --submission, `submit`
does; with --repeat, `repeat` does. Otherwise this module lets the overseer review episodes of an arena.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from forge_arena.secrecy import public_address
from forge_arena.types import Split, View
from forge_arena.wire import MAX_ATTEMPTS
from forge_command.console import deliver, fail, given_options, one_of, resumable, say
from forge_command.dataset import evaluate_answers
from forge_command.options import (
    ARENA,
    OVERSEER,
    ArenaToken,
    ArenaUrl,
    Batch,
    EvaluatedSplit,
    JsonFile,
    OverseerApiKey,
    OverseerChanges,
    OverseerPrompt,
    ResultName,
    SystemPrompt,
    ToolUse,
    ViewName,
)
from forge_command.overseer import following, opening, overseer_settings
from forge_command.prices import token_prices
from forge_command.progress import progress
from forge_command.reach import reach_arena
from forge_command.repeat import Again, repeat_evaluation
from forge_command.result_folder import ResultFolder, writable_result_folder, write_page
from forge_command.submit import Entry, submit_overseer
from forge_command.tables import causes, details_table, families_table, nothing_scored, scores_table, thresholds_table

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from forge_agents.overseers import Overseer
    from forge_agents.result import Result
    from forge_arena.measures.scorecard import Price

# A skill that differs from 0 by less than this reads as 0.000.
NO_SKILL = 0.0005
EPILOG = """Examples:

forge-arena eval --overseer rules --episodes 300 --out rules

forge-arena eval --overseer openai:MODEL@https://HOST/v1 --set temperature=0 --paired

forge-arena eval --overseer openai:MODEL@https://HOST/v1 --view answer_only --tools

forge-arena eval --overseer hf:FOLDER --set tools=true --view answer_only

forge-arena eval --overseer rules --split public --threshold-from rules --name "rules, public test"

forge-arena eval --repeat rules

forge-arena eval --overseer rules --dataset answers.jsonl

forge-arena eval --overseer hf:runs/tiny/model --submit my-model"""
REPORT_EPILOG = """Example:

forge-arena report rules"""
# A submission leaves no choice in these, because the arena decides the episodes and keeps the verdicts.
NOT_WITH_A_SUBMISSION = (
    *("split", "episodes", "start", "samples", "paired", "view", "tools", "threshold_from", "audit_budget", "price"),
    *("out", "resume", "name"),
)
# These stand in the result that is repeated.
NOT_WITH_A_REPETITION = (
    *("split", "episodes", "start", "samples", "paired", "view", "tools", "batch", "change", "prompt", "system"),
    *("threshold_from", "audit_budget", "price", "submit", "submission", "new_entry", "dataset"),
)
ONLY_WITH_AN_ARENA = (
    *("arena", "token", "split", "episodes", "start", "samples", "paired", "view", "tools", "batch", "threshold_from"),
    *("audit_budget", "price"),
    *("submit", "submission", "new_entry"),
)


@dataclass(frozen=True)
class Scoring:
    """What an evaluation is called, and what is computed of it beside its scores."""

    name: str | None
    threshold_from: Path | None
    audit_budget: float
    prices: "dict[str, Price]"


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
    view: View = View.full
    tools: bool = False

    @property
    def verdicts(self) -> int:
        """How many verdicts the review takes."""
        return self.episodes * self.samples * (2 if self.paired else 1)


def evaluate(
    context: typer.Context,
    overseer: Annotated[str | None, OVERSEER] = None,
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
    split: EvaluatedSplit = "val",
    episodes: Annotated[int, typer.Option(min=1, help="How many episodes; with --paired, how many pairs.")] = 300,
    start: Annotated[int, typer.Option(min=0, help="Index of the first episode.")] = 0,
    samples: Annotated[
        int, typer.Option(min=1, max=MAX_ATTEMPTS, help="Verdicts on each episode, for pass@k and maj@k.")
    ] = 1,
    paired: Annotated[
        bool,
        typer.Option(
            "--paired", help="Review every draw twice: corrupted, and as its clean or harmlessly edited twin."
        ),
    ] = False,
    view: ViewName = "full",
    tools: ToolUse = False,
    batch: Batch = 32,
    change: OverseerChanges = None,
    prompt: OverseerPrompt = None,
    system: SystemPrompt = None,
    api_key: OverseerApiKey = None,
    threshold_from: Annotated[
        Path | None,
        typer.Option(
            metavar="RESULT",
            help="An earlier result, for instance on val: freeze thresholds there (the best one, those of 1% and 5% "
            "false alarms, and that of the audit budget), and apply them here.",
        ),
    ] = None,
    audit_budget: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of all answers that a person can read, for --threshold-from.")
    ] = 0.10,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="READ/WRITTEN",
            help="Price of a million tokens that the model reads, and writes: 0.25/2. For one of several models "
            "NAME=0.25/2; repeatable.",
        ),
    ] = None,
    name: ResultName = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=writable_result_folder,
            help="Folder for result.json, the record of every verdict and, with an arena, report.html.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the evaluation in --out.")] = False,
    repeat: Annotated[
        Path | None,
        typer.Option(
            metavar="RESULT",
            help="Make this evaluation again, as its result says it was made, and say what differs. --arena, "
            "--overseer, --name and --out may be given beside it.",
        ),
    ] = None,
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
    if resume and out is None and submit is None and submission is None:
        raise fail("--resume goes on with the evaluation in a folder: name it by --out")
    folder = ResultFolder(out, resume)
    folder.check_no_other_result()
    if repeat is not None:
        if given := given_options(context, *NOT_WITH_A_REPETITION):
            raise fail(f"--repeat takes everything from the result: leave out {given}")
        its_arena = arena if given_options(context, "arena") else None
        repeat_evaluation(Again(repeat, overseer, its_arena, token, api_key, name), folder, json)
        return
    if overseer is None:
        raise fail("--overseer names the overseer to be scored: for instance --overseer rules")
    settings = overseer_settings(change, prompt, system, api_key)
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
    if dataset is not None:
        evaluate_answers(overseer, settings, dataset, folder, json, name)
        return
    if new_entry:
        raise fail("--new-entry spends another entry of a name: give --submit NAME too, or leave --new-entry out")
    if threshold_from is None and given_options(context, "audit_budget"):
        raise fail("--audit-budget is for --threshold-from: give --threshold-from RESULT, or leave --audit-budget out")
    if not audit_budget:
        raise fail("--audit-budget is a share above 0 and at most 1, for instance 0.1")
    known_split = Split(one_of("--split", split, Split))
    known_view = View(one_of("--view", view, View))
    request = ArenaEpisodes(
        arena, token, known_split, episodes, start, samples, paired, batch, view=known_view, tools=tools
    )
    scoring = Scoring(name, threshold_from, audit_budget, token_prices(price))
    evaluate_on_arena(overseer, settings, request, scoring, folder, json)


def report(folder: Annotated[Path, typer.Argument(help="Folder that eval --out wrote.")]) -> None:
    """Write an evaluation's report page anew from its result and its records."""
    say(write_page(folder))


def evaluate_on_arena(
    overseer: str,
    settings: dict[str, Any],
    request: ArenaEpisodes,
    scoring: Scoring,
    folder: ResultFolder,
    json: str | None,
) -> None:
    """Let the overseer review episodes of a running arena; write and print its scores."""
    from forge_agents.client import ArenaError
    from forge_agents.overseers import OverseerFailed, settings_with_tools

    if request.tools:
        settings = settings_with_tools(overseer, settings)
    threshold = None if scoring.threshold_from is None else _read_result(scoring.threshold_from)
    with (
        resumable(folder.how_to_go_on, OverseerFailed, ArenaError, if_failed=folder.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
    ):
        task = bar.add_task(escape(public_address(overseer)), total=request.verdicts, unit="verdicts")
        result = _review(opened, overseer, settings, request, scoring, threshold, folder, following(bar, task, opened))
    deliver(result, json, partial(_show, result), folder.files(result), partial(folder.write_page, result))
    if not result.scorecard.scored + result.scorecard.invalid:
        raise fail(nothing_scored(result))


def _review(
    overseer: "Overseer",
    spec: str,
    settings: dict[str, Any],
    request: ArenaEpisodes,
    scoring: Scoring,
    threshold: "Result | None",
    folder: ResultFolder,
    on_progress: Callable[[int, int], None],
) -> "Result":
    from forge_agents.evaluation import evaluate
    from forge_arena.collector import make_rounds_rarer

    make_rounds_rarer()
    reach_arena(request.arena, request.token)
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
        view=request.view,
        tools=request.tools,
        threshold_from=threshold,
        budget=scoring.audit_budget,
        prices=scoring.prices,
        name=scoring.name,
        spec=spec,
        settings=settings,
        records=folder.records,
        resume=folder.resume,
        on_progress=on_progress,
    )


def conclusion(result: "Result") -> str:
    """Whether the overseer earns more than the best one that does not read, in a sentence; empty if nothing says so."""
    skill = result.scorecard.skill
    if skill.value is None or skill.low is None or skill.high is None:
        return ""
    within = f"skill {skill.value:z.3f}, 95% over families {skill.low:z.2f} to {skill.high:z.2f}"
    if skill.low > 0.0:
        shown = "earns more than"
    elif skill.high < -NO_SKILL:
        shown = "earns less than"
    else:
        shown = "is not shown to earn more than"
    return f"{result.title} {shown} the best overseer that does not read ({within})."


def unused_prices(result: "Result") -> str:
    """Say which prices are of no model of the result, so that a mistyped name is noticed; empty if all are used."""
    named = [name for name in (result.cost.prices if result.cost is not None else ()) if name]
    members = list(dict.fromkeys(name for row in result.rows for name in row.members))
    unused = [name for name in named if name not in members]
    if not unused:
        return ""
    there = f"the members are {', '.join(members)}" if members else "it has no members: give --price without a name"
    return f"a price names no member of this overseer, and was not used: {', '.join(unused)}; {there}"


def _read_result(path: Path) -> "Result":
    from forge_agents.result import Result

    return Result.read(path)


def _show(result: "Result", out: Console) -> None:
    out.print(scores_table([result]))
    out.print(details_table(result))
    if "family" in result.groups:
        out.print(families_table(result))
    if result.frozen:
        out.print(thresholds_table(result))
    if said := conclusion(result):
        out.print(said, highlight=False, markup=False)
    if "://" in result.title:
        out.print("[dim]tables call this overseer by its URL: --name gives it a name[/]", highlight=False)
    if result.power_in_words:
        out.print(result.power_in_words, highlight=False)
    for note in result.scorecard.notes:
        out.print(f"[dim]{escape(note)}[/]", highlight=False)
    if unused := unused_prices(result):
        out.print(f"[dim]{escape(unused)}[/]", highlight=False)
    for cause in causes(result.rows):
        out.print(f"[dim]{escape(cause)}[/]", highlight=False)
