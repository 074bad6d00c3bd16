"""`forge-arena eval --submit`: enter an overseer for the leaderboard of an arena, on its sealed test split."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import Progress

from forge_arena.errors import BadArgument
from forge_arena.wire import OVERSEER_NAME, Leaderboard, Submission
from forge_command.console import deliver, fail, resumable
from forge_command.overseer import following, opening
from forge_command.progress import progress
from forge_command.reach import reach_arena
from forge_command.tables import leaderboard_table

if TYPE_CHECKING:
    from forge_agents.client import ArenaClient


@dataclass(frozen=True)
class Entry:
    """What the command enters: an overseer under a new `name`, or a stopped submission by its id."""

    name: str | None
    submission: str | None
    new: bool = False

    def __post_init__(self) -> None:
        if (self.name is None) == (self.submission is None):
            raise BadArgument(
                "--submit NAME enters an overseer, --submission ID goes on with an entry: give one of them"
            )
        if self.name is not None and not re.fullmatch(OVERSEER_NAME, self.name):
            raise BadArgument(
                f"--submit {self.name!r}: a name has at most 64 letters, digits, spaces and . _ : / @ + -"
            )
        if self.new and self.name is None:
            raise BadArgument("--new-entry spends another entry of a name: give --submit NAME beside it")

    def open(self, client: "ArenaClient") -> Submission:
        """The submission: a new one, or the one that goes on."""
        from forge_agents.submission import Unfinished, enter

        if self.name is None:
            return client.submission(self.submission or "")
        try:
            return enter(client, self.name, anew=self.new)
        except Unfinished as unfinished:
            raise fail(f"{unfinished}: go on by --submission ID, or spend another entry by --new-entry") from None


def submit_overseer(
    overseer: str, settings: dict[str, Any], arena: str, token: str | None, entry: Entry, batch: int, json: str | None
) -> None:
    """Let the overseer review the episodes of its entry, and print the leaderboard."""
    from forge_agents.client import ArenaClient, ArenaError
    from forge_agents.overseers import OverseerFailed

    submission: Submission | None = None

    def how_to_go_on() -> str:
        return "" if submission is None else f"; go on with --submission {submission.submission_id}"

    with (
        resumable(how_to_go_on, OverseerFailed, ArenaError),
        progress() as bar,
        opening(bar, overseer, settings) as opened,
        ArenaClient(arena, token=token) as client,
    ):
        reach_arena(arena, token)
        submission = entry.open(client)
        board = _review(opened, client, submission, batch, bar)
    deliver(board, json, lambda out: out.print(leaderboard_table(board)))


def _review(overseer: Any, client: "ArenaClient", entry: Submission, batch: int, bar: Progress) -> Leaderboard:
    from forge_agents.submission import submit

    bar.console.print(
        escape(f"{entry.overseer}: entry {entry.entry} of {entry.budget}, submission {entry.submission_id}"),
        highlight=False,
    )
    task = bar.add_task(escape(entry.overseer), total=entry.episodes, completed=entry.judged, unit="verdicts")
    submit(
        overseer,
        client,
        entry,
        batch=batch,
        on_progress=following(bar, task, overseer),
    )
    return client.leaderboard()
