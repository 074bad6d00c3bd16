"""The store keeps what it has said it kept, and a write that fails changes nothing."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text

from forge_server.access import Caller
from forge_server.errors import (
    BudgetSpent,
    Busy,
    ConflictingVerdict,
    EpisodeFinished,
    EpisodeGone,
    NameTaken,
    StoreUnavailable,
    UnknownEpisode,
    Unstorable,
)
from forge_server.metrics import Metrics
from forge_server.rows import NewEpisode, StoredToolUse, StoredVerdict
from forge_server.schema import HEAD, REVISIONS, tables
from forge_server.store import Store

from ..postgres import Postgres


def episode(id: str, *, attempts: int = 1, expires: float = 1e12, created: float = 0.0) -> NewEpisode:
    return NewEpisode(id, f"forge:5:train:{id}", "train", created, expires, attempts, b"payload")


def verdict(id: str, attempt: int = 0, digest: bytes = b"one", reason: str | None = None) -> StoredVerdict:
    return StoredVerdict(id, attempt, digest, "{}", "scored", 0.5, None, reason, 0.0, "test")


def tool_use(id: str, attempt: int = 0, number: int = 0, created: float = 0.5) -> StoredToolUse:
    return StoredToolUse(id, attempt, number, '{"result": "\\u0000"}', created)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def url(store_url: str) -> str:
    return store_url


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def store(url: str, metrics: Metrics) -> Iterator[Store]:
    opened = Store(url, metrics=metrics)
    yield opened
    opened.close()


@contextmanager
def changed(url: str) -> Iterator[Connection]:
    """The database behind the store's back."""
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


async def test_what_was_committed_is_read_by_another_store(store: Store, url: str) -> None:
    await store.open_episodes([episode("a", attempts=2), episode("b")])
    await store.record([verdict("a")], 1.0)
    other = Store(url)
    loaded = await other.load(["a", "b", "c"])
    other.close()
    assert {id: (e.status, e.made, e.verdicts) for id, e in loaded.items()} == {
        "a": ("open", 1, (verdict("a"),)),
        "b": ("open", 0, ()),
    }


async def test_a_postgres_database_without_an_encoding_keeps_text_as_text(running_postgres: Postgres) -> None:
    store = Store(running_postgres.url(uuid4().hex, encoding="SQL_ASCII"))
    await store.open_episodes([episode("a")])
    await store.record([verdict("a", reason="für €5")], 1.0)
    loaded = await store.load(["a"])
    secret = store.secret()
    store.close()
    assert loaded["a"].verdicts == (verdict("a", reason="für €5"),)
    assert len(bytes.fromhex(secret)) == 32


async def test_writes_of_one_moment_share_a_commit(store: Store, metrics: Metrics) -> None:
    def commits() -> float:
        return metrics.registry.get_sample_value("forge_commits_total") or 0.0

    await store.open_episodes([episode(f"e{n}") for n in range(50)])
    before = commits()
    assert before == 1
    await asyncio.gather(*(store.record([verdict(f"e{n}")], 1.0) for n in range(50)))
    assert commits() - before < 10
    assert (await store.counts()).episodes == {"finished": 50}


async def test_a_conflict_in_a_group_touches_only_its_own_write(store: Store) -> None:
    await store.open_episodes([episode("a"), episode("b"), episode("c"), episode("late", expires=5.0)])
    await store.record([verdict("a")], 1.0)
    results = await asyncio.gather(
        store.record([verdict("b")], 9.0),
        store.record([verdict("a", digest=b"two"), verdict("c")], 9.0),
        store.record([verdict("late")], 9.0),
        store.record([verdict("a")], 9.0),
        store.open_episodes([episode("d")]),
        return_exceptions=True,
    )
    assert results[0] == []
    assert isinstance(results[1], ConflictingVerdict)
    assert isinstance(results[2], EpisodeGone)
    assert results[3] == [verdict("a")]
    loaded = await store.load(["a", "b", "c", "d", "late"])
    assert {id: e.made for id, e in loaded.items()} == {"a": 1, "b": 1, "c": 0, "d": 0, "late": 0}


