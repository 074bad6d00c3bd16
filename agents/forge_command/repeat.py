"""`forge-arena eval --repeat`: make an evaluation again from its result alone, and say what differs."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from forge_arena.hosts import is_loopback
from forge_arena.secrecy import public_address
from forge_command.console import deliver, fail, resumable
from forge_command.overseer import following, opening
from forge_command.progress import progress
from forge_command.reach import reach_arena
from forge_command.result_folder import ResultFolder
from forge_command.tables import nothing_scored, repetition_table

if TYPE_CHECKING:
    from forge_agents.repetition import Repetition
    from forge_agents.result import Result


@dataclass(frozen=True)
class Again:
    """What the command line says of a repetition. What is None stands in the result that is repeated."""

    result: Path
    overseer: str | None
    arena: str | None
    token: str | None
    api_key: str | None
    name: str | None


def repeat_evaluation(again: Again, folder: ResultFolder, json: str | None) -> None:
    """Make the evaluation again; print what differs, and write it to the place that `--json` names."""
    from forge_agents.repetition import compare_repetition
    from forge_agents.result import Result

    first = Result.read(again.result)
    second = _repeat(first, again, folder)
    repetition = compare_repetition(first, second)
    deliver(repetition, json, partial(_show, repetition), folder.files(second), partial(folder.write_page, second))
    if not second.scorecard.scored + second.scorecard.invalid:
        raise fail(nothing_scored(second))


def _repeat(first: "Result", again: Again, folder: ResultFolder) -> "Result":
    from forge_agents.client import ArenaError
    from forge_agents.overseers import OverseerFailed
    from forge_agents.records import settings_of_record
    from forge_agents.repetition import recipe, repeat, why_named
    from forge_arena.collector import make_rounds_rarer

    made = recipe(first)
    spec, arena = again.overseer or made.spec, again.arena or made.arena
    if spec is None or arena is None:
        missing = "its overseer: name it by --overseer" if spec is None else "its arena: name it by --arena"
        raise fail(f"this result is of a program or a person, and does not name {missing}")
    settings = settings_of_record(made.settings)
    if again.overseer is None and (why := why_named(spec, settings, with_key=again.api_key is not None)):
        raise fail(
            f"name the overseer of this result yourself if you trust it, because {why}: --overseer {quote(spec)}"
        )
    if again.arena is None and again.token is not None and not is_loopback(urlsplit(arena).hostname):
        raise fail(f"name the arena of this result yourself if your token is for it: --arena {quote(arena)}")
    if again.api_key is not None:
        settings["api_key"] = again.api_key
    with (
        resumable(folder.how_to_go_on, OverseerFailed, ArenaError, if_failed=folder.how_to_go_on_if_begun),
        progress() as bar,
        opening(bar, spec, settings) as overseer,
    ):
        make_rounds_rarer()
        reach_arena(arena, again.token)
        task = bar.add_task(escape(public_address(spec)), total=len(first.rows), unit="verdicts")
        return repeat(
            first,
            overseer,
            spec=spec,
            settings=settings,
            arena=arena,
            token=again.token,
            name=again.name,
            records=folder.records,
            resume=folder.resume,
            on_progress=following(bar, task, overseer),
        )


def _show(repetition: "Repetition", out: Console) -> None:
    if repetition.conditions or repetition.numbers:
        out.print(repetition_table(repetition))
    for sentence in repetition.findings:
        out.print(escape(sentence), highlight=False)
