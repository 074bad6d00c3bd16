"""Commit writes in groups: one thread takes all writes that wait, applies them in one transaction, and commits.

Only then does the thread resolve their futures, so that the requests of one moment share the price of a durable commit.
A write that conflicts with an earlier one, or that the database cannot hold, is refused alone, and the other writes of
its group are committed one by one. A whole group fails only if the database is gone, full or locked.
"""

import asyncio
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from forge_server.database import (
    FAILURES,
    FILE_GONE,
    StoreFile,
    log_failure,
    lost_a_race,
    unstorable,
    value_was_refused,
)
from forge_server.errors import Busy, Refused, StoreUnavailable, Unstorable
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.writes import ContestedError, Write, apply_alone, apply_together

R = TypeVar("R")

# The most writes in one transaction.
GROUP = 512
# If the last group had several writes, the thread waits this many seconds for more of them to arrive. So many clients
# share more commits, and one client alone never waits.
GATHER = 0.01
# How many times to try a write that loses a race against another replica.
RACES = 3


@dataclass(frozen=True, slots=True)
class _Pending:
    write: Write[Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Writer:
    """The one thread of a process that writes to a store. At most `pending` writes wait for it."""

    def __init__(self, engine: Engine, file: StoreFile, *, pending: int, metrics: Metrics) -> None:
        self._engine = engine
        self._file = file
        self._pending = pending
        self._metrics = metrics
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closed = False
        # Open from the beginning, so that the first write already knows whether others have written.
        self._writing: Connection | None = self._connect()
        self._thread = threading.Thread(target=self._write_groups, name="forge-store", daemon=True)
        self._thread.start()

    async def submit(self, write: Write[R]) -> R:
        """The result of a write, once it is committed.

        Raises:
            Refused: the write may not happen.
            StoreUnavailable, Unstorable, Busy: see `Store`.
        """
        if self._closed:
            raise Busy("the server is shutting down: try again when it is back")
        if self._queue.qsize() >= self._pending:
            raise Busy("too many writes are waiting: slow down and try again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._queue.put(_Pending(write, loop, future))
        return await future

    def close(self) -> None:
        """Commit the writes that wait, then end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

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
        if self._file.was_replaced():
            log.error("store_failed", error="FileNotFoundError", cause=FILE_GONE)
            return [StoreUnavailable(FILE_GONE)] * len(writes)
        try:
            return self._in_transaction(lambda connection: apply_together(connection, writes), writes)
        except ContestedError:
            pass
        except FAILURES as error:
            if not (lost_a_race(error) or value_was_refused(error)):
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
            except FAILURES as error:
                if tries == RACES or not lost_a_race(error):
                    return self._refuse(error)

    def _in_transaction(self, change: Callable[[Connection], R], writes: Sequence[Write[Any]]) -> R:
        if self._writing is None:
            self._writing = self._connect()
        with self._writing.begin():
            self._file.look_for_other_writers(self._writing)
            result = change(self._writing)
        self._metrics.commits.inc()
        self._metrics.writes.inc(len(writes))
        return result

    def _connect(self) -> Connection:
        # The number of rows that an insert made tells whether some of them existed before. SQLAlchemy does not ask all
        # drivers for this number by default.
        connection = self._engine.connect().execution_options(writes=True, preserve_rowcount=True)
        with connection.begin():
            self._file.look_for_other_writers(connection)
        return connection

    def _refuse(self, error: Exception) -> StoreUnavailable | Unstorable:
        """The refusal for a failed write. Drops a connection that may be broken; the next write opens another one."""
        if value_was_refused(error):
            return unstorable(error)
        log_failure(error)
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


def _settle(outcomes: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in outcomes:
        if future.done():
            continue
        if isinstance(result, Refused):
            future.set_exception(result)
        else:
            future.set_result(result)