POISON = {
    "half a character": verdict("poison", reason="\ud83d"),
    "half a character in an id": verdict("\ud83d"),
    "a number beyond 64 bits": verdict("poison", attempt=2**70),
    "a value of no type that a column has": replace(verdict("poison"), components=object()),  # type: ignore[arg-type]
    "a null where one must not be": replace(verdict("poison"), digest=None),  # type: ignore[arg-type]
}
POSTGRES_ONLY = {
    "NUL": verdict("poison", reason="a\x00b"),
    "NUL in an id": verdict("poi\x00son"),
    "too long a text": replace(verdict("poison"), grader="x" * 33),
    "a number beyond 32 bits": verdict("poison", attempt=2**31),
    "not even a number": replace(verdict("poison"), reward="NaN?"),  # type: ignore[arg-type]
}


async def poisoned(store: Store, poison: StoredVerdict) -> None:
    """Commit `poison` amid the writes of others, again and again."""
    ids = [f"e{n}" for n in range(20)]
    await store.open_episodes([episode(id, attempts=5) for id in ids] + [episode("poison", attempts=64)])
    for attempt in range(5):
        writes = [store.record([verdict(id, attempt)], 1.0) for id in ids]
        bad = store.record([verdict("poison", attempt), poison], 1.0)
        results = await asyncio.gather(*writes[:10], bad, *writes[10:], return_exceptions=True)
        assert isinstance(results.pop(10), (Unstorable, UnknownEpisode))
        assert results == [[]] * 20
    loaded = await store.load([*ids, "poison"])
    assert {id: len(one.verdicts) for id, one in loaded.items()} == dict.fromkeys(ids, 5) | {"poison": 0}


@pytest.mark.parametrize("what", POISON)
async def test_a_write_that_no_database_can_hold_fails_alone_and_whole(store: Store, what: str) -> None:
    await poisoned(store, POISON[what])


@pytest.mark.parametrize("what", POSTGRES_ONLY)
async def test_a_write_that_postgres_cannot_hold_fails_alone_and_whole(running_postgres: Postgres, what: str) -> None:
    store = Store(running_postgres.url(uuid4().hex))
    await poisoned(store, POSTGRES_ONLY[what])
    store.close()


async def test_a_poisoned_episode_or_probe_fails_alone(store: Store) -> None:
    await store.open_episodes([episode("a")])
    results = await asyncio.gather(
        *(store.open_episodes([episode(f"b{n}")]) for n in range(5)),
        store.open_episodes([episode("c"), replace(episode("d"), key="\ud83d")]),
        store.record_probe("a", 0, "\ud83d", 1.0),
        store.advance("train", 0, 2**70),
        *(store.open_episodes([episode(f"e{n}")]) for n in range(5)),
        return_exceptions=True,
    )
    assert results[:5] == results[8:] == [None] * 5
    assert all(isinstance(result, Unstorable) for result in results[5:8])
    assert len(await store.load(["a", "c", "d", *(f"{x}{n}" for x in "be" for n in range(5))])) == 11
    assert await store.stream("train") == 0


async def test_a_database_that_became_read_only_refuses_for_now_and_is_written_to_again(
    running_postgres: Postgres,
) -> None:
    url = running_postgres.url(uuid4().hex)
    store = Store(url)
    await store.open_episodes([episode("before")])
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    name = engine.url.database
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
        )
        connection.execute(text(others), {"name": name})
        for number in range(3):
            with pytest.raises(StoreUnavailable):
                await store.open_episodes([episode(f"during{number}")])
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
    engine.dispose()
    await store.open_episodes([episode("after")])
    assert set(await store.load(["before", "during0", "after"])) == {"before", "after"}
    store.close()


