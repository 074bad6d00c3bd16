"""Keep episodes and verdicts in SQL: a write is answered once it is committed, and one commit serves many writes.

All writes go through one thread. The thread takes all writes that wait, applies them in one transaction, commits, and
only then resolves their futures, so that the requests of one moment share the price of a durable commit. A write that
conflicts with an earlier one, or that the database cannot hold, is refused alone, and the other writes of its group are
committed one by one. A whole group fails only if the database is gone, full or locked.
"""

import asyncio
import json
import os
import queue
import re
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from forge_arena.profiles import Profile
from forge_arena.wire import RunPoint
from forge_server import reads
from forge_server.access import Caller
from forge_server.errors import Busy, Refused, StoreUnavailable, UnknownEpisode, UnknownRun, Unstorable
from forge_server.logs import log
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
from forge_server.schema import PROFILE, bring_up_to_date, connect_to_postgres, ignore_known, meta
from forge_server.writes import (
    AdvanceStream,
    ContestedError,
    DeleteEpisode,
    EnterEpisodes,
    ExpireEpisodes,
    FoldCounts,
    KeepScorecard,
    OpenEpisodesWrite,
    OpenSubmissionWrite,
    RecordProbe,
    RecordToolUse,
    RecordVerdicts,
    ReplaceCurriculum,
    Write,
    apply_alone,
    apply_together,
)

P = ParamSpec("P")
R = TypeVar("R")

