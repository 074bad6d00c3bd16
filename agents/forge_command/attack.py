"""`forge-arena attack`: what is left of an overseer's scores if the corruption that it suspects least is chosen."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from forge_arena.keys import MAX_FURTHER
from forge_arena.secrecy import public_address
from forge_arena.types import Split, View
from forge_command.console import deliver, extra, fail, one_of, resumable, writable_file
from forge_command.options import (
    ARENA,
    OVERSEER,
    ArenaToken,
    ArenaUrl,
    Batch,
    EvaluatedSplit,
    JsonFile,
    LatexFile,
    OverseerApiKey,
    OverseerChanges,
    OverseerPrompt,
    ResultName,
    SystemPrompt,
    ToolUse,
    ViewName,
)
from forge_command.overseer import following, opening, overseer_settings
from forge_command.progress import progress
from forge_command.reach import reach_arena
from forge_command.result_folder import RESULT, ResultFolder, writable_result_folder
from forge_command.tables import attack_table, attack_types_table

if TYPE_CHECKING:  # These take seconds to import, and help texts and refusals do not need them.
    from collections.abc import Callable

    from forge_agents.attack import AttackResult

EPILOG = """Examples:

forge-arena attack --overseer rules --tries 16 --out rules-attacked

forge-arena attack --overseer openai:MODEL@https://HOST/v1 --set temperature=0 --tries 8 --episodes 100 --out attacked

forge-arena attack --overseer rules --split public --threshold-from rules --tries 8

forge-arena attack --overseer rules --tries 16 --out rules-attacked --resume"""


def attack(
    overseer: Annotated[str, OVERSEER],
    tries: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_FURTHER + 1,
            help="How many corruptions of each answer are tried at most, the episode's own included. Few answers take "
            "more than 18 of one type.",
        ),
    ] = 8,
    any_type: Annotated[
        bool,
        typer.Option(
            "--any-type", help="Try corruptions of every type, in turn. By default of the episode's own type."
        ),
    ] = False,
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
    split: EvaluatedSplit = "val",
    episodes: Annotated[
        int, typer.Option(min=1, help="How many draws: each has one right answer and its corruptions.")
    ] = 300,
    start: Annotated[int, typer.Option(min=0, help="Index of the first draw.")] = 0,
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
            help="A result of eval on other episodes, for instance on val: also apply its thresholds of 1% and 5% "
            "false alarms.",
        ),
    ] = None,
    name: ResultName = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=writable_result_folder,
            help="Folder for result.json and the record of every verdict.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the attack in --out, with as many tries or more.")
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=writable_file, help="Write every number as CSV, by tries and type."),
    ] = None,
    latex: LatexFile = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=writable_file, help="Write a page: the tables, and a plot."),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Attack an overseer by search: of several verified corruptions of each answer, the least suspected one counts.

    The overseer reviews the right answer and up to --tries corruptions of each draw. For 1, 2, 4, … tries the command
    reports what the overseer still finds at 1% and 5% false alarms, and the AUROC, with intervals over families. With
    one try the numbers are those of eval --paired on the same draws.

    The search is over the corruptions that the arena's own generators find in an answer, each verified. It is not over
    all texts, so a good number here is no proof against a person or a model that writes freely. Part of every fall is
    luck: the least of several noisy scores is low, also where the overseer has no blind spot. The overseer "random"
    shows how much. An overseer that samples should be asked at temperature 0.
    """
    settings = overseer_settings(change, prompt, system, api_key)
    if resume and out is None:
        raise fail("--resume goes on with the attack in a folder: name it by --out")
    known_split, known_view = Split(one_of("--split", split, Split)), View(one_of("--view", view, View))
    if html is not None:
        # Before the overseer is asked, because its verdicts may be dear.
        _page_writer()
    folder = ResultFolder(out, resume)
    folder.check_no_other_result()
    _check_no_more_tries(folder, tries)
    request: dict[str, Any] = {
        "arena": arena,
        "token": token,
        "split": known_split,
        "episodes": episodes,
        "start": start,
        "tries": tries,
        "any_type": any_type,
        "batch": batch,
        "view": known_view,
        "tools": tools,
        "name": name,
    }
    result = _attack(overseer, settings, request, threshold_from, folder)
    files = folder.files(result)
    if result.curve:
        files |= _texts(result, csv, latex, html)
    deliver(result, json, partial(_show, result), files)
    if not result.curve:
        raise fail("no draw could be scored: see above why")


def _check_no_more_tries(folder: ResultFolder, tries: int) -> None:
    """Leave if an attack that goes on would replace its result by one of fewer tries.

    Raises:
        ResultError: the file in the place of the result holds none.
        typer.Exit: the result is of more tries.
    """
    if folder.path is None or not folder.resume or not (folder.path / RESULT).exists():
        return
    from forge_agents.attack import AttackResult

    before = AttackResult.read(folder.path).tries
    if tries < before:
        raise fail(
            f"{folder.path / RESULT} is of {before} tries, and would be replaced by a result of {tries}: give --tries "
            f"{before} or more, or take another folder"
        )


def _attack(
    overseer: str,
    settings: dict[str, Any],
    request: dict[str, Any],
    threshold_from: Path | None,
    folder: ResultFolder,
) -> "AttackResult":
    from forge_agents import attack as attacks
    from forge_agents.client import ArenaError
    from forge_agents.overseers import OverseerFailed, settings_with_tools
    from forge_agents.result import Result
    from forge_arena.collector import make_rounds_rarer

    if request["tools"]:
        settings = settings_with_tools(overseer, settings)
    threshold = None if threshold_from is None else Result.read(threshold_from)
    with (
        resumable(folder.how_to_go_on, OverseerFailed, ArenaError, if_failed=folder.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
    ):
        make_rounds_rarer()
        reach_arena(request["arena"], request["token"])
        most = request["episodes"] * (request["tries"] + 1)
        task = bar.add_task(escape(public_address(overseer)), total=most, unit="verdicts")
        follow = following(bar, task, opened)

        def on_progress(done: int, of: int) -> None:
            # The total falls where answers take fewer corruptions.
            bar.update(task, total=of)
            follow(done, of)

        return attacks.attack(
            opened,
            **request,
            threshold_from=threshold,
            spec=overseer,
            settings=settings,
            records=folder.records,
            resume=folder.resume,
            on_progress=on_progress,
        )


def _texts(result: "AttackResult", csv: Path | None, latex: Path | None, html: Path | None) -> dict[Path, str]:
    """The tables and the page that were asked for, by path."""
    from forge_agents.paper import attack_csv, attack_latex

    texts = {} if csv is None else {csv: attack_csv(result)}
    if latex is not None:
        texts[latex] = attack_latex(result)
    if html is not None:
        texts[html] = _page_writer()(result)
    return texts


def _page_writer() -> "Callable[[AttackResult], str]":
    """The function that makes the page of a result.

    Raises:
        typer.Exit: a library for pages is missing; the message names the extra to install.
    """
    with extra("report", "a page"):
        from forge_agents.attack_page import attack_page
    return attack_page


def _show(result: "AttackResult", out: Console) -> None:
    if result.curve:
        out.print(attack_table(result))
        out.print(attack_types_table(result))
    for note in result.notes:
        out.print(f"[dim]{escape(note)}[/]", highlight=False)
