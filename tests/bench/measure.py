"""Measure a server by the CPU time of its process: start it as a child, load it from another one, read /proc."""

import asyncio
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

import server_process


@dataclass(frozen=True)
class Child:
    """A server process and where it listens."""

    pid: int
    url: str

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, exactly: the ticks in /proc are 10 ms."""
        # clock_getcpuclockid(3) of another process, which Python does not offer.
        return time.clock_gettime((~self.pid << 3) | 2)

    def processes(self) -> list["Child"]:
        """This process, and those that it has started to serve."""
        pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        # Not the tracker of multiprocessing, which does nothing.
        serving = [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return [self, *(Child(int(pid), self.url) for pid in serving)]

    def rss_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def child(*arguments: str, seconds: float = 180, python: str = sys.executable) -> Iterator[Child]:
    """Run a Python program that prints a line ending in its URL once it is ready."""
    server = server_process.ServerProcess(*arguments, python=python).wait(seconds)
    try:
        yield Child(server.child.pid, server.url)
    finally:
        server.end()


def serving(store: Path | str, **settings: Any) -> AbstractContextManager[Child]:
    """The arena's server on an SQLite store, or on the store of a URL."""
    url = f"sqlite:///{store}" if isinstance(store, Path) else store
    return child(*server_process.serving(store=url, log_level="warning", **settings))


@dataclass(frozen=True)
class Load:
    """What a client process is to send: each body once, over so many connections."""

    url: str
    bodies: Sequence[bytes]
    connections: int
    token: str = ""


def send(load: Load) -> tuple[float, list[bytes]]:
    """Send a load from a process of its own; gives back its wall seconds and the answers in order."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (load,))


def _run(load: Load) -> tuple[float, list[bytes]]:
    return asyncio.run(_send(load))


async def _send(load: Load) -> tuple[float, list[bytes]]:
    answers: list[bytes] = [b""] * len(load.bodies)
    positions = iter(range(len(load.bodies)))
    headers = {"content-type": "application/json"}
    if load.token:
        headers["authorization"] = f"Bearer {load.token}"

    async def connection(session: aiohttp.ClientSession) -> None:
        for position in positions:
            async with session.post(load.url, data=load.bodies[position], headers=headers) as response:
                answers[position] = await response.read()
                assert response.status == 200, (response.status, answers[position][:500])

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        start = time.perf_counter()
        await asyncio.gather(*(connection(session) for _ in range(load.connections)))
        return time.perf_counter() - start, answers


def write_table(name: str, rows: list[dict[str, object]]) -> None:
    """Print measurements as a table and, where FORGE_ARENA_BENCH_JSON names a file, add them to it."""
    columns = list(rows[0])
    widths = [max(len(c), *(len(_cell(row[c])) for row in rows)) for c in columns]
    print(f"\n{name}")
    for cells in ([*columns], *([_cell(row[c]) for c in columns] for row in rows)):
        print("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
    if path := os.environ.get("FORGE_ARENA_BENCH_JSON"):
        known = json.loads(Path(path).read_text()) if Path(path).exists() else {}
        Path(path).write_text(json.dumps({**known, name: rows}, indent=2) + "\n")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
