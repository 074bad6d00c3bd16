"""Enter overseers for the leaderboard, report how far their submissions are, and score the finished ones.

The episodes of a submission are opened and get their verdicts like all others (`episodes`).
"""

import asyncio
import secrets
import time

from forge_arena.episodes import Arena
from forge_arena.wire import Leaderboard, OpenSubmission, OwnSubmissions, Submission
from forge_server.access import Caller
from forge_server.errors import UnknownSubmission, Unsealed
from forge_server.leaderboard import compute_scorecard, leaderboard_entry
from forge_server.rows import StoredSubmission
from forge_server.settings import Settings
from forge_server.store import Store

# Episodes that are read from the store at a time.
READ = 256


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
            scorecard = stored.scorecard or await self._score(stored)
            # In a thread, because the first call imports scikit-learn, which takes seconds.
            entries.append(await asyncio.to_thread(leaderboard_entry, stored, scorecard))
        return Leaderboard(
            suite=self._arena.suite_and_version,
            suite_hash=self.suite_hash,
            worker=self._arena.answers_by,
            episodes=self._settings.leaderboard_episodes,
            budget=self._settings.leaderboard_budget,
            entries=tuple(sorted(entries, key=lambda e: -(e.balanced_accuracy.value or 0.0))),
        )

    async def _score(self, submission: StoredSubmission) -> str:
        """Compute the scorecard of a finished submission, and keep it in the store."""
        ids = [id for id, _ in (await self._store.episodes_of_submission(submission.id)).values()]
        episodes = [
            episode
            for start in range(0, len(ids), READ)
            for episode in (await self._store.load(ids[start : start + READ])).values()
        ]
        scorecard = await asyncio.to_thread(compute_scorecard, episodes)
        await self._store.keep_scorecard(submission.id, scorecard)
        return scorecard