# The most writes in one transaction.
GROUP = 512
# If the last group had several writes, the thread waits this many seconds for more of them to arrive. So many clients
# share more commits, and one client alone never waits.
GATHER = 0.01
# How many times to try a write that loses a race against another replica.
RACES = 3
# Seconds within which the database must answer a check.
CHECK = 2.0
# Seconds to wait for a lock on an SQLite file.
LOCKED = 10.0
FILE_GONE = "the file of the store was deleted or replaced: put it back, or restart the server"
# The codes of Postgres for a deadlock and for a lost race: another replica was first, and the write may be tried again.
_LOST = frozenset({"40P01", "40001"})
# The class of errors that Postgres calls "program limit exceeded": a value is too large, and the database works.
_LIMIT = "54"
# Drivers raise the last three themselves for a value that no column can hold: half a character, an integer of 70 bits.
_FAILURES = (SQLAlchemyError, ValueError, OverflowError, TypeError)
# Ids come from `secrets.token_urlsafe`. Postgres refuses to even look for some other texts, such as one with a NUL.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Pending:
    write: Write[Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Store:
    """The database behind a server. A write is durable once it was awaited; a read sees what was committed.

    `processes` is how many processes of one server open the store.

    Raises:
        ValueError: (when opened) the URL cannot be used, for instance because its driver is not installed.
        StoreUnavailable: the database is gone, full or locked. Nothing is half written. If the connection broke
            during a commit, the commit may have been made; the same write again finds out.
        Unstorable: the database cannot hold a value.
        Busy: too many writes wait, or the store is closing.
    """

    def __init__(self, url: str, *, pending: int = 2048, metrics: Metrics | None = None, processes: int = 1) -> None:
        self.engine = _open_engine(url)
        try:
            bring_up_to_date(self.engine)
        except BaseException:
            self.engine.dispose()
            raise
        self._metrics = metrics or Metrics()
        self._pending = pending
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closed = False
        self._writing: Connection | None = None
        self._file = self._file_id()
        self._processes = processes
        self._check: asyncio.Task[int] | None = None
        self._thread = threading.Thread(target=self._write_groups, name="forge-store", daemon=True)
        self._thread.start()

    def secret(self) -> str:
        """The secret that was made with this store. It salts the sealed test split, so it must outlive the process."""
        with self.engine.connect() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one())

    def keep_profile(self, profile: Profile) -> None:
        """Keep the weights of a reward profile, so that the verdicts recorded under its label can be graded again."""
        row = {"name": f"{PROFILE}{profile.label}", "value": json.dumps(profile.weights)}
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(ignore_known(connection, meta), [row])

    async def trouble(self) -> str | None:
        """Why the store cannot be used at the moment, None if it can. Asks the database."""
        if self._file_was_replaced():
            return FILE_GONE
        if self._check is None or self._check.done():
            # One check at a time. Otherwise a database that does not answer would take all threads.
            self._check = asyncio.create_task(self._read(reads.stream, ""))
            self._check.add_done_callback(lambda check: check.cancelled() or check.exception())
        done, _ = await asyncio.wait([self._check], timeout=CHECK)
        if not done:
            return "the store does not answer"
        return None if self._check.exception() is None else "the store cannot be read"

    def _file_id(self) -> tuple[int, int] | None:
        """Device and inode of an SQLite file, which stay the same when it is renamed; None if there is no file."""
        if self.engine.url.get_backend_name() != "sqlite":
            return None
        with suppress(OSError):
            status = os.stat(self.engine.url.database or "")
            return status.st_dev, status.st_ino
        return None

    @property
    def may_be_shared(self) -> bool:
        """Whether other replicas, or other processes of this server, may write to this store."""
        return self._file is None or self._processes > 1

    def _file_was_replaced(self) -> bool:
        """Whether the file is no longer the one that was opened. SQLite goes on writing to a deleted file, and after a
        restart all that is lost."""
        return self._file_id() != self._file

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
        if self._closed:
            raise Busy("the server is shutting down: try again when it is back")
        if self._queue.qsize() >= self._pending:
            raise Busy("too many writes are waiting: slow down and try again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._queue.put(_Pending(write, loop, future))
        return await future

    def _write_groups(self) -> None:
        group: list[_Pending] = []
        busy = False
        try:
            while not self._closed or not self._queue.empty():
                if (first := self._queue.get()) is None:
                    continue
                if busy:
                    time.sleep(GATHER)
                group = [first, *self._take_waiting()]
                busy = len(group) > 1
                self._resolve(group, self._commit([pending.write for pending in group]))
                group = []
        finally:
            if self._writing is not None:
                self._writing.close()
            # Writes are left only after a defect of this thread. Their callers must not wait for ever.
            self._closed = True
            group += self._take_waiting()
            if group:
                self._resolve(group, [StoreUnavailable("the store has stopped: restart the server")] * len(group))

    def _take_waiting(self) -> list[_Pending]:
        waiting: list[_Pending] = []
        while len(waiting) < GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                waiting.append(item)
        return waiting

    def _commit(self, writes: list[Write[Any]]) -> list[Any]:
        if self._file_was_replaced():
            log.error("store_failed", error="FileNotFoundError", cause=FILE_GONE)
            return [StoreUnavailable(FILE_GONE)] * len(writes)
        try:
            return self._in_transaction(lambda connection: apply_together(connection, writes), writes)
        except ContestedError:
            pass
        except _FAILURES as error:
            if not (_lost_a_race(error) or _value_was_refused(error)):
                return [self._refuse(error)] * len(writes)
        return self._commit_one_by_one(writes)

    def _commit_one_by_one(self, writes: list[Write[Any]]) -> list[Any]:
        results: list[Any] = []
        for write in writes:
            results.append(self._commit_one(write))
            if isinstance(results[-1], StoreUnavailable):
                # The database is gone. Asking it again for each of the other writes could take minutes.
                return results + [results[-1]] * (len(writes) - len(results))
        return results

    def _commit_one(self, write: Write[Any]) -> Any:
        tries = 0
        while True:
            tries += 1
            try:
                return self._in_transaction(lambda connection: apply_alone(connection, write), [write])
            except _FAILURES as error:
                if tries == RACES or not _lost_a_race(error):
                    return self._refuse(error)

    def _in_transaction(self, change: Callable[[Connection], R], writes: Sequence[Write[Any]]) -> R:
        if self._writing is None:
            # The number of rows that an insert made tells whether some of them existed before. SQLAlchemy does not ask
            # all drivers for this number by default.
            self._writing = self.engine.connect().execution_options(writes=True, preserve_rowcount=True)
        with self._writing.begin():
            result = change(self._writing)
        self._metrics.commits.inc()
        self._metrics.writes.inc(len(writes))
        return result

    def _refuse(self, error: Exception) -> StoreUnavailable | Unstorable:
        """The refusal for a failed write. Drops a connection that may be broken; the next write opens another one."""
        if _value_was_refused(error):
            return _unstorable(error)
        _log_failure(error)
        if self._writing is not None:
            self._writing.invalidate()
            self._writing.close()
            self._writing = None
        return StoreUnavailable("the store cannot write at the moment: try again later, nothing is scored twice")

    def _resolve(self, group: list[_Pending], results: list[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = defaultdict(list)
        for pending, result in zip(group, results, strict=True):
            by_loop[pending.loop].append((pending.future, result))
        for loop, outcomes in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, outcomes)

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
        except _FAILURES as error:
            if _value_was_refused(error):
                raise _unstorable(error) from None
            _log_failure(error)
            raise StoreUnavailable("the store cannot be read at the moment: try again later") from None

    def close(self) -> None:
        """Commit the writes that wait, then close the database."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()
            self.engine.dispose()


def _open_engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return connect_to_postgres(parsed, pool_pre_ping=True)
    if parsed.database in (None, "", ":memory:"):
        raise ValueError(
            "the store must be a file, as in sqlite:///forge-arena.db: a database in memory is not durable"
        )
    engine = create_engine(parsed, connect_args={"timeout": LOCKED, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver would begin a transaction only at the first write, too late for a read that a write depends on.
        connection.isolation_level = None
        _keep_a_log_of_writes(connection)
        for pragma in ("synchronous=FULL", "cache_size=-8192"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@retry(
    retry=retry_if_exception(lambda error: getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY),
    stop=stop_after_delay(LOCKED),
    wait=wait_random(0.01, 0.05),
    reraise=True,
)
def _keep_a_log_of_writes(connection: sqlite3.Connection) -> None:
    """Let a file keep its writes in a log of their own (WAL): readers and the writer then do not wait for each other.

    Processes that start together on a new file all change its mode. SQLite waits for no lock then: all but one of them
    are told at once that the file is locked.
    """
    connection.execute("PRAGMA journal_mode=WAL").close()


def _may_exist(id: str) -> bool:
    """Whether an id has the form of the ids that the server gives out."""
    return _ID.fullmatch(id) is not None


def _lost_a_race(error: Exception) -> bool:
    return _sqlstate(error) in _LOST


def _value_was_refused(error: Exception) -> bool:
    """Whether the database refused a value, and itself works: every other write may succeed."""
    if not isinstance(error, DBAPIError):
        return True
    if error.connection_invalidated:
        return False
    state = _sqlstate(error)
    if isinstance(error, ProgrammingError) and not state:
        # Without a code the error comes from the driver, which refused the value before it asked the database.
        return True
    # Anything else is trouble of the database: it is read-only after a failover, say, damaged, or lacks a table.
    return isinstance(error, DataError | IntegrityError) or state.startswith(_LIMIT)


def _sqlstate(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _unstorable(error: Exception) -> Unstorable:
    # Without the driver's message, because the message may repeat the value.
    log.error("store_refused", error=type(getattr(error, "orig", error)).__name__, sqlstate=_sqlstate(error))
    return Unstorable(
        "the store cannot hold a value of this request: nothing was written, and sending it again is no use"
    )


def _log_failure(error: Exception) -> None:
    # The driver's message, because SQLAlchemy's holds row values, and so the truth of episodes.
    log.error("store_failed", error=type(error).__name__, cause=str(getattr(error, "orig", error)))


def _settle(outcomes: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in outcomes:
        if future.done():
            continue
        if isinstance(result, Refused):
            future.set_exception(result)
        else:
            future.set_result(result)
