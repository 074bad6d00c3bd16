"""Enter overseers for the leaderboard, say how far their submissions are, and score the finished ones. Their episodes are
opened and judged as all others are (`episodes`)."""

import asyncio
import secrets
import time

from forge_arena.episodes import VERSION, Arena
from forge_arena.wire import Leaderboard, OpenSubmission, Submission
from forge_server.errors import UnknownSubmission, Unsealed
from forge_server.leaderboard import entry, scored, suite_hash
from forge_server.settings import Settings
from forge_server.store import Store

# Episodes that are read at a time where many are.
READ = 256


class Submissions:
    """The submissions to one suite. `sealed` is whether the truth of the test split stays here."""

    def __init__(self, arena: Arena, store: Store, settings: Settings, *, sealed: bool) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._sealed = sealed
        self.suite_hash = suite_hash(arena)

    async def enter(self, ask: OpenSubmission) -> Submission:
        """Raises `BudgetSpent`, or `Unsealed` where everyone may know the truth."""
        if not self._sealed:
            raise Unsealed("this arena gives the truth of its test split out: a leaderboard needs one that is sealed")
        submission_id = secrets.token_urlsafe(18)
        await self._store.open_submission(
            submission_id,
            ask.overseer,
            self.suite_hash,
            episodes=self._settings.leaderboard_episodes,
            budget=self._settings.leaderboard_budget,
            now=time.time(),
        )
        return await self.get(submission_id)

    async def get(self, submission_id: str) -> Submission:
        """Raises `UnknownSubmission`."""
        stored = await self._store.submission(submission_id)
        if stored is None or stored.suite != self.suite_hash:
            raise UnknownSubmission("there is no such submission to this suite: enter one with POST /v1/submissions")
        entered = await self._store.entered(submission_id)
        return Submission(
            submission_id=stored.id,
            overseer=stored.overseer,
            episodes=stored.episodes,
            judged=sum(status == "finished" for _, status in entered.values()),
            entry=stored.entry,
            budget=self._settings.leaderboard_budget,
            suite_hash=self.suite_hash,
        )

    async def leaderboard(self) -> Leaderboard:
        """Every finished submission to this suite; what is new is scored first."""
        entries = []
        for stored in await self._store.finished_submissions(self.suite_hash):
            text = stored.scorecard
            if text is None:
                ids = [id for id, _ in (await self._store.entered(stored.id)).values()]
                found = [
                    one
                    for at in range(0, len(ids), READ)
                    for one in (await self._store.load(ids[at : at + READ])).values()
                ]
                text = await asyncio.to_thread(scored, found)
                await self._store.keep_scorecard(stored.id, text)
            # Not here: the first one brings scikit-learn, for seconds.
            entries.append(await asyncio.to_thread(entry, stored, text))
        return Leaderboard(
            suite=f"{self._arena.suite}:{VERSION}",
            suite_hash=self.suite_hash,
            worker=self._arena.worker.name,
            episodes=self._settings.leaderboard_episodes,
            budget=self._settings.leaderboard_budget,
            entries=tuple(sorted(entries, key=lambda e: -(e.balanced_accuracy.value or 0.0))),
        )
