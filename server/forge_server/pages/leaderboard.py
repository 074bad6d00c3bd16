"""The leaderboard as a page: its table, and the curves and differences of some entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from forge_arena.types import Estimate
from forge_arena.wire import Leaderboard, LeaderboardEntry
from forge_server.errors import InvalidRequest
from forge_server.leaderboard import COLUMNS
from forge_server.pages.charts import COLOURS, Chart, Line, chart
from forge_server.submissions import Standing, Submissions

# The picture of an interval goes from here to 1, which is where balanced accuracy lies for an overseer that reads.
LEAST = 0.4
# So many entries are drawn unless others are asked for.
FIRST = 4
# The height of the picture of the curves, which makes it nearly a square.
SQUARE = 290.0
UNIT = (0.0, 1.0)
# What two entries are compared by, and whether more is better.
COMPARED = {
    "balanced_accuracy": ("balanced accuracy", True),
    "auroc": ("AUROC", True),
    "reward": ("reward", True),
    "brier": ("Brier, less is better", False),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval as places from 0 to 100; None where the estimate is not defined."""

    at: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: Estimate, least: float = LEAST, most: float = 1.0) -> "Interval | None":
        if estimate.value is None:
            return None
        low = estimate.value if estimate.low is None else estimate.low
        high = estimate.value if estimate.high is None else estimate.high
        places = (100 * min(1.0, max(0.0, (x - least) / (most - least))) for x in (estimate.value, low, high))
        return cls(*places)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, with the estimates of its columns and a picture of its balanced accuracy. `id` names it in a query."""

    entry: LeaderboardEntry
    estimates: tuple[Estimate, ...]
    picture: Interval | None
    drawn: bool

    @property
    def id(self) -> str:
        return entry_id(self.entry)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference from the first entry, its picture with 0 in the middle, and in a word whether it is real."""

    estimate: Estimate
    picture: Interval | None
    finding: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """An entry that is drawn, with its colour and its differences, one for each of `COMPARED`."""

    entry: LeaderboardEntry
    colour: int
    differences: tuple[Difference, ...]


def entry_id(entry: LeaderboardEntry) -> str:
    """Names an entry in a query: `2~my overseer` is the second entry of that name."""
    return f"{entry.entry}~{entry.overseer}"


async def leaderboard_page(submissions: Submissions, query: QueryParams) -> dict[str, Any]:
    """What the page shows. The entries in the query are drawn, by default the first `FIRST`.

    Raises:
        InvalidRequest: none of the entries in the query is on the leaderboard.
    """
    board = await submissions.leaderboard()
    wanted = set(query.getlist("entry"))
    chosen = [entry for entry in board.entries if entry_id(entry) in wanted] if wanted else list(board.entries[:FIRST])
    if wanted and not chosen:
        raise InvalidRequest("entry: choose entries from the list of the page")
    chosen = chosen[:COLOURS]
    ids = {entry_id(entry) for entry in chosen}
    rows = [
        Row(
            entry,
            tuple(getattr(entry, name) for name in COLUMNS),
            Interval.of(entry.balanced_accuracy),
            entry_id(entry) in ids,
        )
        for entry in board.entries
    ]
    standings = await submissions.standings(chosen)
    return {
        "title": "Leaderboard",
        "board": board,
        "columns": list(COLUMNS.values()),
        "rows": rows,
        "most": COLOURS,
        "roc": _roc_chart(board, standings),
        "compared": [words for words, _ in COMPARED.values()],
        "drawn": _drawn(standings),
    }


def _roc_chart(board: Leaderboard, standings: Sequence[Standing]) -> Chart | None:
    chance = Line("chance", 0, ((0.0, 0.0), (1.0, 1.0)), "chance")
    lines, words = [chance], []
    for colour, standing in enumerate(standings):
        if standing.roc is not None:
            lines += [
                Line(standing.entry.overseer, colour, standing.roc.points),
                Line(f"{standing.entry.overseer}, its own decisions", colour, (standing.roc.own,), "dots"),
            ]
            false_alarms, found = standing.roc.own
            words.append(f"{standing.entry.overseer} finds {found:.0%} at {false_alarms:.0%} false alarms")
    if len(lines) == 1:
        return None
    return chart(
        "Corrupted answers found, over false alarms",
        lines,
        y_range=UNIT,
        x_range=UNIT,
        height=SQUARE,
        summary=f"ROC curves. By its own decisions, {'; '.join(words)}",
    )


def _drawn(standings: Sequence[Standing]) -> list[Drawn]:
    # One scale for each column, so that its pictures can be compared.
    scales = {name: _scale([s.differences[name] for s in standings if name in s.differences]) for name in COMPARED}
    return [
        Drawn(
            standing.entry,
            colour,
            tuple(
                Difference(
                    standing.differences[name],
                    Interval.of(standing.differences[name], -scales[name], scales[name]),
                    _finding(standing.differences[name], more_is_better),
                )
                for name, (_, more_is_better) in COMPARED.items()
                if name in standing.differences
            ),
        )
        for colour, standing in enumerate(standings)
    ]


def _scale(estimates: Sequence[Estimate]) -> float:
    """Half the width of a picture that holds all of these intervals."""
    ends = [abs(end) for e in estimates for end in (e.value, e.low, e.high) if end is not None]
    return max([*ends, 0.01])


def _finding(estimate: Estimate, more_is_better: bool) -> str:
    if estimate.low is None or estimate.high is None:
        return "no interval"
    if estimate.low <= 0.0 <= estimate.high:
        return "not clear of 0"
    return "better" if (estimate.low > 0.0) == more_is_better else "worse"
