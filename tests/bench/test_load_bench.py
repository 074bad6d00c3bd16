"""A server under mixed load for minutes: how long requests take, what an episode costs, and that memory stays flat.

One minute, or as many as FORGE_ARENA_BENCH_MINUTES says.
"""

import os
import statistics
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from measure import serving, write_table
from mixed_load import CLIENTS, clients

pytestmark = [pytest.mark.bench, pytest.mark.slow]

MINUTES = float(os.environ.get("FORGE_ARENA_BENCH_MINUTES", "1"))


def test_a_mixed_load_is_answered_steadily_in_flat_memory(tmp_path: Path) -> None:
    with serving(tmp_path / "arena.db") as server, ProcessPoolExecutor(1, get_context("spawn")) as pool:
        # What is loaded once, and the caches of the first thousands of episodes, are no leak.
        pool.submit(clients, server.url, 20.0).result()
        before = server.cpu_seconds()
        memory: list[float] = []
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                memory.append(server.rss_bytes() / 1e6)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            judged, times = pool.submit(clients, server.url, 60.0 * MINUTES).result()
        finally:
            over.set()
            watching.join()
        cpu = server.cpu_seconds() - before
    rows: list[dict[str, object]] = [
        {"request": name, "requests": len(found), **{f"p{p} ms": 1000 * cut(found, p) for p in (50, 95, 99)}}
        for name, found in sorted(times.items())
    ]
    write_table(f"{CLIENTS} clients for {MINUTES:g} minutes", rows)
    third = len(memory) // 3
    first, last = statistics.median(memory[:third]), statistics.median(memory[-third:])
    row = {
        "episodes judged": judged,
        "a second": judged / (60 * MINUTES),
        "CPU ms an episode": 1000 * cpu / judged,
        "MB at first": first,
        "MB at last": last,
    }
    write_table("what it cost", [row])
    assert last < 1.1 * first


def cut(seconds: list[float], percent: int) -> float:
    """The percentile, by the nearest rank."""
    ranked = sorted(seconds)
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]