async def test_a_database_without_a_table_is_no_fault_of_the_request(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("DROP TABLE streams"))
    with pytest.raises(StoreUnavailable):
        await store.advance("train", 0, 1)


async def test_a_database_that_is_gone_is_asked_once_for_a_group_and_not_for_each_write(
    running_postgres: Postgres,
) -> None:
    url = running_postgres.url(uuid4().hex)
    store = Store(url)
    running_postgres.drop(url)
    with structlog.testing.capture_logs() as log:
        results = await asyncio.gather(
            *(store.open_episodes([episode(f"e{n}")]) for n in range(200)), return_exceptions=True
        )
    store.close()
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert len([line for line in log if line["event"] == "store_failed"]) < 10


@pytest.mark.parametrize("id", ["a\x00b", "", "a b", "für", "\ud83d", "x" * 65, "a\n"])
async def test_an_id_that_the_server_never_gave_names_nothing_in_any_database(store: Store, id: str) -> None:
    await store.open_episodes([episode("a")])
    assert list(await store.load(["a", id])) == ["a"]
    assert await store.verdicts([id]) == []
    assert await store.submission(id) is None
    assert await store.episodes_of_submission(id) == {}
    with pytest.raises(UnknownEpisode):
        await store.delete(id)


async def test_a_full_disk_is_an_infra_failure_that_leaves_nothing_half_written(sqlite_url: str) -> None:
    store = Store(sqlite_url)

    @event.listens_for(store.engine, "begin")
    def shrink(connection: object) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # type: ignore[attr-defined]

    large = NewEpisode("big", "forge:5:train:0", "train", 0.0, 1e12, 1, b"x" * 1_000_000)
    with pytest.raises(StoreUnavailable, match="try again later, nothing is scored twice"):
        await store.open_episodes([large])
    event.remove(store.engine, "begin", shrink)
    store.close()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as raw:
        assert raw.execute("select count(*) from episodes").fetchone() == (0,)
        assert raw.execute("select count(*) from payloads").fetchone() == (0,)
    raw.close()


