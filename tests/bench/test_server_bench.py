"""What a request costs the server, in CPU time of its process and as a ratio to a bare echo on the same uvicorn."""

import json
import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from measure import Child, Load, child, send, serving, write_table

from forge_server.rows import NewEpisode, StoredVerdict
from forge_server.store import Store

pytestmark = [pytest.mark.bench, pytest.mark.slow]

ECHO = str(Path(__file__).with_name("echo.py"))
STOCK = 260
SLICE = 100
# As many as are opened between the opening of an episode and its verdict here.
LIVE = 512
PAYLOAD = secrets.token_bytes(2_000)
ROUNDS = 3
CLIENT = httpx.Client(timeout=120)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with serving(tmp_path_factory.mktemp("bench") / "arena.db", stock=STOCK, live=LIVE) as running:
        yield running


def post(server: Child, path: str, body: object) -> Any:
    response = CLIENT.post(server.url + path, json=body)
    assert response.status_code == 200, response.text[:500]
    return response.json()


def stock(server: Child) -> int:
    size: int = CLIENT.get(server.url + "/v1/stats").json()["stock"]
    return size


def refill(server: Child) -> None:
    """Leave the stock full, so that nothing is made while something is measured."""
    if STOCK // 2 < (left := stock(server)) < STOCK:
        spare = left - STOCK // 2
        for count in (min(spare, 256), spare - 256):
            if count > 0:
                post(server, "/v1/episodes", {"count": count})
    while stock(server) < STOCK:
        time.sleep(0.1)


def open_from_stock(server: Child, count: int) -> list[dict[str, Any]]:
    refill(server)
    opened: list[dict[str, Any]] = []
    while len(opened) < count:
        opened += post(server, "/v1/episodes", {"count": min(50, count - len(opened))})["episodes"]
    refill(server)
    return opened


def attempt(opened: dict[str, Any], number: int = 0) -> dict[str, Any]:
    output = opened["observation"]["worker_output"]
    return {
        "episode_id": opened["episode_id"],
        "attempt": number,
        "verdict": {
            "detection": True,
            "explanation": f'temporal_shift: the answer says "{output[:160]}", and the source says otherwise.',
            "correction": output.rpartition(". ")[0] + ". This sentence was repaired.",
            "confidence": 0.83,
        },
    }


def unreadable(opened: dict[str, Any]) -> dict[str, Any]:
    verdict = attempt(opened)["verdict"]
    return {"episode_id": opened["episode_id"], "attempt": 0, "completion": verdict["correction"]}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def cost(running: Child, load: Load) -> float:
    """Milliseconds of CPU a request."""
    before = running.cpu_seconds()
    send(load)
    return (running.cpu_seconds() - before) / len(load.bodies) * 1000


