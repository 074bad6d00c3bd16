"""Break a real deployment while clients play, and hold what they were told against what the store has.

Clients keep a ledger of their own: every episode that they were told of, every verdict that was answered with 200. They
retry as any client would, now and then send a verdict twice or another one in its place. In the end the store must have
every episode and every answered verdict as it was answered, and no more verdicts than were sent.
"""

import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from sqlalchemy import create_engine, func
from sqlalchemy import select as choose

from forge_server.reads import counts
from forge_server.rows import Counts
from forge_server.schema import episodes, verdicts

from ..recount import recount
from ..server_process import ServerProcess, free_port, serving

PATIENCE = 120.0


class Replica(ServerProcess):
    """A server process on a port of its own, which it keeps when it is started again."""

    def __init__(
        self, store: str, log: Path, environment: dict[str, str] | None = None, scenarios: str | None = None
    ) -> None:
        asked = serving(port=free_port(), store=store, stock=8, log_level="warning", scenarios=scenarios)
        super().__init__(*asked, log=log, environment=environment)

    def wait(self, seconds: float = 90) -> Self:
        super().wait(seconds)
        assert "ready at" in self.line, self.errors()[-3_000:]
        return self

    def fill_disk(self) -> None:
        """From now on no file of the process may grow: to it, the disk is full."""
        subprocess.run(["prlimit", "--pid", str(self.child.pid), "--fsize=4096:"], check=True)

    def free_disk(self) -> None:
        subprocess.run(["prlimit", "--pid", str(self.child.pid), "--fsize=unlimited:"], check=True)


@dataclass
class Ledger:
    """What the clients were told, and what they had to put up with."""

    told: dict[str, str] = field(default_factory=dict)
    sent: set[tuple[str, int]] = field(default_factory=set)
    answered: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    troubles: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest_wait: float = 0.0


class Client(threading.Thread):
    """Opens episodes, judges them twice each, and never takes no for an answer."""

    def __init__(self, urls: Sequence[str], seed: int, stop: threading.Event, pause: float) -> None:
        super().__init__(name=f"client-{seed}", daemon=True)
        self.ledger = Ledger()
        self.failure: Exception | None = None
        self._urls = urls
        self._rng = random.Random(seed)
        self._over = stop
        self._pause = pause

    def run(self) -> None:
        try:
            with httpx.Client(timeout=20) as http:
                while not self._over.is_set():
                    self._play(http)
                    time.sleep(self._pause)
        except Exception as failure:  # noqa: BLE001 - told to the test, which fails with it
            self.failure = failure

    def _play(self, http: httpx.Client) -> None:
        for opened in self._ask(http, "/v1/episodes", {"count": 2, "attempts": 2}, (200,)).json()["episodes"]:
            id = opened["episode_id"]
            self.ledger.told[id] = opened["key"]
            for attempt in range(2):
                self._send_verdict(http, id, attempt)

    def _send_verdict(self, http: httpx.Client, id: str, attempt: int) -> None:
        verdict = {"detection": self._rng.random() < 0.5, "explanation": "", "correction": "", "confidence": 0.6}
        body = {"verdicts": [{"episode_id": id, "attempt": attempt, "verdict": verdict}]}
        self.ledger.sent.add((id, attempt))
        answer = self._ask(http, "/v1/verdicts", body, (200, 410))
        if answer.status_code == 410:
            self.ledger.troubles["410 expired"] += 1
            return
        (result,) = answer.json()["results"]
        self.ledger.answered[id, attempt] = result
        if self._rng.random() < 0.2:
            (again,) = self._ask(http, "/v1/verdicts", body, (200,)).json()["results"]
            if {**again, "truth": None} != {**result, "truth": None}:
                self.ledger.wrong.append(f"{id} {attempt}: {again} after {result}")
        if self._rng.random() < 0.1:
            body["verdicts"][0]["verdict"] = {**verdict, "detection": not verdict["detection"]}
            self._ask(http, "/v1/verdicts", body, (409,))

    def _ask(self, http: httpx.Client, path: str, body: dict[str, Any], wanted: tuple[int, ...]) -> httpx.Response:
        begin = time.monotonic()
        while True:
            try:
                response = http.post(self._rng.choice(self._urls) + path, json=body)
                if response.status_code in wanted:
                    self.ledger.longest_wait = max(self.ledger.longest_wait, time.monotonic() - begin)
                    return response
                if response.status_code not in (429, 503):
                    raise AssertionError(f"{path} was answered {response.status_code}: {response.text[:500]}")
                self.ledger.troubles[f"{response.status_code} {response.json()['error']['code']}"] += 1
            except httpx.TransportError as error:
                self.ledger.troubles[type(error).__name__] += 1
            if time.monotonic() - begin > PATIENCE:
                raise AssertionError(f"{path} was not answered in {PATIENCE:g} s; {dict(self.ledger.troubles)}")
            time.sleep(self._rng.uniform(0.02, 0.2))


