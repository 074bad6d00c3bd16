"""Keep episodes and verdicts in SQL: a write is answered once it is committed, and one commit serves many writes.

All writes go through one thread. It takes whatever writes are waiting, applies them in one transaction, commits, and
only then resolves their futures, so that the price of a durable commit is shared by the requests of that moment. A
write that loses to an earlier one, or that the database cannot hold, is refused alone: its neighbours in the group are
then committed one by one. Only a database that is gone, full or locked fails a whole group.
"""

import asyncio
import os
import queue
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from select import select as wait
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from forge_server import reads
from forge_server.access import Caller
from forge_server.errors import Busy, Refused, StoreUnavailable, UnknownEpisode, Unstorable
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.rows import Counts, NewEpisode, StoredEpisode, StoredSubmission, StoredVerdict
from forge_server.schema import bring_up_to_date, connect_to_postgres, meta
from forge_server.writes import (
    AdvanceStream,
    ContestedError,
    DeleteEpisode,
    EnterEpisodes,
    ExpireEpisodes,
    KeepScorecard,
    OpenEpisodesWrite,
    OpenSubmissionWrite,
    RecordProbe,
    RecordVerdicts,
    ReplaceCurriculum,
    Write,
    apply_alone,
    apply_together,
)

P = ParamSpec("P")
R = TypeVar("R")