def test_a_durable_verdict_or_an_episode_from_stock_costs_few_echoes(server: Child) -> None:
    example = open_from_stock(server, 1)[0]
    sample = {"verdicts": [attempt(example)]}
    replies = {"verdict": post(server, "/v1/verdicts", sample), "open": {"episodes": [example], "failed": []}}
    rows: list[dict[str, object]] = []
    with child(ECHO, json.dumps(replies)) as echo:
        for connections, most in ((1, 3.5), (16, 2.5), (64, 2.5)):
            costs: dict[str, list[float]] = defaultdict(list)
            for _ in range(ROUNDS):
                asked = [body({"count": 1})] * SLICE
                opened = open_from_stock(server, SLICE)
                given = [body({"verdicts": [attempt(e)]}) for e in opened[: SLICE // 2]]
                # What the server itself adds, without the grading: a text of the same size that is no verdict.
                unread = [body({"verdicts": [unreadable(e)]}) for e in opened[SLICE // 2 :]]
                for name, running, path, bodies in (
                    ("echo verdict", echo, "/echo/verdict", given),
                    ("verdict", server, "/v1/verdicts", given),
                    ("echo verdict, ungraded", echo, "/echo/verdict", unread),
                    ("verdict, ungraded", server, "/v1/verdicts", unread),
                    ("echo open", echo, "/echo/open", asked),
                    ("open", server, "/v1/episodes", asked),
                ):
                    costs[name].append(cost(running, Load(running.url + path, bodies, connections)))
                refill(server)
            for name in ("verdict", "verdict, ungraded", "open"):
                ratios = [a / b for a, b in zip(costs[name], costs[f"echo {name}"], strict=True)]
                rows.append(
                    {
                        "request": name,
                        "connections": connections,
                        "echo ms": statistics.median(costs[f"echo {name}"]),
                        "server ms": statistics.median(costs[name]),
                        "ratio": statistics.median(ratios),
                        "at most": most,
                    }
                )
    write_table("server CPU per request against a bare echo", rows)
    assert [row for row in rows if row["ratio"] > row["at most"]] == []  # type: ignore[operator]


def test_batches_of_64_grade_and_commit_5000_verdicts_a_cpu_second(server: Child) -> None:
    bodies = []
    for _ in range(3):
        bodies.append([attempt(e) for e in open_from_stock(server, 64)])
    group = post(server, "/v1/episodes", {"count": 3, "attempts": 64})["episodes"]
    kinds = {
        "64 episodes": [body({"verdicts": batch}) for batch in bodies],
        "64 attempts on one": [body({"verdicts": [attempt(e, n) for n in range(64)]}) for e in group],
    }
    rows: list[dict[str, object]] = []
    for name, given in kinds.items():
        refill(server)
        ms = cost(server, Load(server.url + "/v1/verdicts", given, 4))
        rows.append({"batch of": name, "ms a batch": ms, "verdicts a CPU second": 64_000 / ms, "at least": 5_000})
    write_table("batches of 64 verdicts", rows)
    assert [row for row in rows if row["verdicts a CPU second"] < 5_000] == []  # type: ignore[operator]


def test_ten_thousand_open_episodes_add_less_than_50_mb(tmp_path: Path) -> None:
    with serving(tmp_path / "arena.db", stock=64) as running, ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=running.url, timeout=120))
        for _ in range(4):
            client.post("/v1/episodes", json={"count": 256}).raise_for_status()
        before = running.rss_bytes()
        opened = 0
        while opened < 10_000:
            opened += len(client.post("/v1/episodes", json={"count": 250}).raise_for_status().json()["episodes"])
        added = (running.rss_bytes() - before) / 1e6
    write_table("memory", [{"open episodes": 10_000, "MB added": added, "at most": 50}])
    assert added < 50


async def test_a_million_finished_episodes_change_nothing_in_the_cost_of_one(tmp_path: Path) -> None:
    sizes = (1_000, 100_000, 1_000_000)
    stores = {size: Store(f"sqlite:///{tmp_path}/{size}.db") for size in sizes}
    for size, store in stores.items():
        for _ in range(size // 1_000):
            # What is looked up is the same for small ones, and the disk need not hold gigabytes.
            await play(store, 1_000, PAYLOAD[:100])
    costs: dict[int, list[float]] = defaultdict(list)
    for _ in range(9):
        for size, store in stores.items():
            start = time.process_time()
            for _ in range(50):
                await play(store, 1)
            costs[size].append((time.process_time() - start) / 50 * 1000)
    rows: list[dict[str, object]] = [
        {"finished before": f"{size:,}", "ms to open and finish one": statistics.median(ms)}
        for size, ms in costs.items()
    ]
    write_table("store CPU per episode", rows)
    for store in stores.values():
        store.close()
    assert statistics.median(costs[1_000_000]) < 1.25 * statistics.median(costs[1_000])


async def test_ten_thousand_open_episodes_expire_in_less_than_a_second(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/arena.db")
    for _ in range(10):
        ids = [secrets.token_urlsafe(18) for _ in range(1_000)]
        await store.open_episodes([NewEpisode(id, "forge:5:train:0", "train", 0.0, 5.0, 1, PAYLOAD) for id in ids])
    begin = time.perf_counter()
    assert await store.expire(10.0) == 10_000
    seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    assert await store.expire(10.0) == 0
    again = time.perf_counter() - begin
    store.close()
    write_table("expiry", [{"open episodes": 10_000, "ms to expire all": seconds * 1000, "ms for none": again * 1000}])
    assert seconds < 1


async def play(store: Store, count: int, payload: bytes = PAYLOAD) -> None:
    ids = [secrets.token_urlsafe(18) for _ in range(count)]
    await store.open_episodes([NewEpisode(id, "forge:5:train:0", "train", 0.0, 1e12, 1, payload) for id in ids])
    await store.record([StoredVerdict(id, 0, b"d" * 16, "{}", "scored", 0.5, "{}", None, 0.0, "0") for id in ids], 1.0)
