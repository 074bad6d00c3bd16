"""The leaderboard as rows of a page."""

from dataclasses import dataclass
from typing import Any

from forge_arena.types import Estimate
from forge_arena.wire import Leaderboard, LeaderboardEntry
from forge_server.leaderboard import COLUMNS

# The picture of an interval goes from here to 1, which is where balanced accuracy lies for an overseer that reads.
LEAST = 0.4


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval as places from 0 to 100; None where the estimate is not defined."""

    at: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: Estimate) -> "Interval | None":
        if estimate.value is None:
            return None
        low = estimate.value if estimate.low is None else estimate.low
        high = estimate.value if estimate.high is None else estimate.high
        return cls(*(100 * min(1.0, max(0.0, (x - LEAST) / (1 - LEAST))) for x in (estimate.value, low, high)))


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, with the estimates of its columns and a picture of its balanced accuracy."""

    entry: LeaderboardEntry
    estimates: tuple[Estimate, ...]
    picture: Interval | None


def leaderboard_rows(board: Leaderboard) -> dict[str, Any]:
    """What the page shows beside the board itself."""
    rows = [
        Row(entry, tuple(getattr(entry, name) for name in COLUMNS), Interval.of(entry.balanced_accuracy))
        for entry in board.entries
    ]
    return {"columns": list(COLUMNS.values()), "rows": rows}
