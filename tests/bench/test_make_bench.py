"""What it costs, in CPU time, to make an episode with the scripted Worker: draw, answer, verify, inject, verify."""

import asyncio
import gc
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest
from measure import write_table

from forge_arena.collector import spare_the_collector
from forge_arena.episodes import Arena
from forge_arena.types import Split
from forge_arena.workers import ScriptedWorker

pytestmark = pytest.mark.bench

EPISODES = 600


@pytest.fixture
def as_in_the_server() -> Iterator[None]:
    before = gc.get_threshold()
    spare_the_collector()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("as_in_the_server")
def test_an_episode_takes_at_most_three_milliseconds() -> None:
    arena = Arena(ScriptedWorker())
    taken: dict[str, list[float]] = defaultdict(list)

    async def make() -> None:
        for index in range(EPISODES):
            key = arena.key(Split.train, index)
            domain = arena.plan(key).domain
            start = time.thread_time_ns()
            await arena.make(key)
            milliseconds = (time.thread_time_ns() - start) / 1e6
            taken[domain].append(milliseconds)
            taken["all"].append(milliseconds)

    asyncio.run(make())
    rows: list[dict[str, object]] = [
        {"domain": domain, "episodes": len(times), "CPU ms (median)": statistics.median(times)}
        for domain, times in sorted(taken.items())
    ]
    write_table("Making an episode with the scripted Worker", rows)
    assert statistics.median(taken["all"]) <= 3
