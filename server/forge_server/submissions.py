"""Enter overseers for the leaderboard, report how far their submissions are, and score the finished ones.

The episodes of a submission are opened and get their verdicts like all others (`episodes`).
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from forge_arena.episodes import Arena
from forge_arena.measures.scorecard import Row
from forge_arena.types import Estimate
from forge_arena.wire import Leaderboard, LeaderboardEntry, OpenSubmission, OwnSubmissions, Submission
from forge_server.access import Caller
from forge_server.errors import UnknownSubmission, Unsealed
from forge_server.evaluated import evaluated_rows
from forge_server.leaderboard import compute_scorecard, leaderboard_entry
from forge_server.rows import StoredEpisode, StoredSubmission
from forge_server.settings import Settings
from forge_server.standings import RocCurve, paired_differences, roc_curve
from forge_server.store import Store

K = TypeVar("K")
V = TypeVar("V")

# Episodes that are read from the store at a time.
READ = 256
# Entries whose rows, and pairs of entries whose differences, are kept in memory.
ENTRIES_KEPT, PAIRS_KEPT = 16, 256


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry beside others: its curve, and its differences from the first of them. The first has none."""

    entry: LeaderboardEntry
    roc: RocCurve | None
    differences: Mapping[str, Estimate]


class Submissions:
    """The submissions to one suite. `sealed` says whether the truth of the test split stays on the server.

    `suite_hash` names the leaderboard (`leaderboard.suite_hash` of the test split).
    """

    def __init__(self, arena: Arena, store: Store, settings: Settings, suite_hash: str, *, sealed: bool) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._sealed = sealed
        self.suite_hash = suite_hash
        # A finished entry never changes, so nothing is computed twice. Computing takes seconds: one request at a time
        # computes.
        self._computing = asyncio.Lock()
        self._rows: OrderedDict[str, list[Row]] = OrderedDict()
        self._entries: dict[str, LeaderboardEntry] = {}
        self._differences: OrderedDict[tuple[str, str], Mapping[str, Estimate]] = OrderedDict()

    async def enter(self, ask: OpenSubmission, caller: Caller) -> Submission:
        """Raises `BudgetSpent`, `NameTaken`, or `Unsealed` if clients can see the truth of the test split."""
        if not self._sealed:
            raise Unsealed("this arena reveals the truth of its test split: a leaderboard needs a sealed one")
        submission_id = await self._store.open_submission(
            secrets.token_urlsafe(18),
            ask.overseer,
            self.suite_hash,
            episodes=self._settings.leaderboard_episodes,
            budget=self._settings.leaderboard_budget,
            now=time.time(),
            caller=caller,
            request=ask.request,
        )
        return await self.get(submission_id, caller)

    async def get(self, submission_id: str, caller: Caller) -> Submission:
        """Raises `UnknownSubmission`, also if the submission belongs to another token."""
        stored = await self._store.submission(submission_id)
        if stored is None or stored.suite != self.suite_hash or not caller.may_see(stored.owner):
            raise UnknownSubmission(
                "this token has no such submission to this suite: GET /v1/submissions lists its own, and "
                "POST /v1/submissions enters one"
            )
        entered = await self._store.episodes_of_submission(submission_id)
        return self._submission(stored, sum(status == "finished" for _, status in entered.values()))

    async def own(self, caller: Caller, overseer: str | None) -> OwnSubmissions:
        """The entries of a caller, the newest first. If `overseer` is given, only the entries of that name."""
        entries = await self._store.submissions(self.suite_hash, caller, overseer)
        return OwnSubmissions(submissions=tuple(self._submission(stored, finished) for stored, finished in entries))

    def _submission(self, stored: StoredSubmission, finished: int) -> Submission:
        return Submission(
            submission_id=stored.id,
            overseer=stored.overseer,
            episodes=stored.episodes,
            judged=finished,
            entry=stored.entry,
            budget=self._settings.leaderboard_budget,
            suite_hash=self.suite_hash,
        )

    async def leaderboard(self) -> Leaderboard:
        """Every finished submission to this suite. Those without a scorecard are scored first."""
        entries = []
        for stored in await self._store.finished_submissions(self.suite_hash):
            if stored.id not in self._entries:
                scorecard = stored.scorecard or await self._score(stored.id)
                # In a thread, so that a large scorecard does not hold up the event loop.
                self._entries[stored.id] = await asyncio.to_thread(leaderboard_entry, stored, scorecard)
            entries.append(self._entries[stored.id])
        return Leaderboard(
            suite=self._arena.suite_and_version,
            suite_hash=self.suite_hash,
            worker=self._arena.answers_by,
            episodes=self._settings.leaderboard_episodes,
            budget=self._settings.leaderboard_budget,
            entries=tuple(sorted(entries, key=lambda e: -(e.balanced_accuracy.value or 0.0))),
        )

    async def standings(self, entries: Sequence[LeaderboardEntry]) -> list[Standing]:
        """Some entries of the leaderboard against the first of them."""
        finished = await self._store.finished_submissions(self.suite_hash)
        stored = {(submission.overseer, submission.entry): submission for submission in finished}
        standings: list[Standing] = []
        async with self._computing:
            for entry in entries:
                submission, first = stored[entry.overseer, entry.entry], stored[entries[0].overseer, entries[0].entry]
                rows = await self._rows_of(submission)
                apart = await self._differences_of(first, submission) if submission.id != first.id else {}
                standings.append(Standing(entry, await asyncio.to_thread(roc_curve, rows), apart))
        return standings

    async def _differences_of(self, first: StoredSubmission, second: StoredSubmission) -> Mapping[str, Estimate]:
        pair = (first.id, second.id)
        if pair not in self._differences:
            sides = await self._rows_of(first), await self._rows_of(second)
            self._differences[pair] = await asyncio.to_thread(paired_differences, *sides)
        return _use(self._differences, pair, PAIRS_KEPT)

    async def _rows_of(self, submission: StoredSubmission) -> list[Row]:
        if submission.id not in self._rows:
            self._rows[submission.id] = await asyncio.to_thread(evaluated_rows, await self._episodes_of(submission))
        return _use(self._rows, submission.id, ENTRIES_KEPT)

    async def _score(self, submission_id: str) -> str:
        """Compute the scorecard of a finished submission, and keep it in the store."""
        async with self._computing:
            # Another request may have computed it while this one waited.
            stored = await self._store.submission(submission_id)
            assert stored is not None
            if stored.scorecard is not None:
                return stored.scorecard
            scorecard = await asyncio.to_thread(compute_scorecard, await self._episodes_of(stored))
            await self._store.keep_scorecard(submission_id, scorecard)
            return scorecard

    async def _episodes_of(self, submission: StoredSubmission) -> list[StoredEpisode]:
        ids = [id for id, _ in (await self._store.episodes_of_submission(submission.id)).values()]
        return [
            episode
            for start in range(0, len(ids), READ)
            for episode in (await self._store.load(ids[start : start + READ])).values()
        ]


def _use(kept: OrderedDict[K, V], name: K, most: int) -> V:
    """The value of that name. It is the last of `most` to be dropped."""
    kept.move_to_end(name)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[name]
