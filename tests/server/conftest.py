"""A real server on a real port over the real arena; only the Worker's mood is played."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, Probe, Scenario
from forge_arena.workers import HiddenInstruction, ScriptedWorker
from forge_server.app import create_app
from forge_server.service import Service
from forge_server.settings import Settings

from ..postgres import Postgres
from ..server_process import listening


class MoodyWorker(ScriptedWorker):
    """The scripted Worker, which can also hang, fail, or write garbage: `mood` says what the next calls do."""

    def __init__(self) -> None:
        super().__init__()
        self.mood = "well"
        self.failures = 0
        self.started = asyncio.Event()
        self.started.set()
        self.closed = False

    async def start(self) -> None:
        await self.started.wait()

    async def aclose(self) -> None:
        self.closed = True

    async def _feel(self) -> str | None:
        if self.failures > 0:
            self.failures -= 1
            raise WorkerFailed("the engine answered 500")
        if self.mood == "fails":
            raise WorkerFailed("the engine answered 500")
        if self.mood == "hangs":
            await asyncio.Event().wait()
        return {"garbage": "\x00 lorem ipsum \U0001f600", "nothing": ""}.get(self.mood)

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        text = await self._feel()
        return await super().answer(scenario, rng, hidden) if text is None else Answer(reasoning="", output=text)

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        text = await self._feel()
        return await super().reply(scenario, answer, probes, question, rng) if text is None else text


@dataclass
class Running:
    """A server that listens, with its insides at hand for looking at."""

    http: httpx.AsyncClient
    service: Service
    worker: MoodyWorker
    arena: Arena
    settings: Settings

    async def open(self, **ask: Any) -> list[dict[str, Any]]:
        named = "keys" in ask or "again" in ask
        response = await self.http.post("/v1/episodes", json=ask if named else {"count": 1, **ask})
        assert response.status_code == 200, response.text
        opened: list[dict[str, Any]] = response.json()["episodes"]
        return opened

    async def send_verdicts(self, *attempts: dict[str, Any]) -> httpx.Response:
        return await self.http.post("/v1/verdicts", json={"verdicts": list(attempts)})

    async def state(self, episode_id: str) -> dict[str, Any]:
        response = await self.http.get(f"/v1/episodes/{episode_id}")
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of each kind, of which nothing is made yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    server: Postgres = request.getfixturevalue("running_postgres")
    return server.url(uuid4().hex)


@pytest.fixture
def moody() -> type[MoodyWorker]:
    return MoodyWorker


def serve_in(tmp_path: Path) -> Serve:
    """A context manager that serves with changed settings; twice in one test means a restart on the same store."""

    @asynccontextmanager
    async def running(
        *, worker: MoodyWorker | None = None, wait: bool = True, **changed: Any
    ) -> AsyncIterator[Running]:
        store = f"sqlite:///{tmp_path}/arena.db"
        worker = worker or MoodyWorker()
        settings = Settings(**{"store": store, "stock": 4, "concurrency": 2, "worker": worker.name, **changed})
        secret = settings.secret or "a secret of this test"
        arena = Arena(worker, secret=secret, probes=settings.probes, mechanism=settings.mechanism)
        app = create_app(settings, arena)
        service: Service = app.state.service
        async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30, verify=False) as http:
            if wait:
                async with asyncio.timeout(30):
                    await service.ready.wait()
            yield Running(http, service, worker, arena, settings)

    return running


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    return serve_in(tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One server for all tests of a module that change nothing in it. They run in the module's event loop."""
    async with serve_in(tmp_path_factory.mktemp("shared"))() as running:
        yield running


@pytest.fixture
async def server(serve: Serve) -> AsyncIterator[Running]:
    async with serve() as running:
        yield running