GROUP = 512
# Where writes came together last time, more are waited for: one client alone never waits, and many share more commits.
GATHER = 0.01
RACES = 3
# So long, in seconds, may the answer to "are you there" take.
CHECK = 2.0
FILE_GONE = "the file of the store was deleted or replaced: put it back, or restart the server"
# What Postgres calls a deadlock and a lost race: another replica got there first, and the write may be tried again.
_LOST = frozenset({"40P01", "40001"})
# The class of errors that Postgres calls "program limit exceeded": a value is too large, and the database is well.
_LIMIT = "54"
# Drivers raise the last three, unwrapped, for a value that no column takes: half a character, an integer of 70 bits.
_FAILURES = (SQLAlchemyError, ValueError, OverflowError, TypeError)
# Ids come from `secrets.token_urlsafe`. Postgres refuses to even look for some other texts, such as one with NUL.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Pending:
    write: Write
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Store:
    """The database behind a server. Writes are awaitable and durable once awaited; reads see what was committed.

    Raises `StoreUnavailable` when the database cannot do it (disk full, gone, locked): nothing is half written then. A
    connection that broke during a commit leaves open whether it was made; the same write again then finds out.
    Raises `Unstorable` for a value that the database cannot hold. Opening one raises `ValueError` for a URL that cannot
    be used, such as one whose driver is missing.
    """

    def __init__(self, url: str, *, pending: int = 2048, metrics: Metrics | None = None) -> None:
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
        self._check: asyncio.Task[int] | None = None
        self._thread = threading.Thread(target=self._write_groups, name="forge-store", daemon=True)
        self._thread.start()

    def secret(self) -> str:
        """The secret made with this store; it salts the sealed test split, so it must outlive the process."""
        with self.engine.connect() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one())

    async def trouble(self) -> str | None:
        """Why nothing can be kept at the moment, None where all is well: the database is asked."""
        if self._file_is_another():
            return FILE_GONE
        if self._check is None or self._check.done():
            # One at a time: a database that does not answer must not take all threads.
            self._check = asyncio.create_task(self._read(reads.stream, ""))
            self._check.add_done_callback(lambda check: check.cancelled() or check.exception())
        answered, _ = await asyncio.wait([self._check], timeout=CHECK)
        if not answered:
            return "the store does not answer"
        return None if self._check.exception() is None else "the store cannot be read"

    def _file_id(self) -> tuple[int, int] | None:
        """What the file of an SQLite store is, whatever its name; None where the file is not there."""
        if self.engine.url.get_backend_name() != "sqlite":
            return None
        with suppress(OSError):
            found = os.stat(self.engine.url.database or "")
            return found.st_dev, found.st_ino
        return None

    def _file_is_another(self) -> bool:
        """SQLite goes on writing to a file that was deleted, and nothing of that is there after a restart."""
        return self._file_id() != self._file

    # --- writes

    async def open_episodes(self, new: Sequence[NewEpisode]) -> None:
        await self._submit(OpenEpisodesWrite(new))

    async def record(self, made: Sequence[StoredVerdict], now: float) -> list[StoredVerdict]:
        """Commit attempts, all or none; gives back those that had been committed before with the same content."""
        result: list[StoredVerdict] = await self._submit(RecordVerdicts(made, now))
        return result

    async def record_probe(self, episode_id: str, before: int, probes: str, now: float) -> None:
        await self._submit(RecordProbe(episode_id, before, probes, now))

    async def delete(self, episode_id: str) -> None:
        if not _may_exist(episode_id):
            raise UnknownEpisode("there is no such episode")
        await self._submit(DeleteEpisode(episode_id))

    async def expire(self, now: float) -> int:
        result: int = await self._submit(ExpireEpisodes(now))
        return result

    async def advance(self, name: str, at: int, to: int) -> bool:
        result: bool = await self._submit(AdvanceStream(name, at, to))
        return result

    async def replace_curriculum(self, suite: str, body: str | None, now: float) -> int:
        """Commit another curriculum of a suite, or none; gives back its revision."""
        result: int = await self._submit(ReplaceCurriculum(suite, body, now))
        return result

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
        """Enter an overseer; gives back the id of the entry, which is another one where the same request was made before.

        Raises `BudgetSpent` or `NameTaken`.
        """
        write = OpenSubmissionWrite(id, overseer, suite, episodes, budget, now, caller, request)
        result: str = await self._submit(write)
        return result

    async def enter(self, submission_id: str, numbers: Sequence[int], new: Sequence[NewEpisode]) -> None:
        await self._submit(EnterEpisodes(submission_id, numbers, new))

    async def keep_scorecard(self, submission_id: str, scorecard: str) -> None:
        await self._submit(KeepScorecard(submission_id, scorecard))

    async def _submit(self, write: Write) -> Any:
        if self._closed:
            raise Busy("the server is shutting down: try again when it is back")
        if self._queue.qsize() >= self._pending:
            raise Busy("too many writes are waiting: slow down and try again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
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
                    # Not time.sleep: it waits for a moment of a clock, which a faked clock can put a week ahead.
                    wait((), (), (), GATHER)
                group = [first, *self._waiting()]
                busy = len(group) > 1
                self._resolve(group, self._commit([pending.write for pending in group]))
                group = []
        finally:
            if self._writing is not None:
                self._writing.close()
            # Only after a defect in here is anything left: nobody may wait for ever for a thread that is gone.
            self._closed = True
            group += self._waiting()
            if group:
                self._resolve(group, [StoreUnavailable("the store has stopped: restart the server")] * len(group))

    def _waiting(self) -> list[_Pending]:
        waiting: list[_Pending] = []
        while len(waiting) < GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                waiting.append(item)
        return waiting

    def _commit(self, writes: list[Write]) -> list[Any]:
        if self._file_is_another():
            log.error("store_failed", error="FileNotFoundError", cause=FILE_GONE)
            return [StoreUnavailable(FILE_GONE)] * len(writes)
        try:
            return self._in_transaction(lambda connection: apply_together(connection, writes), writes)
        except ContestedError:
            pass
        except _FAILURES as error:
            if not (_lost_a_race(error) or _is_of_data(error)):
                return [self._refusal(error)] * len(writes)
        return self._commit_one_by_one(writes)

    def _commit_one_by_one(self, writes: list[Write]) -> list[Any]:
        results: list[Any] = []
        for write in writes:
            results.append(self._commit_one(write))
            if isinstance(results[-1], StoreUnavailable):
                # Asking a database that is gone again for each of the others could take minutes.
                return results + [results[-1]] * (len(writes) - len(results))
        return results

    def _commit_one(self, write: Write) -> Any:
        tries = 0
        while True:
            tries += 1
            try:
                return self._in_transaction(lambda connection: apply_alone(connection, write), [write])
            except _FAILURES as error:
                if tries == RACES or not _lost_a_race(error):
                    return self._refusal(error)

    def _in_transaction(self, change: Callable[[Connection], R], writes: Sequence[Write]) -> R:
        if self._writing is None:
            # How many rows an insert made tells whether one was there before; some drivers are not asked by default.
            self._writing = self.engine.connect().execution_options(writes=True, preserve_rowcount=True)
        with self._writing.begin():
            result = change(self._writing)
        self._metrics.commits.inc()
        self._metrics.writes.inc(len(writes))
        return result

    def _refusal(self, error: Exception) -> StoreUnavailable | Unstorable:
        """Let go of a connection that may be broken; the next write opens another."""
        if _is_of_data(error):
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

    # --- reads

    async def load(self, ids: Iterable[str]) -> dict[str, StoredEpisode]:
        """The episodes that exist, with their verdicts in order of attempt."""
        return await self._read(reads.load, set(filter(_may_exist, ids)))

    async def verdicts(self, ids: Iterable[str]) -> list[StoredVerdict]:
        """What was said of these episodes, in order of attempt."""
        return await self._read(reads.read_verdicts, set(filter(_may_exist, ids)))

    async def stream(self, name: str) -> int:
        """The index at which a stream goes on."""
        return await self._read(reads.stream, name)

    async def curriculum_revision(self, suite: str) -> int:
        """The revision of what was last said of a suite's curriculum, 0 if nothing was."""
        return await self._read(reads.curriculum_revision, suite)

    async def curriculum(self, suite: str) -> tuple[int, str | None]:
        """That revision and the curriculum itself, None where none is in force."""
        return await self._read(reads.curriculum, suite)

    async def submission(self, id: str) -> StoredSubmission | None:
        return await self._read(reads.submission, id) if _may_exist(id) else None

    async def submissions(self, suite: str, caller: Caller, alike: str | None) -> list[tuple[StoredSubmission, int]]:
        """The newest entries of a caller, of names that look like `alike` if given, with how many episodes are judged."""
        return await self._read(reads.submissions_of, suite, caller, alike)

    async def entered(self, submission_id: str) -> dict[int, tuple[str, str]]:
        """The episodes of a submission that are opened: id and status, by number."""
        return await self._read(reads.entered, submission_id) if _may_exist(submission_id) else {}

    async def finished_submissions(self, suite: str) -> list[StoredSubmission]:
        """Those of which every episode is judged, in the order in which they were entered."""
        return await self._read(reads.finished_submissions, suite)

    async def counts(self, sealed: Collection[str] = ()) -> Counts:
        """Episodes and verdicts, counted; the mean reward is that of the splits that are not sealed."""
        return await self._read(reads.counts, sealed)

    async def _read(self, question: Callable[Concatenate[Connection, P], R], *given: P.args, **named: P.kwargs) -> R:
        def answer() -> R:
            with self.engine.connect() as connection:
                return question(connection, *given, **named)

        try:
            return await asyncio.to_thread(answer)
        except _FAILURES as error:
            if _is_of_data(error):
                raise _unstorable(error) from None
            _log_failure(error)
            raise StoreUnavailable("the store cannot be read at the moment: try again later") from None

    def close(self) -> None:
        """Commit what is waiting, then let go of the database."""
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
    engine = create_engine(parsed, connect_args={"timeout": 10, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction control would begin too late for a consistent read-then-write.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-8192"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _may_exist(id: str) -> bool:
    """Whether the server can have given such an id out."""
    return _ID.fullmatch(id) is not None


def _lost_a_race(error: Exception) -> bool:
    return _sqlstate(error) in _LOST


def _is_of_data(error: Exception) -> bool:
    """Whether the database refused a value, and is itself well: every other write may succeed."""
    if not isinstance(error, DBAPIError):
        return True
    if error.connection_invalidated:
        return False
    state = _sqlstate(error)
    if isinstance(error, ProgrammingError) and not state:
        # The driver refused the value before it asked the database.
        return True
    # Anything else is the database's own trouble: read-only after a failover, say, damaged, or without a table.
    return isinstance(error, DataError | IntegrityError) or state.startswith(_LIMIT)


def _sqlstate(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _unstorable(error: Exception) -> Unstorable:
    # Not the driver's message: it may repeat the value.
    log.error("store_refused", error=type(getattr(error, "orig", error)).__name__, sqlstate=_sqlstate(error))
    return Unstorable(
        "the store cannot hold a value of this request: nothing was written, and sending it again is no use"
    )


def _log_failure(error: Exception) -> None:
    # SQLAlchemy's own message holds row values, which belong to the episodes; the driver's holds none.
    log.error("store_failed", error=type(error).__name__, cause=str(getattr(error, "orig", error)))


def _settle(outcomes: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in outcomes:
        if future.done():
            continue
        if isinstance(result, Refused):
            future.set_exception(result)
        else:
            future.set_result(result)
