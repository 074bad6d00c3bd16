"""Measure how the cost of an episode grows: with its source, its attempts, the stored episodes and the connections.

    PYTHONPATH=tests python tests/bench/growth.py [source attempts stored connections reads]    (or: make bench-growth)

Each group changes one number and keeps the others: the arena's own families, one attempt, an empty store, sixteen
connections. The servers of a group take turns, and the medians of all rounds are printed. CPU time is what counts. The 99th
percentile is wall time and says as much of the machine as of the server.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from measure import Child, serving, write_table
from unit_costs import attempts

from forge_arena.scenarios import scenario_folder
from forge_arena.types import Split
from forge_server.access import Caller
from forge_server.store import Store
from full_store import MINE, PERSON, episode_id, fill
from recount import recount

ROUNDS = int(os.environ.get("FORGE_ARENA_BENCH_ROUNDS", "3"))
# Episodes a round.
EPISODES = int(os.environ.get("FORGE_ARENA_BENCH_EPISODES", "64"))
# How often each question is asked in a round.
LOOKS = 5
CONNECTIONS = 16
STORED = (1_000, 1_000_000)
# Runs, curricula and entries for the leaderboard, for each hundred stored episodes.
OTHERS = 100
# The families that get a long source.
FAMILIES = ("bicycle_repair", "gym_membership", "boiler_cover")
PEOPLE = ("assistant", "cleaner", "cook", "driver", "gardener", "guard", "helper", "painter", "porter", "visitor")
ACTS = (
    "brings",
    "carries",
    "checks",
    "cleans",
    "counts",
    "dries",
    "folds",
    "holds",
    "lifts",
    "lists",
    "moves",
    "packs",
)
THINGS = (
    "basket",
    "brush",
    "crate",
    "drawer",
    "file",
    "handle",
    "hook",
    "jacket",
    "ladder",
    "lamp",
    "mirror",
    "poster",
)


@dataclass(frozen=True)
class Setting:
    """What one server is asked: so many attempts on each episode, over so many connections."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    attempts: int = 1
    connections: int = CONNECTIONS
    episodes: int = EPISODES


@dataclass
class Costs:
    """Of the rounds of one setting: milliseconds of CPU an episode, and the seconds of each request."""

    cpu: list[float] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)
    judging: list[float] = field(default_factory=list)


def play(url: str, keys: Sequence[str], attempts_each: int, connections: int) -> tuple[list[float], list[float]]:
    """Open each key by name, so that it is made at that moment, and judge it in one request; the seconds of both."""
    return asyncio.run(_play(url, keys, attempts_each, connections))


async def _play(url: str, keys: Sequence[str], attempts_each: int, connections: int) -> tuple[list[float], list[float]]:
    opening: list[float] = []
    judging: list[float] = []
    left = iter(keys)

    async def post(http: aiohttp.ClientSession, path: str, body: object, seconds: list[float]) -> Any:
        begin = time.perf_counter()
        async with http.post(url + path, json=body) as response:
            answer = await response.read()
            assert response.status == 200, answer[:500]
        seconds.append(time.perf_counter() - begin)
        return json.loads(answer)

    async def client(http: aiohttp.ClientSession) -> None:
        for key in left:
            opened = await post(http, "/v1/episodes", {"keys": [key], "attempts": attempts_each}, opening)
            (episode,) = opened["episodes"]
            await post(http, "/v1/verdicts", {"verdicts": list(attempts(episode, attempts_each))}, judging)

    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        await asyncio.gather(*(client(http) for _ in range(connections)))
    return opening, judging


def first_keys(server: Child) -> str:
    """What the keys of a server's train split begin with."""
    stats = _get(server, "/v1/stats")
    return f"{stats['suite']}:{stats['version']}:train"


def _get(server: Child, path: str) -> Any:
    async def get() -> Any:
        async with aiohttp.ClientSession() as http, http.get(server.url + path) as response:
            return await response.json()

    return asyncio.run(get())


def measure(group: str, settings: Sequence[Setting], folder: Path, pool: ProcessPoolExecutor) -> None:
    """Play the settings of a group in turns, and print a line for each."""
    costs: dict[str, Costs] = defaultdict(Costs)
    memory: dict[str, float] = {}
    with ExitStack() as stack:
        servers: list[tuple[Setting, Child, str]] = []
        for number, setting in enumerate(settings):
            asked = {"store": folder / f"{group}-{number}.db", "stock": 1, **setting.settings}
            server = stack.enter_context(serving(**asked))
            servers.append((setting, server, first_keys(server)))
        for number in range(-1, ROUNDS):
            for setting, server, prefix in servers:
                # The first round is there to warm up. Far from the stock, so that no key was played before.
                keys = [f"{prefix}:{1_000 + (number + 1) * setting.episodes + n}" for n in range(setting.episodes)]
                before = server.cpu_seconds()
                opening, judging = pool.submit(play, server.url, keys, setting.attempts, setting.connections).result()
                spent = server.cpu_seconds() - before
                if number >= 0:
                    costs[setting.name].cpu.append(1000 * spent / setting.episodes)
                    costs[setting.name].opening += opening
                    costs[setting.name].judging += judging
                memory[setting.name] = max(memory.get(setting.name, 0.0), server.rss_bytes() / 1e6)
    rows: list[dict[str, object]] = [
        {
            group: setting.name,
            "CPU ms an episode": statistics.median(costs[setting.name].cpu),
            "least": min(costs[setting.name].cpu),
            "most": max(costs[setting.name].cpu),
            "p99 ms to open": 1000 * percentile(costs[setting.name].opening),
            "p99 ms to judge": 1000 * percentile(costs[setting.name].judging),
            "MB": memory[setting.name],
        }
        for setting in settings
    ]
    write_table(group, rows)


