"""The same episodes and verdicts through this server and through OpenEnv's own, in turns: what each adds to the work.

Needs FORGE_ARENA_OPENENV, a Python with `openenv` and the arena's base install (`make bench-openenv` makes one).
"""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest
from measure import Child, child, serving, write_table
from rivals import Played, Verdicts, Wire, play

from forge_arena.episodes import Arena
from forge_arena.rewards import score
from forge_arena.types import Split, Verdict
from forge_arena.workers import open_worker

OPENENV = os.environ.get("FORGE_ARENA_OPENENV", "")
pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.skipif(not OPENENV, reason="FORGE_ARENA_OPENENV names no Python with openenv: make bench-openenv"),
]

PROGRAM = str(Path(__file__).with_name("openenv_arena.py"))
IN_FLIGHT = 64
TOGETHER = 16
EPISODES = 256
ROUNDS = 5


@dataclass(frozen=True)
class Contestant:
    """A server and how its clients speak to it; `IN_FLIGHT` episodes are under way at a time."""

    name: str
    server: Child
    wire: Wire
    together: int = 1


async def worked(start: int) -> tuple[Verdicts, dict[int, float], float]:
    """A verdict on each of `EPISODES` episodes, what it earns, and the CPU milliseconds an episode of nothing but making
    and scoring them."""
    arena = Arena(open_worker("scripted"))
    verdicts, rewards = [], {}
    begin = time.process_time()
    for index in range(start, start + EPISODES):
        episode, verifier = await arena.make_with_verifier(arena.key(Split.val, index))
        output = episode.observation.worker_output
        verdict = Verdict(
            detection=index % 2 == 0,
            explanation=f'temporal_shift: the answer says "{output[:160]}", and the source says otherwise.',
            correction=output.rpartition(". ")[0],
            confidence=0.83,
        )
        rewards[index] = score(episode, verdict, verifier).reward
        verdicts.append((index, verdict.model_dump(exclude_none=True)))
    return verdicts, rewards, (time.process_time() - begin) / EPISODES * 1000


def test_what_a_server_adds_to_the_same_episodes_here_and_in_openenv(tmp_path: Path) -> None:
    cpu: dict[str, list[float]] = defaultdict(list)
    came: dict[str, list[Played]] = defaultdict(list)
    with ExitStack() as stack:
        # The stock is of no use to episodes that are asked for by name.
        arena = stack.enter_context(serving(tmp_path / "arena.db", stock=1))
        pool = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        rival = {
            kind: stack.enter_context(child(PROGRAM, kind, str(IN_FLIGHT), python=OPENENV))
            for kind in ("loop", "threads")
        }
        contestants = [
            Contestant("ForgeArena, one by one", arena, "rest"),
            Contestant(f"ForgeArena, {TOGETHER} a request", arena, "rest", TOGETHER),
            Contestant("ForgeArena, OpenEnv's wire", arena, "websocket"),
            Contestant("OpenEnv, asynchronous", rival["loop"], "websocket"),
            Contestant("OpenEnv, in threads", rival["threads"], "websocket"),
        ]
        for number in range(-1, ROUNDS):
            verdicts, rewards, work = asyncio.run(worked((number + 1) * EPISODES))
            for one in contestants:
                before = one.server.cpu_seconds()
                connections = IN_FLIGHT // one.together
                played = pool.submit(play, one.server.url, one.wire, verdicts, connections, one.together).result()
                assert played.rewards == rewards, f"{one.name} did other work"
                # The first round is there to warm up.
                if number >= 0:
                    cpu[one.name].append((one.server.cpu_seconds() - before) / EPISODES * 1000)
                    came[one.name].append(played)
            if number >= 0:
                cpu["nothing but the work"].append(work)
    work_ms = cpu["nothing but the work"]
    rows: list[dict[str, object]] = [
        {
            "server": name,
            "CPU ms an episode": statistics.median(ms),
            "of it beyond the work": statistics.median(a - b for a, b in zip(ms, work_ms, strict=True)),
            "episodes a second": statistics.median(EPISODES / one.seconds for one in came[name]) if came[name] else "",
            "p50 ms to open": _p50([s for one in came[name] for s in one.opening]),
            "p50 ms to verifier": _p50([s for one in came[name] for s in one.judging]),
        }
        for name, ms in cpu.items()
    ]
    write_table(f"the same {EPISODES} episodes, {IN_FLIGHT} at a time, {ROUNDS} rounds in turns", rows)
    rival_ms = statistics.median(cpu["OpenEnv, asynchronous"])
    # Durable here and not there: batches make up for it, single requests do not.
    assert statistics.median(cpu[f"ForgeArena, {TOGETHER} a request"]) < 1.1 * rival_ms
    assert statistics.median(cpu["ForgeArena, OpenEnv's wire"]) < 1.25 * rival_ms
    assert statistics.median(cpu["ForgeArena, one by one"]) < 1.6 * rival_ms


def _p50(seconds: list[float]) -> object:
    return 1000 * statistics.median(seconds) if seconds else ""
