"""What a second process brings: the same whole episodes through a server of one process and through one of two, in turns.

On a machine that does other work, episodes a second tell nothing. So capacity is told as well: the episodes for each
second of CPU of the process that had the most work, which is what limits a server that has a core for each process.
"""

import os
import statistics
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import pytest
from measure import Child, serving, write_table
from rivals import Verdicts, play

from postgres import Postgres

pytestmark = [pytest.mark.bench, pytest.mark.slow]

EPISODES = int(os.environ.get("FORGE_ARENA_BENCH_EPISODES", "256"))
CONNECTIONS = 32
ROUNDS = 5
VERDICT = {"explanation": 'temporal_shift: "ten days"', "correction": "The answer, repaired.", "confidence": 0.83}
AT_LEAST = 1.7


def verdicts(start: int) -> Verdicts:
    return [(index, {"detection": index % 2 == 0, **VERDICT}) for index in range(start, start + EPISODES)]


@pytest.mark.parametrize("together", [1, 16])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_processes_play_almost_twice_as_many_episodes(
    kind: str, together: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each episode is opened by name, so it is made at that moment, and gets one verdict."""
    stores = {}
    for processes in (1, 2):
        if kind == "sqlite":
            stores[processes] = f"sqlite:///{tmp_path}/{processes}.db"
        else:
            postgres: Postgres = request.getfixturevalue("running_postgres")
            stores[processes] = postgres.url(uuid4().hex)
    capacity: dict[int, list[float]] = defaultdict(list)
    cpu: dict[int, list[float]] = defaultdict(list)
    share: dict[int, list[float]] = defaultdict(list)
    rate: dict[int, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        # The stock is of no use to episodes that are asked for by name.
        servers = {n: stack.enter_context(serving(store, stock=1, processes=n)) for n, store in stores.items()}
        # A client for each process, so that the clients are not what is measured.
        pool = stack.enter_context(ProcessPoolExecutor(2, get_context("spawn")))
        for number in range(-1, ROUNDS):
            given = verdicts((number + 1) * EPISODES)
            for processes, server in servers.items():
                spent, seconds = played(server, pool, given, together)
                # The first round is there to warm up.
                if number >= 0:
                    capacity[processes].append(EPISODES / max(spent))
                    cpu[processes].append(1000 * sum(spent) / EPISODES)
                    share[processes].append(max(spent[-processes:]) / sum(spent[-processes:]))
                    rate[processes].append(EPISODES / seconds)
    rows: list[dict[str, object]] = [
        {
            "processes": n,
            "CPU ms an episode": statistics.median(cpu[n]),
            "most of the work in one": statistics.median(share[n]),
            "episodes a CPU second of that one": statistics.median(capacity[n]),
            "of one process": statistics.median(a / b for a, b in zip(capacity[n], capacity[1], strict=True)),
            "episodes a second here": statistics.median(rate[n]),
            "of one process here": statistics.median(a / b for a, b in zip(rate[n], rate[1], strict=True)),
        }
        for n in servers
    ]
    write_table(f"processes on {kind}, {together} a request, {CONNECTIONS} connections", rows)
    gain = statistics.median(a / b for a, b in zip(capacity[2], capacity[1], strict=True))
    assert gain >= AT_LEAST, f"two processes have {gain:.2f} times the capacity of one"


def played(server: Child, pool: ProcessPoolExecutor, given: Verdicts, together: int) -> tuple[list[float], float]:
    """The CPU seconds that each process spent on the episodes, the one that listens first, and the wall seconds."""
    processes = server.processes()
    before = [process.cpu_seconds() for process in processes]
    halves = (given[::2], given[1::2])
    connections = max(1, CONNECTIONS // 2 // together)
    playing = [pool.submit(play, server.url, "rest", half, connections, together) for half in halves]
    seconds = max(one.result().seconds for one in playing)
    return [process.cpu_seconds() - spent for process, spent in zip(processes, before, strict=True)], seconds
