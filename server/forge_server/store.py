"""Keep episodes and verdicts in SQL: a write is answered once it is committed, and one commit serves many writes.

All writes go through one thread. It takes whatever writes are waiting, applies them in one transaction, commits, and
only then resolves their futures, so that the price of a durable commit is shared by the requests of that moment. A
write that loses to an earlier one is refused alone; its neighbours in the group are not touched.
"""

import asyncio
import queue
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    case,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from forge_server.errors import (
    BudgetSpent,
    Busy,
    ConflictingVerdict,
    EpisodeFinished,
    EpisodeGone,
    NoProbesLeft,
    Refused,
    StoreUnavailable,
    UnknownEpisode,
)
from forge_server.logs import log
from forge_server.metrics import Metrics

P = ParamSpec("P")
R = TypeVar("R")

SCHEMA = "4"
GROUP = 512

tables = MetaData()
meta = Table("meta", tables, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))
streams = Table(
    "streams", tables, Column("name", String(200), primary_key=True), Column("next", BigInteger, nullable=False)
)
episodes = Table(
    "episodes",
    tables,
    Column("id", String(64), primary_key=True),
    Column("key", String(128), nullable=False),
    Column("split", String(8), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("status", String(8), nullable=False),
    Column("probes_made", Integer, nullable=False),
    Column("probes", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "episodes_open",
    episodes.c.expires,
    sqlite_where=episodes.c.status == "open",
    postgresql_where=episodes.c.status == "open",
)
# Apart from `episodes`, because SQLite writes a whole row again when its status changes.
payloads = Table(
    "payloads",
    tables,
    Column("episode_id", String(64), primary_key=True),
    Column("episode", LargeBinary, nullable=False),
)
verdicts = Table(
    "verdicts",
    tables,
    Column("episode_id", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("submitted", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reward", Float),
    Column("components", Text),
    Column("reason", Text),
    Column("created", Float, nullable=False),
    Column("grader", String(32), nullable=False),
    Column("step", Boolean),
    sqlite_with_rowid=False,
)
# Never changed, only added to: the last row of a suite is in force, none in force where its body is null.
curricula = Table(
    "curricula",
    tables,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("suite", String(128), nullable=False),
    Column("body", Text),
    Column("created", Float, nullable=False),
)


# `suite` is the hash of all that makes a score: another one is another leaderboard, with a budget of its own.
submissions = Table(
    "submissions",
    tables,
    Column("id", String(64), primary_key=True),
    Column("overseer", String(64), nullable=False),
    Column("suite", String(64), nullable=False),
    Column("entry", Integer, nullable=False),
    Column("episodes", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("scorecard", Text),
)
Index("submissions_of", submissions.c.suite, submissions.c.overseer)
entered = Table(
    "entered",
    tables,
    Column("submission_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("episode_id", String(64), nullable=False),
)


@dataclass(frozen=True, slots=True)
class NewEpisode:
    id: str
    key: str
    split: str
    created: float
    expires: float
    attempts: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """One attempt as it is kept. `submitted` and `components` are JSON, because any text must survive any database."""

    episode_id: str
    attempt: int
    digest: bytes
    submitted: str
    outcome: str
    reward: float | None
    components: str | None
    reason: str | None
    created: float
    grader: str
    step: bool | None = None

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    id: str
    key: str
    split: str
    created: float
    expires: float
    attempts: int
    made: int
    status: str
    probes: str
    payload: bytes
    verdicts: tuple[StoredVerdict, ...]


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """An entry for the leaderboard; `scorecard` is JSON, once all its episodes are judged and it was computed."""

    id: str
    overseer: str
    suite: str
    entry: int
    episodes: int
    created: float
    scorecard: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    episodes: dict[str, int]
    verdicts: dict[str, int]
    mean_reward: float | None


class Write(Protocol):
    """A change that the writer applies inside its transaction; it raises `Refused` where it must not happen."""

    def apply(self, connection: Connection) -> Any: ...


@dataclass(frozen=True, slots=True)
class OpenEpisodesWrite:
    episodes: Sequence[NewEpisode]

    def apply(self, connection: Connection) -> None:
        _insert_episodes(connection, self.episodes)


@dataclass(frozen=True, slots=True)
class RecordVerdicts:
    """All or nothing. Gives back the attempts that were already there with the same content."""

    verdicts: Sequence[StoredVerdict]
    now: float

    def apply(self, connection: Connection) -> list[StoredVerdict]:
        ids = {v.episode_id for v in self.verdicts}
        known = {
            row.id: row
            for row in connection.execute(
                select(episodes.c.id, episodes.c.status, episodes.c.expires)
                .where(episodes.c.id.in_(ids))
                .order_by(episodes.c.id)
                .with_for_update()
            )
        }
        made = {(v.episode_id, v.attempt): v for v in _read_verdicts(connection, ids)}
        fresh: list[StoredVerdict] = []
        stored: list[StoredVerdict] = []
        for verdict in self.verdicts:
            episode = known.get(verdict.episode_id)
            if episode is None:
                raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
            before = made.get((verdict.episode_id, verdict.attempt))
            if before is not None:
                if before.digest != verdict.digest:
                    raise ConflictingVerdict(
                        "this attempt was made with another verdict at the same time: a verdict is final"
                    )
                stored.append(before)
                continue
            if episode.status != "open" or episode.expires <= self.now:
                raise EpisodeGone("the episode was closed meanwhile: open another one")
            fresh.append(verdict)
        if fresh:
            connection.execute(insert(verdicts), [v.row() for v in fresh])
            connection.execute(_COUNT_ATTEMPTS, list(_attempts_made(fresh, self.now)))
        return stored


@dataclass(frozen=True, slots=True)
class RecordProbe:
    """Add an answered probe, provided that `before` probes were there and the episode is still open."""

    episode_id: str
    before: int
    probes: str
    now: float

    def apply(self, connection: Connection) -> None:
        changed = connection.execute(
            update(episodes)
            .where(
                episodes.c.id == self.episode_id,
                episodes.c.status == "open",
                episodes.c.expires > self.now,
                episodes.c.probes_made == self.before,
            )
            .values(probes=self.probes, probes_made=self.before + 1)
        ).rowcount
        if changed == 1:
            return
        status = connection.execute(select(episodes.c.status).where(episodes.c.id == self.episode_id)).scalar()
        if status == "finished":
            raise EpisodeFinished("the last attempt was made meanwhile: probes come before it")
        if status == "open":
            raise NoProbesLeft("another probe was answered meanwhile: ask again if the budget allows")
        raise EpisodeGone("the episode was closed meanwhile: open another one")


@dataclass(frozen=True, slots=True)
class DeleteEpisode:
    episode_id: str

    def apply(self, connection: Connection) -> None:
        status = connection.execute(
            select(episodes.c.status).where(episodes.c.id == self.episode_id).with_for_update()
        ).scalar()
        if status is None:
            raise UnknownEpisode("there is no such episode")
        if status == "finished":
            raise EpisodeFinished("a finished episode is a record and stays: only an unfinished one can be deleted")
        connection.execute(update(episodes).where(episodes.c.id == self.episode_id).values(status="deleted"))
        connection.execute(delete(payloads).where(payloads.c.episode_id == self.episode_id))


@dataclass(frozen=True, slots=True)
class ExpireEpisodes:
    """Mark open episodes whose time is over; gives back how many."""

    now: float

    def apply(self, connection: Connection) -> int:
        return connection.execute(
            update(episodes).where(episodes.c.status == "open", episodes.c.expires <= self.now).values(status="expired")
        ).rowcount


@dataclass(frozen=True, slots=True)
class AdvanceStream:
    """Move a stream on, provided that nobody else did; gives back whether it was us."""

    name: str
    at: int
    to: int

    def apply(self, connection: Connection) -> bool:
        if self.at == 0:
            connection.execute(_ignore_known(connection, streams), [{"name": self.name, "next": 0}])
        return (
            connection.execute(
                update(streams).where(streams.c.name == self.name, streams.c.next == self.at).values(next=self.to)
            ).rowcount
            == 1
        )


@dataclass(frozen=True, slots=True)
class ReplaceCurriculum:
    """Put another curriculum, or none, in the place of a suite's; gives back the revision. To clear twice is to clear."""

    suite: str
    body: str | None
    now: float

    def apply(self, connection: Connection) -> int:
        # Replicas that replace it at the same time take turns here, or both would claim one revision.
        connection.execute(select(meta.c.value).where(meta.c.name == "schema").with_for_update())
        before = _curriculum(connection, self.suite)
        if self.body is None and before[1] is None:
            return before[0]
        revision = 1 + (connection.execute(select(func.max(curricula.c.revision))).scalar() or 0)
        row = {"revision": revision, "suite": self.suite, "body": self.body, "created": self.now}
        connection.execute(insert(curricula), [row])
        return revision


@dataclass(frozen=True, slots=True)
class OpenSubmissionWrite:
    """Enter an overseer, provided that its name has an entry left; gives back the number of this one."""

    id: str
    overseer: str
    suite: str
    episodes: int
    budget: int
    now: float

    def apply(self, connection: Connection) -> int:
        # Entries at the same time take turns here, or two would be the last one.
        connection.execute(select(meta.c.value).where(meta.c.name == "schema").with_for_update())
        before = connection.execute(
            select(func.count()).where(submissions.c.overseer == self.overseer, submissions.c.suite == self.suite)
        ).scalar_one()
        if before >= self.budget:
            raise BudgetSpent(
                f"this name has used its {self.budget} submissions: an overseer that is entered again and again is fitted "
                "to the sealed split"
            )
        row = {"id": self.id, "overseer": self.overseer, "suite": self.suite, "entry": before + 1}
        connection.execute(insert(submissions), [row | {"episodes": self.episodes, "created": self.now}])
        return int(before) + 1


@dataclass(frozen=True, slots=True)
class EnterEpisodes:
    """Open episodes of a submission, by their numbers in it; refused where another request has opened one of them."""

    submission_id: str
    numbers: Sequence[int]
    episodes: Sequence[NewEpisode]

    def apply(self, connection: Connection) -> None:
        rows = [
            {"submission_id": self.submission_id, "number": number, "episode_id": episode.id}
            for number, episode in zip(self.numbers, self.episodes, strict=True)
        ]
        if connection.execute(_ignore_known(connection, entered), rows).rowcount != len(rows):
            raise Busy("another request opens episodes of this submission: ask again")
        _insert_episodes(connection, self.episodes)


@dataclass(frozen=True, slots=True)
class KeepScorecard:
    submission_id: str
    scorecard: str

    def apply(self, connection: Connection) -> None:
        connection.execute(
            update(submissions).where(submissions.c.id == self.submission_id).values(scorecard=self.scorecard)
        )


_COUNT_ATTEMPTS = (
    update(episodes)
    .where(episodes.c.id == bindparam("of"), episodes.c.status == "open", episodes.c.expires > bindparam("now"))
    .values(
        made=episodes.c.made + bindparam("more"),
        status=case((episodes.c.made + bindparam("more") >= episodes.c.attempts, "finished"), else_="open"),
    )
)


class _ContestedError(Exception):
    """Something in the group was there already or closed: apply the writes one by one."""


@dataclass(frozen=True, slots=True)
class _Pending:
    write: Write
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Store:
    """The database behind a server. Writes are awaitable and durable once awaited; reads see what was committed.

    Raises `StoreUnavailable` when the database cannot do it (disk full, gone, locked): nothing is half written then.
    """

    def __init__(self, url: str, *, pending: int = 2048, metrics: Metrics | None = None) -> None:
        self.engine = _open_engine(url)
        self._metrics = metrics or Metrics()
        self._pending = pending
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closed = False
        self._writing: Connection | None = None
        self._prepare()
        self._thread = threading.Thread(target=self._write_groups, name="forge-store", daemon=True)
        self._thread.start()

    def _prepare(self) -> None:
        with self.engine.begin() as connection:
            tables.create_all(connection)
            connection.execute(
                _ignore_known(connection, meta),
                [{"name": "schema", "value": SCHEMA}, {"name": "secret", "value": secrets.token_hex(32)}],
            )
            # Replicas that start together wait here for the first of them.
            of = meta.c.name == "schema"
            found = connection.execute(select(meta.c.value).where(of).with_for_update()).scalar_one()
            if found == "1":
                connection.exec_driver_sql("ALTER TABLE verdicts ADD COLUMN step BOOLEAN")
            if found in ("1", "2", "3"):  # What schemas 3 and 4 have more, tables, is made above.
                connection.execute(update(meta).where(of).values(value=SCHEMA))
                found = SCHEMA
        if found != SCHEMA:
            raise ValueError(f"the store has schema {found}, this server needs {SCHEMA}: give it another --store")

    def secret(self) -> str:
        """The secret made with this store; it salts the sealed test split, so it must outlive the process."""
        with self.engine.connect() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one())

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
        self, id: str, overseer: str, suite: str, *, episodes: int, budget: int, now: float
    ) -> int:
        """Enter an overseer; gives back which entry of its name this is. Raises `BudgetSpent`."""
        result: int = await self._submit(OpenSubmissionWrite(id, overseer, suite, episodes, budget, now))
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
        try:
            while not self._closed or not self._queue.empty():
                if (first := self._queue.get()) is None:
                    continue
                group = [first, *self._waiting()]
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
        try:
            if self._writing is None:
                self._writing = self.engine.connect()
            try:
                with self._writing.begin():
                    results = _apply_together(self._writing, writes)
            except _ContestedError:
                with self._writing.begin():
                    results = [_apply_alone(self._writing, write) for write in writes]
        except SQLAlchemyError as error:
            _log_failure(error)
            if self._writing is not None:
                self._writing.invalidate()
                self._writing.close()
                self._writing = None
            refusal = StoreUnavailable("the store cannot write at the moment: nothing was changed, try again later")
            return [refusal] * len(writes)
        self._metrics.commits.inc()
        self._metrics.writes.inc(len(writes))
        return results

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
        return await self._read(_load, set(ids))

    async def stream(self, name: str) -> int:
        """The index at which a stream goes on."""
        return await self._read(_stream, name)

    async def curriculum_revision(self, suite: str) -> int:
        """The revision of what was last said of a suite's curriculum, 0 if nothing was."""
        return await self._read(_curriculum_revision, suite)

    async def curriculum(self, suite: str) -> tuple[int, str | None]:
        """That revision and the curriculum itself, None where none is in force."""
        return await self._read(_curriculum, suite)

    async def submission(self, id: str) -> StoredSubmission | None:
        return await self._read(_submission, id)

    async def entered(self, submission_id: str) -> dict[int, tuple[str, str]]:
        """The episodes of a submission that are opened: id and status, by number."""
        return await self._read(_entered, submission_id)

    async def finished_submissions(self, suite: str) -> list[StoredSubmission]:
        """Those of which every episode is judged, in the order in which they were entered."""
        return await self._read(_finished_submissions, suite)

    async def counts(self, sealed: Collection[str] = ()) -> Counts:
        """Episodes and verdicts, counted; the mean reward is that of the splits that are not sealed."""
        return await self._read(_counts, sealed)

    async def _read(self, question: Callable[Concatenate[Connection, P], R], *given: P.args, **named: P.kwargs) -> R:
        def answer() -> R:
            with self.engine.connect() as connection:
                return question(connection, *given, **named)

        try:
            return await asyncio.to_thread(answer)
        except SQLAlchemyError as error:
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
        return create_engine(parsed, pool_pre_ping=True)
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
        writer = threading.current_thread().name == "forge-store"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _log_failure(error: SQLAlchemyError) -> None:
    # SQLAlchemy's own message holds row values, which belong to the episodes; the driver's holds none.
    log.error("store_failed", error=type(error).__name__, cause=str(getattr(error, "orig", "")))


def _ignore_known(connection: Connection, table: Table) -> Any:
    """An insert that skips rows whose primary key is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def _insert_episodes(connection: Connection, new: Sequence[NewEpisode]) -> None:
    rows = [
        {
            "id": e.id,
            "key": e.key,
            "split": e.split,
            "created": e.created,
            "expires": e.expires,
            "attempts": e.attempts,
            "made": 0,
            "status": "open",
            "probes_made": 0,
            "probes": "[]",
        }
        for e in new
    ]
    connection.execute(insert(episodes), rows)
    connection.execute(insert(payloads), [{"episode_id": e.id, "episode": e.payload} for e in new])


def _attempts_made(made: Iterable[StoredVerdict], now: float) -> Iterable[dict[str, Any]]:
    more: dict[str, int] = defaultdict(int)
    for verdict in made:
        more[verdict.episode_id] += 1
    return ({"of": episode_id, "more": count, "now": now} for episode_id, count in more.items())


def _apply_together(connection: Connection, writes: list[Write]) -> list[Any]:
    """Apply a group in as few statements as possible; `_ContestedError` if any verdict in it is not plainly new."""
    new = [e for write in writes if isinstance(write, OpenEpisodesWrite) for e in write.episodes]
    if new:
        _insert_episodes(connection, new)
    made = [write for write in writes if isinstance(write, RecordVerdicts)]
    if made:
        fresh = [v for write in made for v in write.verdicts]
        done = connection.execute(_ignore_known(connection, verdicts), [v.row() for v in fresh])
        if done.rowcount != len(fresh):
            raise _ContestedError
        counted = list(_attempts_made(fresh, max(write.now for write in made)))
        if connection.execute(_COUNT_ATTEMPTS, counted).rowcount != len(counted):
            raise _ContestedError
    results: list[Any] = []
    for write in writes:
        if isinstance(write, OpenEpisodesWrite):
            results.append(None)
        elif isinstance(write, RecordVerdicts):
            results.append([])
        else:
            results.append(_apply_alone(connection, write))
    return results


def _apply_alone(connection: Connection, write: Write) -> Any:
    try:
        with connection.begin_nested():
            return write.apply(connection)
    except Refused as refusal:
        return refusal


def _settle(outcomes: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in outcomes:
        if future.done():
            continue
        if isinstance(result, Refused):
            future.set_exception(result)
        else:
            future.set_result(result)


_VERDICT_COLUMNS = [verdicts.c[name] for name in StoredVerdict.__slots__]


def _read_verdicts(connection: Connection, ids: Iterable[str]) -> list[StoredVerdict]:
    rows = connection.execute(
        select(*_VERDICT_COLUMNS)
        .where(verdicts.c.episode_id.in_(set(ids)))
        .order_by(verdicts.c.episode_id, verdicts.c.attempt)
    )
    return [StoredVerdict(*row) for row in rows]


def _load(connection: Connection, ids: set[str]) -> dict[str, StoredEpisode]:
    made: dict[str, list[StoredVerdict]] = defaultdict(list)
    for verdict in _read_verdicts(connection, ids):
        made[verdict.episode_id].append(verdict)
    rows = connection.execute(
        select(
            episodes.c.id,
            episodes.c.key,
            episodes.c.split,
            episodes.c.created,
            episodes.c.expires,
            episodes.c.attempts,
            episodes.c.made,
            episodes.c.status,
            episodes.c.probes,
            func.coalesce(payloads.c.episode, b""),
        )
        .outerjoin(payloads, payloads.c.episode_id == episodes.c.id)
        .where(episodes.c.id.in_(ids))
    )
    loaded: dict[str, StoredEpisode] = {}
    for row in rows:
        columns: list[Any] = [*row, tuple(made[row[0]])]
        loaded[row[0]] = StoredEpisode(*columns)
    return loaded


def _stream(connection: Connection, name: str) -> int:
    return connection.execute(select(streams.c.next).where(streams.c.name == name)).scalar() or 0


def _curriculum_revision(connection: Connection, suite: str) -> int:
    return connection.execute(select(func.max(curricula.c.revision)).where(curricula.c.suite == suite)).scalar() or 0


def _curriculum(connection: Connection, suite: str) -> tuple[int, str | None]:
    last = select(curricula).where(curricula.c.suite == suite).order_by(curricula.c.revision.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return (0, None) if row is None else (row.revision, row.body)


def _submission(connection: Connection, id: str) -> StoredSubmission | None:
    row = connection.execute(select(submissions).where(submissions.c.id == id)).one_or_none()
    return None if row is None else StoredSubmission(*row)


def _entered(connection: Connection, submission_id: str) -> dict[int, tuple[str, str]]:
    rows = connection.execute(
        select(entered.c.number, entered.c.episode_id, episodes.c.status)
        .join(episodes, episodes.c.id == entered.c.episode_id)
        .where(entered.c.submission_id == submission_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _finished_submissions(connection: Connection, suite: str) -> list[StoredSubmission]:
    judged = (
        select(func.count())
        .select_from(entered.join(episodes, episodes.c.id == entered.c.episode_id))
        .where(entered.c.submission_id == submissions.c.id, episodes.c.status == "finished")
        .scalar_subquery()
    )
    whole = (submissions.c.scorecard.is_not(None)) | (judged >= submissions.c.episodes)
    rows = connection.execute(
        select(submissions).where(submissions.c.suite == suite, whole).order_by(submissions.c.created)
    )
    return [StoredSubmission(*row) for row in rows]


def _counts(connection: Connection, sealed: Collection[str]) -> Counts:
    by_status = connection.execute(select(episodes.c.status, func.count()).group_by(episodes.c.status))
    by_outcome = connection.execute(select(verdicts.c.outcome, func.count()).group_by(verdicts.c.outcome))
    shown = select(func.avg(verdicts.c.reward))
    if sealed:
        shown = shown.join(episodes, episodes.c.id == verdicts.c.episode_id).where(episodes.c.split.not_in(sealed))
    return Counts(
        episodes={row[0]: row[1] for row in by_status},
        verdicts={row[0]: row[1] for row in by_outcome},
        mean_reward=connection.execute(shown).scalar(),
    )
