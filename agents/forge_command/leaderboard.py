"""`forge-arena leaderboard`: which overseer does best on the sealed test split of an arena?"""

from typing import Annotated

import typer

from forge_command.console import deliver
from forge_command.options import ARENA, ArenaToken, ArenaUrl, JsonFile
from forge_command.tables import entries_table, leaderboard_table

EPILOG = """Examples:

forge-arena leaderboard --arena http://127.0.0.1:8000

forge-arena leaderboard --mine"""


def leaderboard(
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="List the entries of this token instead, finished or not, with their ids.")
    ] = False,
    json: JsonFile = None,
) -> None:
    """Show an arena's leaderboard. The arena also serves it as a page, at /leaderboard."""
    from forge_agents.client import ArenaClient

    with ArenaClient(arena, token=token, patience=2) as client:
        if mine:
            entries = client.submissions()
            rows = [entry.model_dump(mode="json") for entry in entries]
            deliver(rows, json, lambda out: out.print(entries_table(entries)))
            return
        board = client.leaderboard()
    deliver(board, json, lambda out: out.print(leaderboard_table(board)))
