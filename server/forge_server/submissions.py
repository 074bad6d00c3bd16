"""Enter overseers for the leaderboard, say how far their submissions are, and score the finished ones. Their episodes are
opened and judged as all others are (`episodes`)."""

import asyncio
import secrets
import time

from forge_arena.episodes import Arena
from forge_arena.wire import Leaderboard, OpenSubmission, OwnSubmissions, Submission
from forge_server.access import Caller
from forge_server.errors import UnknownSubmission, Unsealed
from forge_server.leaderboard import entry, scored, suite_hash
from forge_server.rows import StoredSubmission
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

    async def enter(self, ask: OpenSubmission, caller: Caller) -> Submission:
        """Raises `BudgetSpent`, `NameTaken`, or `Unsealed` where everyone may know the truth."""
        if not self._sealed:
            raise Unsealed("this arena gives the truth of its test split out: a leaderboard needs one that is sealed")
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
        """Raises `UnknownSubmission`, also for one of another token."""
        stored = await self._store.submission(submission_id)
        if stored is None or stored.suite != self.suite_hash or not caller.may_see(stored.owner):
            raise UnknownSubmission(
                "this token has no such submission to this suite: GET /v1/submissions lists its own, and "
                "POST /v1/submissions enters one"
            )
        entered = await self._store.entered(submission_id)
        return self._shown(stored, sum(status == "finished" for _, status in entered.values()))

    async def own(self, caller: Caller, overseer: str | None) -> OwnSubmissions:
        """The entries of a caller, the newest first; those of one name if given."""
        found = await self._store.submissions(self.suite_hash, caller, overseer)
        return OwnSubmissions(submissions=tuple(self._shown(stored, judged) for stored, judged in found))

    def _shown(self, stored: StoredSubmission, judged: int) -> Submission:
        return Submission(
            submission_id=stored.id,
            overseer=stored.overseer,
            episodes=stored.episodes,
            judged=judged,
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
            suite=self._arena.suite_and_version,
            suite_hash=self.suite_hash,
            worker=self._arena.worker.name,
            episodes=self._settings.leaderboard_episodes,
            budget=self._settings.leaderboard_budget,
            entries=tuple(sorted(entries, key=lambda e: -(e.balanced_accuracy.value or 0.0))),
        )
