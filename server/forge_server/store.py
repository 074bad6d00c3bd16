"""Keep episodes and verdicts in SQL: all questions that the server asks its database, and all changes, by their names.

A change is a value of `forge_server.writes`, and the writer commits it (`forge_server.writer`). A question is a
function of `forge_server.reads`, and a thread asks it.
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, select

from forge_arena.profiles import Profile
from forge_arena.wire import RunPoint
from forge_server import reads
from forge_server.access import Caller
from forge_server.database import (
    FAILURES,
    FILE_GONE,
    StoreFile,
    log_failure,
    open_engine,
    unstorable,
    value_was_refused,
)
from forge_server.errors import StoreUnavailable, UnknownEpisode, UnknownRun
from forge_server.metrics import Metrics
from forge_server.rows import (
    Counts,
    Finished,
    NewEpisode,
    Play,
    StoredEpisode,
    StoredSubmission,
    StoredToolUse,
    StoredVerdict,
)
from forge_server.run_records import (
    UNKNOWN,
    BeginRunWrite,
    DeleteRun,
    ReportPointsWrite,
    StoredPoint,
    StoredRun,
    read_points,
    read_runs,
)
from forge_server.schema import bring_up_to_date, meta
from forge_server.writer import Writer
from forge_server.writes import (
    AdvanceStream,
    DeleteEpisode,
    EnterEpisodes,
    ExpireEpisodes,
    FoldCounts,
    KeepProfile,
    KeepScorecard,
    OpenEpisodesWrite,
    OpenSubmissionWrite,
    RecordProbe,
    RecordToolUse,
    RecordVerdicts,
    ReplaceCurriculum,
    Write,
)

P = ParamSpec("P")
R = TypeVar("R")

# Seconds within which the database must answer a check.
CHECK = 2.0
# Ids come from `secrets.token_urlsafe`. Postgres refuses to even look for some other texts, such as one with a NUL.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Store:
    """The database behind a server. A write is durable once it was awaited; a read sees what was committed.

    Raises:
        ValueError: (when opened) the URL cannot be used, for instance because its driver is not installed.
        StoreUnavailable: the database is gone, full or locked. Nothing is half written. If the connection broke
            during a commit, the commit may have been made; the same write again finds out.
        Unstorable: the database cannot hold a value.
        Busy: too many writes wait, or the store is closing.
    """

    def __init__(self, url: str, *, pending: int = 2048, metrics: Metrics | None = None) -> None:
        self.engine = open_engine(url)
        try:
            bring_up_to_date(self.engine)
        except BaseException:
            self.engine.dispose()
            raise
        self._file = StoreFile(self.engine)
        self._check: asyncio.Task[int] | None = None
        self._writer = Writer(self.engine, self._file, pending=pending, metrics=metrics or Metrics())

    def secret(self) -> str:
        """The secret that was made with this store. It salts the sealed test split, so it must outlive the process."""
        with self.engine.connect() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one())

    async def keep_profile(self, profile: Profile) -> None:
        """Keep the weights of a reward profile, so that the verdicts recorded under its label can be graded again."""
        await self._submit(KeepProfile(profile.label, json.dumps(profile.weights)))

    async def trouble(self) -> str | None:
        """Why the store cannot be used at the moment, None if it can. Asks the database."""
        if self._file.was_replaced():
            return FILE_GONE
        if self._check is None or self._check.done():
            # One check at a time. Otherwise a database that does not answer would take all threads.
            self._check = asyncio.create_task(self._read(reads.stream, ""))
            self._check.add_done_callback(lambda check: check.cancelled() or check.exception())
        done, _ = await asyncio.wait([self._check], timeout=CHECK)
        if not done:
            return "the store does not answer"
        return None if self._check.exception() is None else "the store cannot be read"

    @property
    def may_be_shared(self) -> bool:
        """Whether other replicas, or other processes of this server, may have written to this store until the last
        write of this one."""
        return not self._file.was_opened or self._file.others_write

    async def open_episodes(self, new: Sequence[NewEpisode]) -> None:
        await self._submit(OpenEpisodesWrite(new))

    async def record(self, verdicts: Sequence[StoredVerdict], now: float) -> list[StoredVerdict]:
        """Commit attempts, all or none. Gives back those that had been committed before, with the same content."""
        return await self._submit(RecordVerdicts(verdicts, now))

    async def record_probe(self, episode_id: str, before: int, probes: str, now: float) -> None:
        await self._submit(RecordProbe(episode_id, before, probes, now))

    async def record_tool_use(self, use: StoredToolUse) -> None:
        await self._submit(RecordToolUse(use))

    async def delete(self, episode_id: str) -> None:
        if not _may_exist(episode_id):
            raise UnknownEpisode("there is no such episode")
        await self._submit(DeleteEpisode(episode_id))

    async def expire(self, now: float) -> int:
        """Mark the open episodes whose time is over; gives back how many."""
        return await self._submit(ExpireEpisodes(now))

    async def fold_counts(self) -> None:
        """Keep the counts short, so that reading them takes no longer with each write."""
        await self._submit(FoldCounts())

    async def advance(self, name: str, at: int, to: int) -> bool:
        """Move a stream from one index to another; gives back False if it was not at the first index any more."""
        return await self._submit(AdvanceStream(name, at, to))

    async def replace_curriculum(self, suite: str, body: str | None, now: float) -> int:
        """Replace a suite's curriculum by another one, or by none; gives back the new revision."""
        return await self._submit(ReplaceCurriculum(suite, body, now))

    async def open_submission(
        self,
        id: str,
        overseer: str,
        suite: str,
        *,
        episodes: int,
        budget: int,
        now: float,
        caller: Caller,
        request: str | None = None,
    ) -> str:
        """Enter an overseer; gives back the id of the entry. The same `request` again gets the id of the same entry.

        Raises:
            BudgetSpent: the name has no entry left.
            NameTaken: the name belongs to another caller.
        """
        return await self._submit(OpenSubmissionWrite(id, overseer, suite, episodes, budget, now, caller, request))

    async def enter(self, submission_id: str, numbers: Sequence[int], new: Sequence[NewEpisode]) -> None:
        """Open episodes of a submission, each with its number in the submission."""
        await self._submit(EnterEpisodes(submission_id, numbers, new))

    async def keep_scorecard(self, submission_id: str, scorecard: str) -> None:
        await self._submit(KeepScorecard(submission_id, scorecard))

    async def begin_run(self, id: str, name: str, notes: str, request: str | None, owner: str, now: float) -> str:
        """Begin a training run; gives back its id. The same `request` again gets the id of the same run.

        Raises:
            RunsFull: the token has no run left.
        """
        return await self._submit(BeginRunWrite(id, name, notes, request, owner, now))

    async def report_points(self, run_id: str, points: Sequence[RunPoint], caller: Caller, now: float) -> None:
        """Raises `UnknownRun`, or `RunsFull` if the run has no point left."""
        if not _may_exist(run_id):
            raise UnknownRun(UNKNOWN)
        await self._submit(ReportPointsWrite(run_id, points, caller, now))

    async def delete_run(self, run_id: str, caller: Caller) -> None:
        """Raises `UnknownRun`."""
        if not _may_exist(run_id):
            raise UnknownRun(UNKNOWN)
        await self._submit(DeleteRun(run_id, caller))

    async def _submit(self, write: Write[R]) -> R:
        return await self._writer.submit(write)

    async def load(self, ids: Iterable[str]) -> dict[str, StoredEpisode]:
        """The episodes among these that exist, by id, with their verdicts in order of attempt."""
        return await self._read(reads.load, set(filter(_may_exist, ids)))

    async def verdicts(self, ids: Iterable[str]) -> list[StoredVerdict]:
        """The verdicts on these episodes, in order of episode and attempt."""
        return await self._read(reads.read_verdicts, set(filter(_may_exist, ids)))

    async def tool_uses(self, ids: Iterable[str]) -> list[StoredToolUse]:
        """The uses of tools on these episodes, in order of episode, attempt and number."""
        return await self._read(reads.read_tool_uses, set(filter(_may_exist, ids)))

    async def stream(self, name: str) -> int:
        """The index at which a stream goes on."""
        return await self._read(reads.stream, name)

    async def curriculum_revision(self, suite: str) -> int:
        """The revision of a suite's curriculum, 0 if it never had one."""
        return await self._read(reads.curriculum_revision, suite)

    async def curriculum(self, suite: str) -> tuple[int, str | None]:
        """The revision, and the curriculum itself: None if none is in force."""
        return await self._read(reads.curriculum, suite)

    async def submission(self, id: str) -> StoredSubmission | None:
        return await self._read(reads.submission, id) if _may_exist(id) else None

    async def submissions(self, suite: str, caller: Caller, alike: str | None) -> list[tuple[StoredSubmission, int]]:
        """The newest entries of a caller, each with the number of its finished episodes. If `alike` is given, only the
        entries whose name looks like it."""
        return await self._read(reads.submissions_of, suite, caller, alike)

    async def episodes_of_submission(self, submission_id: str) -> dict[int, tuple[str, str]]:
        """The opened episodes of a submission: id and status, by number."""
        return await self._read(reads.episodes_of_submission, submission_id) if _may_exist(submission_id) else {}

    async def finished_submissions(self, suite: str) -> list[StoredSubmission]:
        """The submissions of which every episode is finished, in the order in which they were entered."""
        return await self._read(reads.finished_submissions, suite)

    async def plays(self, player: str) -> list[Play]:
        """The episodes that a person opened on the page, the oldest first, each with its verdict."""
        return await self._read(reads.plays, player)

    async def finished_episodes(
        self,
        *,
        owner: str | None,
        splits: Collection[str],
        before: tuple[float, str] | None,
        limit: int,
    ) -> list[Finished]:
        """Finished episodes of some splits, the newest first. Only those of one token if `owner` is given; only those
        after the episode of this time and id in the list if `before` is."""
        return await self._read(reads.finished_episodes, owner=owner, splits=splits, before=before, limit=limit)

    async def runs(self, caller: Caller, ids: Collection[str] | None = None) -> list[StoredRun]:
        """The newest runs of a caller; of an admin, of all tokens. Only those with these ids if `ids` is given."""
        return await self._read(read_runs, caller, None if ids is None else list(filter(_may_exist, ids)))

    async def run_points(self, run_id: str) -> list[StoredPoint]:
        """The points of a run, in the order of phases and steps."""
        return await self._read(read_points, run_id)

    async def counts(self, sealed: Collection[str] = ()) -> Counts:
        """Counts of episodes and verdicts. The mean reward leaves the sealed splits out."""
        return await self._read(reads.counts, sealed)

    async def _read(self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        def answer() -> R:
            with self.engine.connect() as connection:
                return query(connection, *args, **kwargs)

        try:
            return await asyncio.to_thread(answer)
        except FAILURES as error:
            if value_was_refused(error):
                raise unstorable(error) from None
            log_failure(error)
            raise StoreUnavailable("the store cannot be read at the moment: try again later") from None

    def close(self) -> None:
        """Commit the writes that wait, then close the database."""
        self._writer.close()
        self.engine.dispose()


def _may_exist(id: str) -> bool:
    """Whether an id has the form of the ids that the server gives out."""
    return _ID.fullmatch(id) is not None