async def test_sqlite_is_as_durable_as_it_can_be(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()


async def test_a_stream_is_advanced_by_one_only(store: Store) -> None:
    won = await asyncio.gather(*(store.advance("train", 0, 10 + n) for n in range(5)))
    assert sorted(won) == [False, False, False, False, True]
    assert await store.stream("train") == 10 + won.index(True)
    assert await store.stream("val") == 0


async def test_expiry_marks_only_open_episodes_whose_time_is_over(store: Store) -> None:
    await store.open_episodes([episode("a", expires=5.0), episode("b", expires=50.0), episode("c", expires=5.0)])
    await store.record([verdict("c")], 1.0)
    assert await store.expire(10.0) == 1
    assert {id: e.status for id, e in (await store.load("abc")).items()} == {
        "a": "expired",
        "b": "open",
        "c": "finished",
    }


async def test_too_many_waiting_writes_are_refused(url: str) -> None:
    store = Store(url, pending=1)
    results = await asyncio.gather(
        *(store.open_episodes([episode(f"e{n}")]) for n in range(200)), return_exceptions=True
    )
    store.close()
    assert any(isinstance(result, Busy) for result in results)
    with pytest.raises(Busy, match="shutting down"):
        await store.open_episodes([episode("z")])


async def test_a_use_of_a_tool_is_recorded_once_and_before_the_verdict(store: Store) -> None:
    await store.open_episodes([episode("a", attempts=2), episode("late", expires=5.0)])
    first, second = tool_use("a"), tool_use("a", attempt=1)
    await store.record_tool_use(first)
    await store.record_tool_use(second)
    assert await store.tool_uses(["a"]) == [first, second]
    with pytest.raises(Busy, match="another use of a tool was recorded meanwhile"):
        await store.record_tool_use(first)
    await store.record([verdict("a")], 1.0)
    with pytest.raises(EpisodeFinished, match="the verdict of this attempt was given meanwhile"):
        await store.record_tool_use(tool_use("a", number=1))
    await store.record_tool_use(tool_use("a", attempt=1, number=1))
    with pytest.raises(EpisodeGone):
        await store.record_tool_use(tool_use("late", created=6.0))
    with pytest.raises(EpisodeGone):
        await store.record_tool_use(tool_use("nobody"))


def test_the_secret_outlives_the_process(url: str) -> None:
    secrets = []
    for _ in range(2):
        store = Store(url)
        secrets.append(store.secret())
        store.close()
    assert secrets[0] == secrets[1]
    assert len(secrets[0]) == 64


def test_a_store_in_memory_or_of_a_later_version_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a database in memory is not durable"):
        Store("sqlite://")
    Store(url).close()
    with changed(url) as connection:
        connection.execute(text("update alembic_version set version_num = '0999'"))
    with pytest.raises(ValueError, match=f"the store has schema 0999, this server knows 0001 to {HEAD}: update it"):
        Store(url)


def test_the_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    Store(url).close()
    with changed(url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables) == []
        config = Config()
        config.set_main_option("script_location", "forge_server:migrations")
        steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == REVISIONS


# The tables and columns that a store of each older revision lacks.
OF_0006 = ("episodes.owner", "episodes.player")
OF_0007 = ("runs", "run_points")
OF_0008 = ("episodes.opening",)
OF_0009 = ("tool_uses", "episodes.view")
OF_0010 = ("counts", "submissions.appearance", "runs.points")
SINCE_0009 = (*OF_0009, *OF_0010)
SINCE_0006 = (*OF_0007, *OF_0008, *SINCE_0009)
SINCE_0005 = (*OF_0006, *SINCE_0006)
LACKS: dict[str, tuple[str, ...]] = {
    "0001": ("submissions", "entered", "curricula", "verdicts.step", *SINCE_0005),
    "0002": ("submissions", "entered", "curricula", *SINCE_0005),
    "0003": ("submissions", "entered", *SINCE_0005),
    "0004": ("submissions.owner", "submissions.request", *SINCE_0005),
    "0005": SINCE_0005,
    "0006": SINCE_0006,
    "0007": (*OF_0008, *SINCE_0009),
    "0008": SINCE_0009,
    "0009": OF_0010,
}
# What an older store has not, beside tables and columns.
INDEXES_OF_0010 = (
    *("episodes_finished", "episodes_finished_of_owner", "curricula_of", "runs_begun"),
    *("submissions_alike", "submissions_of_owner", "submissions_entered"),
)
TRIGGERS = {
    "episodes": ("count_opened", "count_moved", "count_removed"),
    "verdicts": ("count_judged", "count_unjudged"),
    "run_points": ("count_reported", "count_unreported"),
}


def make_older(url: str, revision: str) -> None:
    """Turn a store into one of an older revision."""
    with changed(url) as connection:
        on_postgres = connection.dialect.name == "postgresql"
        for table, triggers in TRIGGERS.items():
            for trigger in triggers:
                connection.execute(text(f"drop trigger {trigger}{f' on {table}' if on_postgres else ''}"))
        for index in INDEXES_OF_0010:
            connection.execute(text(f"drop index {index}"))
        if on_postgres:
            connection.execute(text("drop sequence counts_change"))
            connection.execute(text("drop function count_episodes, count_verdicts, count_points"))
        connection.execute(text("create index submissions_of on submissions (suite, overseer)"))
        if "episodes.player" in LACKS[revision]:
            connection.execute(text("drop index episodes_of_player"))
        for name in LACKS[revision]:
            table, _, column = name.partition(".")
            if column and table in LACKS[revision]:
                continue
            connection.execute(text(f"alter table {table} drop column {column}" if column else f"drop table {table}"))
        connection.execute(text("update alembic_version set version_num = :revision"), {"revision": revision})


@pytest.mark.parametrize("revision", LACKS)
async def test_an_older_store_is_migrated_with_all_that_is_in_it(url: str, revision: str) -> None:
    store = Store(url)
    await store.open_episodes([episode("a", attempts=2)])
    await store.record([verdict("a")], 1.0)
    secret = store.secret()
    store.close()
    make_older(url, revision)
    for _ in range(2):
        store = Store(url)
        verdicts = (await store.load(["a"]))["a"].verdicts
        assert (store.secret(), verdicts) == (secret, (verdict("a"),))
        store.close()


@pytest.mark.parametrize("revision", LACKS)
async def test_a_migrated_store_takes_what_the_older_one_could_not_hold(url: str, revision: str) -> None:
    Store(url).close()
    make_older(url, revision)
    store = Store(url)
    with_step = replace(verdict("a"), step=True)
    await store.open_episodes([replace(episode("a"), opening=2)])
    use = tool_use("a")
    await store.record_tool_use(use)
    await store.record([with_step], 1.0)
    stored = (await store.load(["a"]))["a"]
    assert (stored.verdicts, stored.opening, stored.tool_uses) == ((with_step,), 2, (use,))
    assert await store.replace_curriculum("forge:5", "{}", 1.0) == 1
    assert await enter(store, "new", "mine", "a token", request="run-1") == "new"
    store.close()


async def test_an_entry_from_before_names_had_owners_belongs_to_whoever_uses_the_name_next(url: str) -> None:
    Store(url).close()
    make_older(url, "0004")
    with changed(url) as connection:
        entered = "insert into submissions (id, overseer, suite, entry, episodes, created) values"
        for number, name in enumerate(("Honest", "Honest ", "honest")):
            connection.execute(text(f"{entered} ('s{number}', '{name}', 'suite', 1, 2, {number})"))
    store = Store(url)
    assert await enter(store, "new", "HONEST", "first token") == "new"
    newest, finished = (await store.submissions("suite", Caller("first token", admin=False), None))[0]
    assert (newest.overseer, newest.entry, newest.owner, finished) == ("Honest", 4, "first token", 0)
    with pytest.raises(NameTaken):
        await enter(store, "newer", "honest", "second token")
    store.close()


async def enter(store: Store, id: str, name: str, owner: str, **more: Any) -> str:
    given = {"episodes": 2, "budget": 4, "now": 10.0, "caller": Caller(owner, admin=False), **more}
    return await store.open_submission(id, name, "suite", **given)


async def test_a_name_belongs_to_one_owner_on_all_replicas_and_its_budget_to_all_its_spellings(url: str) -> None:
    one, other = Store(url), Store(url)
    claims = await asyncio.gather(
        *(
            enter(store, f"{owner}-{n}", name, owner)
            for store, owner in ((one, "a"), (other, "b"))
            for n, name in enumerate(("Honest", "honest", "HONEST ", "h0nest", "Honest  "))
        ),
        return_exceptions=True,
    )
    entered = [claim for claim in claims if isinstance(claim, str)]
    # Whoever came first has the name and all four entries.
    assert len({id[0] for id in entered}) == 1
    assert len(entered) == 4
    assert sum(isinstance(claim, BudgetSpent) for claim in claims) == 1
    assert sum(isinstance(claim, NameTaken) for claim in claims) == 5
    owner = entered[0][0]
    listed = await other.submissions("suite", Caller(owner, admin=False), "HONEST")
    assert sorted(stored.entry for stored, _ in listed) == [1, 2, 3, 4]
    assert len({stored.overseer for stored, _ in listed}) == 1
    assert await other.submissions("suite", Caller("c", admin=False), None) == []
    assert len(await other.submissions("suite", Caller("c", admin=True), None)) == 4
    # What looks different is another name, and another suite another leaderboard.
    assert await enter(one, "x", "Hone5t", "c") == "x"
    assert await enter(one, "y", "H onest", "c") == "y"
    assert (
        await one.open_submission(
            "z", "honest", "other", episodes=2, budget=4, now=11.0, caller=Caller("c", admin=False)
        )
        == "z"
    )
    one.close()
    other.close()


async def test_the_same_request_for_an_entry_gets_the_same_entry_also_when_the_budget_is_spent(url: str) -> None:
    one, other = Store(url), Store(url)
    ids = await asyncio.gather(
        *(enter(store, f"s{n}", "mine", "a", request="r-1", budget=1) for n, store in enumerate((one, other, one)))
    )
    assert len(set(ids)) == 1
    assert await enter(other, "late", "MINE", "a", request="r-1", budget=1) == ids[0]
    with pytest.raises(BudgetSpent):
        await enter(other, "more", "mine", "a", request="r-2", budget=1)
    with pytest.raises(NameTaken):
        await enter(other, "thief", "mine", "b", request="r-1", budget=1)
    one.close()
    other.close()


async def test_an_episode_of_an_entry_that_lapsed_gives_its_place_to_a_new_one(store: Store) -> None:
    await enter(store, "s", "mine", "a")
    await store.enter("s", [0, 1], [episode("old", expires=5.0), episode("kept")])
    with pytest.raises(Busy):
        await store.enter("s", [0, 1], [episode("new", created=6.0), episode("thief", created=6.0)])
    await store.enter("s", [0], [episode("new", created=6.0)])
    assert await store.episodes_of_submission("s") == {0: ("new", "open"), 1: ("kept", "open")}
    await store.delete("kept")
    await store.enter("s", [1], [episode("newer", created=7.0)])
    assert (await store.episodes_of_submission("s"))[1] == ("newer", "open")


async def test_servers_that_start_together_make_one_store(url: str) -> None:
    stores = await asyncio.gather(*(asyncio.to_thread(Store, url) for _ in range(4)))
    assert len({store.secret() for store in stores}) == 1
    for store in stores:
        store.close()


async def test_a_file_that_another_process_is_making_is_waited_for(sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    # As long as this is not committed, SQLite says at once that the mode of the file cannot be changed.
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE anything (x)")
    opening = asyncio.create_task(asyncio.to_thread(Store, sqlite_url))
    await asyncio.sleep(0.5)
    other.execute("COMMIT")
    other.close()
    store = await opening
    assert await store.counts() is not None
    store.close()


async def test_batches_that_cross_on_two_replicas_wait_for_each_other_and_are_scored_once(url: str) -> None:
    one, other = Store(url), Store(url)
    ids = [f"e{n:02}" for n in range(20)]
    await one.open_episodes([episode(id) for id in ids])
    for _ in range(20):
        batch = [verdict(id) for id in ids]
        results = await asyncio.gather(one.record(batch, 1.0), other.record(batch[::-1], 1.0))
        assert sorted(len(known) for known in results) in ([0, 20], [20, 20])
    assert (await other.counts()).verdicts == {"scored": 20}
    one.close()
    other.close()


async def test_a_curriculum_is_of_one_suite_and_its_revision_grows_with_every_change(store: Store, url: str) -> None:
    assert (await store.curriculum_revision("a"), await store.curriculum("a")) == (0, (0, None))
    assert await store.replace_curriculum("a", "first", 1.0) == 1
    assert await store.replace_curriculum("b", "other", 2.0) == 2
    assert [await store.replace_curriculum("a", None, 3.0) for _ in range(2)] == [3, 3]
    assert await store.replace_curriculum("a", "second", 4.0) == 4
    other = Store(url)
    assert (await other.curriculum("a"), await other.curriculum("b")) == ((4, "second"), (2, "other"))
    assert await other.curriculum_revision("a") == 4
    other.close()


async def test_two_stores_that_replace_a_curriculum_at_once_get_two_revisions(store: Store, url: str) -> None:
    other = Store(url)
    revisions = await asyncio.gather(*(s.replace_curriculum("a", "{}", 1.0) for s in (store, other) for _ in range(10)))
    other.close()
    assert sorted(revisions) == list(range(1, 21))
