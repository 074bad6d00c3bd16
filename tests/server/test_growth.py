"""What the store is asked costs as much in a large store as in a small one."""

import json
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from forge_arena.types import Split
from forge_arena.wire import RunPoint
from forge_server.access import Access, Caller
from forge_server.rows import NewEpisode, StoredVerdict
from forge_server.store import Store

from ..full_store import MINE, OWN, PERSON, SUITE, episode_id, fill
from ..postgres import Postgres

SMALL, LARGE = 2_000, 20_000
# A B-tree of ten times the rows is at most one level higher.
AT_MOST = 1.3
SPLITS = [split.value for split in Split]
OWNER, ADMIN = Caller(MINE, admin=False), Caller("admin", admin=True)
# The tables that grow. A plan that reads one of them whole is found by name.
GROWING = ("episodes", "payloads", "verdicts", "curricula", "submissions", "entered", "runs", "run_points")


async def open_and_finish(store: Store) -> None:
    now = time.time()
    await store.open_episodes([NewEpisode("new", "forge:5:train:0", "train", now, now + 60, 1, b"payload", owner=MINE)])
    verdict = StoredVerdict("new", 0, b"d", "{}", "scored", 0.5, None, None, now, "3")
    assert await store.record([verdict], now) == []
    assert await store.record([verdict], now) == [verdict]


async def report_a_run(store: Store) -> None:
    run = await store.begin_run("new-run", "run", "", "once", MINE, time.time())
    await store.report_points(run, [RunPoint(step=1, numbers={"reward": 0.5})], OWNER, time.time())
    await store.delete_run(run, OWNER)


async def enter(store: Store) -> None:
    await store.open_submission("new", "new", SUITE, episodes=1, budget=9, now=time.time(), caller=OWNER)


async def read_pages(store: Store, **ask: Any) -> None:
    ask = {"owner": None, "splits": SPLITS, "before": None, "limit": OWN, **ask}
    rows = await store.finished_episodes(**ask)
    assert len(rows) == ask["limit"]
    before = (rows[-1].created, rows[-1].episode_id)
    assert await store.finished_episodes(**{**ask, "before": before})


ASKED: dict[str, Callable[[Store], Awaitable[object]]] = {
    "open an episode, judge it, and judge it again": open_and_finish,
    "load an episode": lambda store: store.load([episode_id(5)]),
    "look for episodes that have expired": lambda store: store.expire(time.time()),
    "the counts": lambda store: store.counts(["test"]),
    "the newest finished episodes": read_pages,
    "the newest finished episodes of a split": lambda store: read_pages(store, splits=["val"]),
    "the newest finished episodes of a token": lambda store: read_pages(store, owner=MINE, limit=OWN // 2),
    "what a person played": lambda store: store.plays(PERSON),
    "the curriculum of a suite without one": lambda store: store.curriculum("no such suite"),
    "the revision of a suite without a curriculum": lambda store: store.curriculum_revision("no such suite"),
    "put a curriculum in force": lambda store: store.replace_curriculum("forge:5", "{}", time.time()),
    "enter the leaderboard": enter,
    "the entries of a token": lambda store: store.submissions("another suite", OWNER, None),
    "the entries of a name": lambda store: store.submissions("another suite", ADMIN, "other 25"),
    "the newest entries of all": lambda store: store.submissions("another suite", ADMIN, None),
    "the leaderboard": lambda store: store.finished_submissions(SUITE),
    "report a run and delete it": report_a_run,
    "the runs of a token": lambda store: store.runs(OWNER),
    "the newest runs of all tokens": lambda store: store.runs(ADMIN),
    "the points of a run": lambda store: store.run_points("run-3"),
}


@contextmanager
def counting_steps(store: Store) -> Iterator[list[int]]:
    """How many steps SQLite's virtual machine takes in the block, which does not depend on the machine or its load."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    def watch(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(count, 1)

    event.listen(store.engine, "checkout", watch)
    # The writer has taken its connection already.
    watch(store._writer._writing.connection.driver_connection)
    yield steps
    event.remove(store.engine, "checkout", watch)


@pytest.fixture(scope="module")
def stores_of_sqlite(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    folder = tmp_path_factory.mktemp("growth")
    urls = {episodes: f"sqlite:///{folder}/{episodes}.db" for episodes in (SMALL, LARGE)}
    for episodes, url in urls.items():
        fill(url, episodes, others=episodes // 4)
    return urls


@pytest.mark.parametrize("asked", ASKED)
async def test_a_large_sqlite_store_takes_no_more_steps_than_a_small_one(
    stores_of_sqlite: dict[int, str], asked: str, tmp_path: Path
) -> None:
    steps: dict[int, int] = {}
    for episodes, url in stores_of_sqlite.items():
        copy = tmp_path / f"{episodes}.db"
        shutil.copyfile(url.removeprefix("sqlite:///"), copy)
        store = Store(f"sqlite:///{copy}")
        with counting_steps(store) as counted:
            await ASKED[asked](store)
            store.close()
        steps[episodes] = counted[0]
    assert 0 < steps[LARGE] <= AT_MOST * steps[SMALL], steps


@pytest.fixture(scope="module")
def store_on_postgres(running_postgres: Postgres) -> str:
    url = running_postgres.url(uuid4().hex)
    fill(url, LARGE, others=LARGE)
    return url


@pytest.mark.parametrize("asked", ASKED)
async def test_postgres_reads_no_table_of_a_large_store_whole(store_on_postgres: str, asked: str) -> None:
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")) and "pg_catalog" not in statement:
            given = parameters[0] if isinstance(parameters, list) else parameters
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", given)
            plans.append(json.dumps(cursor.fetchone()[0]))

    store = Store(store_on_postgres)
    event.listen(store.engine, "before_cursor_execute", explain)
    await ASKED[asked](store)
    store.close()
    assert plans
    scans = [node for plan in plans for node in nodes(json.loads(plan)[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
    assert [scan["Relation Name"] for scan in scans if scan["Relation Name"] in GROWING] == []


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def test_a_token_is_found_as_fast_among_ten_thousand_as_alone() -> None:
    def seconds(tokens: int) -> float:
        access = Access([f"player:token number {n}" for n in range(tokens)], 1e9)
        asked = {"authorization": f"Bearer token number {tokens - 1}", "host": "localhost", "origin": ""}
        access.admit("POST", "/v1/verdicts", **asked)
        begin = time.thread_time()
        for _ in range(2_000):
            access.admit("POST", "/v1/verdicts", **asked)
        return time.thread_time() - begin

    # Ten thousand comparisons would take a thousand times as long.
    assert min(seconds(10_000) for _ in range(3)) < 5 * min(seconds(1) for _ in range(3))
