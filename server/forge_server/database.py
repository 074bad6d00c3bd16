"""The database of a store: how it is opened, whether its file is still there, and what its failures mean."""

import os
import sqlite3
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from forge_server.errors import Unstorable
from forge_server.logs import log
from forge_server.schema import connect_to_postgres

# Seconds to wait for a lock on an SQLite file.
LOCKED = 10.0
FILE_GONE = "the file of the store was deleted or replaced: put it back, or restart the server"
# What a query may raise. Drivers raise the last three themselves for a value that no column can hold: half a character,
# an integer of 70 bits.
FAILURES = (SQLAlchemyError, ValueError, OverflowError, TypeError)
# The codes of Postgres for a deadlock and for a lost race: another replica was first, and the write may be tried again.
_LOST = frozenset({"40P01", "40001"})
# The class of errors that Postgres calls "program limit exceeded": a value is too large, and the database works.
_LIMIT = "54"


class StoreFile:
    """The SQLite file that an engine has opened, if there is one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._opened = self._id()
        self._version: int | None = None
        self.others_write = False

    @property
    def was_opened(self) -> bool:
        """Whether there is a file. Postgres has none."""
        return self._opened is not None

    def was_replaced(self) -> bool:
        """Whether the file is no longer the one that was opened. SQLite goes on writing to a deleted file, and after a
        restart all that is lost."""
        return self._id() != self._opened

    def look_for_other_writers(self, connection: Connection) -> None:
        """Note in `others_write` whether another process has written to the file since the last look.

        SQLite tells a connection whether others have committed. This process writes over one connection, and looks with
        it.
        """
        if self.was_opened:
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            self.others_write = self.others_write or self._version not in (None, version)
            self._version = version

    def _id(self) -> tuple[int, int] | None:
        """Device and inode, which stay the same when the file is renamed; None if there is no file."""
        if self._engine.url.get_backend_name() != "sqlite":
            return None
        with suppress(OSError):
            status = os.stat(self._engine.url.database or "")
            return status.st_dev, status.st_ino
        return None


def open_engine(url: str) -> Engine:
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


def lost_a_race(error: Exception) -> bool:
    return _sqlstate(error) in _LOST


def value_was_refused(error: Exception) -> bool:
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


def unstorable(error: Exception) -> Unstorable:
    # Without the driver's message, because the message may repeat the value.
    log.error("store_refused", error=type(getattr(error, "orig", error)).__name__, sqlstate=_sqlstate(error))
    return Unstorable(
        "the store cannot hold a value of this request: nothing was written, and sending it again is no use"
    )


def log_failure(error: Exception) -> None:
    # The driver's message, because SQLAlchemy's holds row values, and so the truth of episodes.
    log.error("store_failed", error=type(error).__name__, cause=str(getattr(error, "orig", error)))