@dataclass(frozen=True)
class Verdicts:
    """What the comparison found: each but the first two must be empty."""

    told: int
    answered: int
    lost_episodes: list[str]
    lost_verdicts: list[tuple[str, int]]
    changed: list[str]
    never_sent: list[tuple[str, int]]
    miscounted: list[str]


def compared(ledgers: Sequence[Ledger], store: str) -> Verdicts:
    """Hold the clients' ledgers against the store."""
    engine = create_engine(store)
    with engine.connect() as connection:
        kept = {row.id: row for row in connection.execute(choose(episodes.c.id, episodes.c.key, episodes.c.made))}
        stored = {(row.episode_id, row.attempt): row for row in connection.execute(choose(verdicts))}
        counted = dict(
            connection.execute(choose(verdicts.c.episode_id, func.count()).group_by(verdicts.c.episode_id)).all()
        )
        wrong_counts = counts_that_differ(counts(connection, ()), recount(connection))
    engine.dispose()
    told = {id: key for ledger in ledgers for id, key in ledger.told.items()}
    answered = {place: result for ledger in ledgers for place, result in ledger.answered.items()}
    sent = {place for ledger in ledgers for place in ledger.sent}
    return Verdicts(
        told=len(told),
        answered=len(answered),
        lost_episodes=[id for id, key in told.items() if id not in kept or kept[id].key != key],
        lost_verdicts=[place for place in answered if place not in stored],
        changed=[
            f"{place}: {stored[place].reward} stored, {result['reward']} answered"
            for place, result in answered.items()
            if place in stored
            and (stored[place].reward, stored[place].outcome) != (result["reward"], result["outcome"])
        ],
        never_sent=[place for place in stored if place not in sent],
        miscounted=[*(id for id, row in kept.items() if row.made != counted.get(id, 0)), *wrong_counts],
    )


def counts_that_differ(kept: Counts, counted: Counts) -> list[str]:
    """Where what the store says of its rows is not what they are."""
    pairs = [(name, getattr(kept, name), getattr(counted, name)) for name in Counts.__slots__]
    # The sum of the rewards was rounded in another order.
    wrong = [pair for pair in pairs if pair[1] != (pytest.approx(pair[2]) if pair[0] == "mean_reward" else pair[2])]
    return [f"{name}: the store says {says}, and has {has}" for name, says, has in wrong]


def play(urls: Sequence[str], clients: int, happen: Callable[[], None], *, pause: float = 0.0) -> list[Ledger]:
    """Let clients play while `happen` breaks things. A client pauses so many seconds after two episodes.

    Raises:
        Exception: a client got an answer that it may not get.
    """
    over = threading.Event()
    players = [Client(urls, seed, over, pause) for seed in range(clients)]
    for player in players:
        player.start()
    try:
        happen()
    finally:
        over.set()
        for player in players:
            player.join(PATIENCE + 60)
    for player in players:
        if player.failure is not None:
            raise player.failure
    return [player.ledger for player in players]
