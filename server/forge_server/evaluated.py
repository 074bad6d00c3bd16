"""The rows of an evaluation, from episodes and verdicts that the store holds.

The scorecards and curves of the leaderboard and the results of people are computed from these rows.
"""

from collections.abc import Iterable

from forge_arena.errors import InvalidVerdict
from forge_arena.measures.rows import graded_row
from forge_arena.measures.scorecard import Row
from forge_arena.types import ToolUse
from forge_server.cache import result_of
from forge_server.grading import read_stored
from forge_server.payload import decode, without_statements
from forge_server.rows import StoredEpisode


def evaluated_rows(episodes: Iterable[StoredEpisode]) -> list[Row]:
    """One row for each verdict on these episodes, in the order of their keys. Takes a millisecond for each episode."""
    return [row for stored in sorted(episodes, key=lambda episode: episode.key) for row in _rows(stored)]


def _rows(stored: StoredEpisode) -> list[Row]:
    episode = without_statements(decode(stored.payload))
    rows = []
    for recorded in stored.verdicts:
        verdict = read_stored(recorded.submitted)
        readable = None if isinstance(verdict, InvalidVerdict) else verdict
        uses = [ToolUse.model_validate_json(use.used) for use in stored.tool_uses if use.attempt == recorded.attempt]
        result = result_of(recorded).model_copy(
            update={"tool_uses": len(uses), "tool_cost": sum(use.cost for use in uses)}
        )
        # The observation as it was opened: an evaluation opens its episodes anew, and sees none of these probes.
        rows.append(graded_row(stored.key, episode.observation, episode.truth, readable, result))
    return rows
