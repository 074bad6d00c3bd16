"""The store keeps what it has said it kept, and a write that fails changes nothing."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from forge_server.errors import Busy, ConflictingVerdict, EpisodeGone, StoreUnavailable
from forge_server.metrics import Metrics
from forge_server.store import NewEpisode, Store, StoredVerdict


def episode(id: str, *, attempts: int = 1, expires: float = 1e12) -> NewEpisode:
    return NewEpisode(id, f"forge:2:train:{id}", "train", 0.0, expires, attempts, b"payload")


def verdict(id: str, attempt: int = 0, digest: bytes = b"one", reason: str | None = None) -> StoredVerdict:
    return StoredVerdict(id, attempt, digest, "{}", "scored", 0.5, None, reason, 0.0, "test")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url, metrics=Metrics())
    yield opened
    opened.close()


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


async def test_writes_of_one_moment_share_a_commit(store: Store) -> None:
    await store.open_episodes([episode(f"e{n}") for n in range(50)])
    before = store._metrics.commits._value.get()
    await asyncio.gather(*(store.record([verdict(f"e{n}")], 1.0) for n in range(50)))
    assert store._metrics.commits._value.get() - before < 10
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


async def test_a_full_disk_is_an_infra_failure_that_leaves_nothing_half_written(store: Store, url: str) -> None:
    @event.listens_for(store.engine, "begin")
    def shrink(connection: object) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # type: ignore[attr-defined]

    large = NewEpisode("big", "forge:2:train:0", "train", 0.0, 1e12, 1, b"x" * 1_000_000)
    with pytest.raises(StoreUnavailable, match="nothing was changed"):
        await store.open_episodes([large])
    event.remove(store.engine, "begin", shrink)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        assert raw.execute("select count(*) from episodes").fetchone() == (0,)
        assert raw.execute("select count(*) from payloads").fetchone() == (0,)
    raw.close()


async def test_sqlite_is_as_durable_as_it_can_be(store: Store) -> None:
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


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


def test_the_secret_outlives_the_process(url: str) -> None:
    secrets = []
    for _ in range(2):
        store = Store(url)
        secrets.append(store.secret())
        store.close()
    assert secrets[0] == secrets[1]
    assert len(secrets[0]) == 64


def test_a_store_in_memory_or_of_another_schema_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a database in memory is not durable"):
        Store("sqlite://")
    Store(url).close()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        raw.execute("update meta set value = '0' where name = 'schema'")
    raw.close()
    with pytest.raises(ValueError, match="the store has schema 0, this server needs 4"):
        Store(url)


@pytest.mark.parametrize("schema", ["1", "2", "3"])
async def test_a_store_of_an_older_schema_is_brought_up_to_date_with_all_that_is_in_it(url: str, schema: str) -> None:
    store = Store(url)
    await store.open_episodes([episode("a", attempts=2)])
    await store.record([verdict("a")], 1.0)
    store.close()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        for table in ("submissions", "entered", *(() if schema == "3" else ("curricula",))):
            raw.execute(f"drop table {table}")
        if schema == "1":
            raw.execute("alter table verdicts drop column step")
        raw.execute("update meta set value = ? where name = 'schema'", [schema])
    raw.close()
    for _ in range(2):
        store = Store(url)
        kept = (await store.load(["a"]))["a"].verdicts
        store.close()
        assert kept == (verdict("a"),)
    store = Store(url)
    named = replace(verdict("a", 1), step=True)
    await store.record([named], 1.0)
    kept = (await store.load(["a"]))["a"].verdicts
    assert await store.replace_curriculum("forge:2", "{}", 1.0) == 1
    store.close()
    assert kept == (verdict("a"), named)


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