def percentile(seconds: Sequence[float], share: float = 0.99) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def long_families(folder: Path, words: int) -> str:
    """A set of families whose sources have about so many words. Each draw has other sentences, so that nothing that was
    read for one episode helps to read the next."""
    short = scenario_folder() / "short"
    (folder / "customer_support").mkdir(parents=True)
    (folder / "vocabulary.yaml").write_text((short / "vocabulary.yaml").read_text())
    rng = random.Random(words)
    for name in FAMILIES:
        family = yaml.safe_load((short / "customer_support" / f"{name}.yaml").read_text())
        sections = family["source"]["sections"]
        many = sum(len(section["text"].split()) for section in sections)
        while many < words:
            text = " ".join(_sentence(rng) for _ in range(8))
            sections.insert(rng.randrange(len(sections)), {"id": f"more{len(sections)}", "text": text})
            many += len(text.split())
        family["source"]["words"] = [words // 2, 2 * words]
        # JSON is YAML.
        (folder / "customer_support" / f"{name}.yaml").write_text(json.dumps(family))
    return str(folder)


def _sentence(rng: random.Random) -> str:
    """A sentence with four choices of six words each: 1,296 wordings, one of which has a number."""

    def some(words: Sequence[str]) -> str:
        return f"$[{'|'.join(rng.sample(words, 6))}]"

    many = f"{rng.randrange(3, 99)} " if rng.random() < 0.2 else "the "
    plural = "s" if many != "the " else ""
    return f"The {some(PEOPLE)} {some(ACTS)} {many}{some(THINGS)}{plural} beside the {some(THINGS)}."


def source(folder: Path, pool: ProcessPoolExecutor) -> None:
    measure(
        "words of source",
        [
            Setting(f"{words:,}", {"scenarios": long_families(folder / str(words), words)}, episodes=episodes)
            for words, episodes in ((500, EPISODES), (5_000, EPISODES), (30_000, max(CONNECTIONS, EPISODES // 4)))
        ],
        folder,
        pool,
    )


def attempts_of_one(folder: Path, pool: ProcessPoolExecutor) -> None:
    measure("attempts", [Setting(str(count), attempts=count) for count in (1, 16, 64)], folder, pool)


def stored(folder: Path, pool: ProcessPoolExecutor) -> None:
    settings = [Setting(f"{count:,}", {"store": filled(folder, count)}) for count in STORED]
    measure("stored episodes", settings, folder, pool)


def connections(folder: Path, pool: ProcessPoolExecutor) -> None:
    counts = (1, 64, 512)
    measure(
        "connections",
        [Setting(str(count), connections=count, episodes=max(EPISODES, count)) for count in counts],
        folder,
        pool,
    )


READS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "the counts of /v1/stats and Live": lambda store: store.counts(["test"]),
    "every row counted, as before schema 10": lambda store: store._read(recount, ["test"]),
    "the newest 500 finished episodes": lambda store: finished(store),
    "those of the split val": lambda store: finished(store, splits=["val"]),
    "those of one token": lambda store: finished(store, owner=MINE),
    "the plays of one person": lambda store: store.plays(PERSON),
    "an episode with its verdict": lambda store: store.load([episode_id(5)]),
    "the entries of one token": lambda store: store.submissions("another suite", Caller(MINE, admin=False), None),
    "the newest runs of all tokens": lambda store: store.runs(Caller("", admin=True)),
    "the revision of the curriculum": lambda store: store.curriculum_revision("forge:5"),
    "the search for expired episodes": lambda store: store.expire(0.0),
}


def finished(store: Store, owner: str | None = None, splits: Sequence[str] = tuple(Split)) -> Awaitable[object]:
    return store.finished_episodes(owner=owner, splits=splits, before=None, limit=500)


def reads(folder: Path, pool: ProcessPoolExecutor) -> None:
    """What questions cost the store, in this process, where it holds few episodes and where it holds many."""
    stores = {count: Store(f"sqlite:///{filled(folder, count)}") for count in STORED}
    costs: dict[tuple[str, int], list[float]] = defaultdict(list)
    for number in range(-1, ROUNDS):
        for name, question in READS.items():
            for count, store in stores.items():
                begin = time.process_time()
                asyncio.run(_repeat(question, store))
                if number >= 0:
                    costs[name, count].append(1000 * (time.process_time() - begin) / LOOKS)
    rows: list[dict[str, object]] = []
    for name in READS:
        row: dict[str, object] = {"question": name}
        rows.append(row | {f"CPU ms, {count:,} stored": statistics.median(costs[name, count]) for count in STORED})
    for store in stores.values():
        store.close()
    write_table("questions to the store", rows)


async def _repeat(question: Callable[[Store], Awaitable[object]], store: Store) -> None:
    for _ in range(LOOKS):
        await question(store)


def filled(folder: Path, count: int) -> Path:
    """A store with so many episodes."""
    path = folder / f"stored-{count}.db"
    if not path.exists():
        # As long as the payload of an episode.
        fill(f"sqlite:///{path}", count, others=count // OTHERS, payload=random.Random(0).randbytes(6_000))
    return path


GROUPS = {
    "source": source,
    "attempts": attempts_of_one,
    "stored": stored,
    "connections": connections,
    "reads": reads,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for group in sys.argv[1:] or GROUPS:
            GROUPS[group](Path(name), pool)


if __name__ == "__main__":
    main()
