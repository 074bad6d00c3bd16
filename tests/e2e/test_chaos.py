"""Kill, fill, stop and turn the clock of a real deployment under load: nothing that a client was told is lost.

Two faults of each kind under a light load. `make chaos` brings many under all the load that six clients can make
(FORGE_ARENA_CHAOS=100), and prints the table of docs/operations.md.
"""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from .. import postgres
from .chaos import Ledger, Replica, compared, play

FAULTS = int(os.environ.get("FORGE_ARENA_CHAOS", "2"))
CLIENTS = 6
IN_FULL = "FORGE_ARENA_CHAOS" in os.environ
# Without pauses the clients take all the processors that the other tests need.
PAUSE = 0.0 if IN_FULL else 0.1
# The short families load in a third of the time, and a server starts here two dozen times.
SCENARIOS = None if IN_FULL else "short"
REPLICAS = 3 if IN_FULL else 2
SEED = 20261127
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")

pytestmark = pytest.mark.slow


@contextmanager
def deployed(
    count: int, store: str, folder: Path, environment: dict[str, str] | None = None
) -> Iterator[list[Replica]]:
    replicas = [Replica(store, folder / f"server-{n}.log", environment, SCENARIOS) for n in range(count)]
    try:
        for replica in replicas:
            replica.wait()
        yield replicas
    finally:
        for replica in replicas:
            if replica.child.poll() is None:
                replica.end(signal.SIGTERM)


def settled(ledgers: list[Ledger], store: str, fault: str, faults: int, seconds: float) -> None:
    """Nothing lost, nothing changed, nothing made up; and say what there was."""
    found = compared(ledgers, store)
    assert [line for ledger in ledgers for line in ledger.wrong] == []
    assert found.answered > 0
    assert (found.lost_episodes, found.lost_verdicts, found.changed) == ([], [], [])
    assert (found.never_sent, found.miscounted) == ([], [])
    row = {
        "fault": fault,
        "faults": faults,
        "seconds": round(seconds),
        "episodes told": found.told,
        "verdicts answered": found.answered,
        "lost": 0,
        "scored twice": 0,
        "longest wait s": round(max(ledger.longest_wait for ledger in ledgers), 1),
        "tried again": dict(sum((ledger.troubles for ledger in ledgers), Counter())),
    }
    print("\n" + json.dumps(row))
    if path := os.environ.get("FORGE_ARENA_CHAOS_JSON"):
        with Path(path).open("a") as file:
            file.write(json.dumps(row) + "\n")


def repeatedly(fault: Callable[[random.Random], None], faults: int = FAULTS) -> Callable[[], None]:
    """The fault so many times, at random moments."""
    rng = random.Random(SEED)

    def happen() -> None:
        for _ in range(faults):
            time.sleep(rng.uniform(0.3, 1.5))
            fault(rng)
        time.sleep(1)

    return happen


def restarted(replicas: list[Replica], how: signal.Signals) -> Callable[[random.Random], None]:
    def fault(rng: random.Random) -> None:
        replica = rng.choice(replicas)
        replica.end(how)
        replica.start()
        replica.wait()

    return fault


# Of one server, tests/server/test_serve.py has the short form.
@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.nightly), 2])
def test_kill_9_of_a_server_on_sqlite(tmp_path: Path, count: int) -> None:
    store = f"sqlite:///{tmp_path}/arena.db"
    with deployed(count, store, tmp_path) as replicas:
        begin = time.monotonic()
        ledgers = play([r.url for r in replicas], CLIENTS, repeatedly(restarted(replicas, signal.SIGKILL)), pause=PAUSE)
        seconds = time.monotonic() - begin
    settled(ledgers, store, f"kill -9 of one of {count} on SQLite", FAULTS, seconds)


def test_kill_9_of_replicas_on_postgres(tmp_path: Path, running_postgres: postgres.Postgres) -> None:
    store = running_postgres.url(uuid4().hex)
    with deployed(REPLICAS, store, tmp_path) as replicas:
        begin = time.monotonic()
        ledgers = play([r.url for r in replicas], CLIENTS, repeatedly(restarted(replicas, signal.SIGKILL)), pause=PAUSE)
        seconds = time.monotonic() - begin
    settled(ledgers, store, f"kill -9 of one of {REPLICAS} replicas on Postgres", FAULTS, seconds)


def test_kill_9_of_postgres(tmp_path: Path) -> None:
    if postgres.program("initdb") is None:
        pytest.skip("there is no Postgres here: install Debian's package postgresql")
    with postgres.running(durable=True) as database:
        store = database.url("arena")

        def fault(rng: random.Random) -> None:
            database.kill()
            time.sleep(rng.uniform(0.0, 0.5))
            database.start()

        with deployed(2, store, tmp_path) as replicas:
            begin = time.monotonic()
            ledgers = play([r.url for r in replicas], CLIENTS, repeatedly(fault), pause=PAUSE)
            seconds = time.monotonic() - begin
        settled(ledgers, store, "kill -9 of Postgres under 2 replicas", FAULTS, seconds)


def test_a_rolling_restart_under_load(tmp_path: Path, running_postgres: postgres.Postgres) -> None:
    store = running_postgres.url(uuid4().hex)
    with deployed(2, store, tmp_path) as replicas:

        def rolling() -> None:
            for number in range(FAULTS):
                replica = replicas[number % len(replicas)]
                time.sleep(0.5)
                replica.end(signal.SIGTERM)
                replica.start()
                replica.wait()
            time.sleep(0.5)

        begin = time.monotonic()
        ledgers = play([r.url for r in replicas], CLIENTS, rolling, pause=PAUSE)
        seconds = time.monotonic() - begin
    settled(ledgers, store, "rolling restart of 2 replicas", FAULTS, seconds)


def test_a_full_disk(tmp_path: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit here: install Debian's package util-linux")
    store = f"sqlite:///{tmp_path}/arena.db"
    with deployed(1, store, tmp_path) as (replica,):

        def fault(rng: random.Random) -> None:
            replica.fill_disk()
            time.sleep(rng.uniform(0.5, 1.0))
            replica.free_disk()

        begin = time.monotonic()
        ledgers = play([replica.url], CLIENTS, repeatedly(fault), pause=PAUSE)
        seconds = time.monotonic() - begin
        assert replica.child.poll() is None, "a full disk must not end the server"
    settled(ledgers, store, "a full disk under SQLite", FAULTS, seconds)
    assert sum(ledger.troubles["503 infra_failed"] for ledger in ledgers) > 0


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    if not FAKETIME.exists():
        pytest.skip("there is no libfaketime here: install Debian's package faketime")
    store, clock = f"sqlite:///{tmp_path}/arena.db", tmp_path / "clock"
    clock.write_text("+0")
    # Under libfaketime time.sleep fails or sleeps for as long as the clock jumped. The server of this test sleeps by
    # select, which takes a length of time and no clock.
    (tmp_path / "sitecustomize.py").write_text(
        "import select, time\ntime.sleep = lambda seconds: select.select((), (), (), seconds)\n"
    )
    faked = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }

    def fault(rng: random.Random) -> None:
        clock.write_text(rng.choice(("-3600", "+3600", "+604800", "-604800", "+0")))

    with deployed(1, store, tmp_path, faked) as (replica,):
        begin = time.monotonic()
        ledgers = play([replica.url], CLIENTS, repeatedly(fault), pause=PAUSE)
        seconds = time.monotonic() - begin
    settled(ledgers, store, "the clock jumps by up to a week", FAULTS, seconds)
