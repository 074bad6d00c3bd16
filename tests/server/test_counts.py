"""The counts of a store are those of its rows, whoever wrote them and whatever happened meanwhile."""

import asyncio
import random
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from forge_server.errors import Refused
from forge_server.rows import Counts, NewEpisode, StoredVerdict
from forge_server.store import Store
from forge_server.writes import FoldCounts

from ..postgres import Postgres
from ..recount import recount
from .test_store import make_older

SPLITS = ("train", "val", "public", "test")
SEALED = ("test",)


@pytest.fixture
def url(store_url: str) -> str:
    return store_url


async def check(store: Store) -> None:
    """Hold the counts of a store against its rows."""
    with store.engine.connect() as connection:
        expected = recount(connection, SEALED)
    counts = await store.counts(SEALED)
    assert replace(counts, mean_reward=None) == replace(expected, mean_reward=None)
    assert counts.mean_reward == (None if expected.mean_reward is None else pytest.approx(expected.mean_reward))


def episode(id: str, **given: Any) -> NewEpisode:
    values = {"split": "train", "created": 0.0, "expires": 1e12, "attempts": 1, "payload": b"p", **given}
    return NewEpisode(id, f"forge:5:train:{id}", **values)


def verdict(id: str, attempt: int = 0, *, reward: float | None = 0.5, digest: bytes = b"one") -> StoredVerdict:
    outcome = "worker_failed" if reward is None else "scored"
    return StoredVerdict(id, attempt, digest, "{}", outcome, reward, None, None, 0.0, "test")


async def play(stores: list[Store], rng: random.Random, episodes: int) -> None:
    """Everything that can happen to an episode, also what is refused, over several replicas at once."""

    async def one(number: int) -> None:
        id = f"e{number}-{rng.randrange(10**9)}"
        attempts = rng.choice((1, 1, 3))
        opened = episode(
            id,
            split=rng.choice(SPLITS),
            attempts=attempts,
            opening=rng.choice((1, 1, 2)),
            expires=rng.choice((5.0, 1e12)),
        )
        await rng.choice(stores).open_episodes([opened])
        end = rng.choice(("judge", "judge", "judge", "delete", "leave"))
        if end == "delete":
            with suppress(Refused):
                await rng.choice(stores).delete(id)
        if end == "judge":
            given = [verdict(id, n, reward=rng.choice((None, 0.0, rng.random()))) for n in range(attempts)]
            again = verdict(id, 0, digest=rng.choice((b"one", b"two")))
            writes = [rng.choice(stores).record([each], 1.0) for each in (*given, again)]
            results = await asyncio.gather(*writes, return_exceptions=True)
            assert all(isinstance(result, list | Refused) for result in results)

    await asyncio.gather(*(one(number) for number in range(episodes)), *(store.expire(9.0) for store in stores))


async def test_the_counts_are_those_of_the_rows_over_replicas_that_write_at_once(url: str) -> None:
    stores = [Store(url), Store(url)]
    await check(stores[0])
    for seed in range(3):
        await play(stores, random.Random(seed), 60)
        for store in stores:
            await check(store)
    counts = await stores[0].counts(SEALED)
    assert set(counts.episodes) == {"deleted", "expired", "finished", "open"}
    assert set(counts.verdicts) == {"scored", "worker_failed"}
    for store in stores:
        store.close()


async def test_a_group_that_fails_counts_nothing(url: str) -> None:
    store = Store(url)
    await store.open_episodes([episode("a"), episode("b")])
    before = await store.counts(SEALED)
    results = await asyncio.gather(
        store.record([verdict("a"), verdict("no such episode")], 1.0),
        store.open_episodes([episode("c"), episode("b")]),
        return_exceptions=True,
    )
    assert all(isinstance(result, Exception) for result in results)
    assert await store.counts(SEALED) == before
    await check(store)
    store.close()


async def test_a_store_of_the_version_before_is_counted_when_it_is_migrated(url: str) -> None:
    store = Store(url)
    await play([store], random.Random(7), 50)
    store.close()
    make_older(url, "0009")
    migrated = Store(url)
    await check(migrated)
    await play([migrated], random.Random(8), 20)
    await check(migrated)
    migrated.close()


async def test_what_a_replica_of_the_version_before_writes_is_counted_too(url: str) -> None:
    store = Store(url)
    columns = "id, key, split, created, expires, attempts, made, status, probes_made, probes"
    judged = "episode_id, attempt, digest, submitted, outcome, reward, created, grader"
    with store.engine.begin() as connection:
        for n in range(3):
            connection.execute(
                text(f"insert into episodes ({columns}) values ('e{n}', 'k', 'train', 0, 1, 1, 0, 'open', 0, '[]')")
            )
            connection.execute(
                text(f"insert into verdicts ({judged}) values ('e{n}', 0, :digest, '{{}}', 'scored', 0.{n}, 0, '3')"),
                {"digest": b"d"},
            )
        connection.execute(text("update episodes set status = 'finished', made = 1 where id <> 'e2'"))
        # Nothing counts that did not change.
        connection.execute(text("update episodes set status = 'open', probes_made = 1 where id = 'e2'"))
    assert await store.counts(SEALED) == Counts({"finished": 2, "open": 1}, {"scored": 3}, pytest.approx(0.1), 0)
    with store.engine.begin() as connection:
        connection.execute(text("delete from verdicts where episode_id = 'e1'"))
        connection.execute(text("delete from episodes where id = 'e1'"))
    await check(store)
    store.close()


async def test_counts_stay_short_on_postgres_while_others_write(running_postgres: Postgres) -> None:
    url = running_postgres.url(uuid4().hex)
    stores = [Store(url), Store(url)]
    folding = asyncio.gather(*(store._submit(FoldCounts(most=10)) for _ in range(20) for store in stores))
    await play(stores, random.Random(3), 80)
    await folding
    await check(stores[1])
    await stores[0]._submit(FoldCounts(most=10))
    with stores[0].engine.connect() as connection:
        rows = connection.execute(text("select count(*) from counts")).scalar_one()
    assert rows <= 16
    await check(stores[1])
    for store in stores:
        store.close()


async def test_a_migration_waits_for_a_replica_that_holds_one_table_and_wants_the_other(
    running_postgres: Postgres,
) -> None:
    url = running_postgres.url(uuid4().hex)
    store = Store(url)
    await store.open_episodes([episode("a"), episode("b")])
    store.close()
    make_older(url, "0009")
    migrated: list[Store] = []
    migration = threading.Thread(target=lambda: migrated.append(Store(url)))
    judged = "episode_id, attempt, digest, submitted, outcome, reward, created, grader"
    engine = create_engine(url)
    with engine.begin() as replica:
        replica.execute(text(f"insert into verdicts ({judged}) values ('a', 0, 'd', '{{}}', 'scored', 0.5, 0, '3')"))
        migration.start()
        with engine.connect() as other:
            waiting = text("select count(*) from pg_locks where not granted")
            for _ in range(200):
                if other.execute(waiting).scalar():
                    break
                other.rollback()
                await asyncio.sleep(0.05)
        # If the migration kept a lock while it waited, each would wait for the other, and Postgres would end one.
        replica.execute(text("update episodes set status = 'finished' where id = 'a'"))
    engine.dispose()
    await asyncio.to_thread(migration.join, 60)
    assert await migrated[0].counts(SEALED) == Counts({"finished": 1, "open": 1}, {"scored": 1}, 0.5, 0)
    migrated[0].close()
