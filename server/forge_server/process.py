"""The process that serves the app: refuse settings that cannot be used, listen, and run until a signal.

FastAPI and SQLAlchemy take a second to import. So the Worker and the scenarios are opened first, and a setting that is
wrong is refused at once.
"""

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from forge_arena.documents.playing import open_sources
from forge_arena.episodes import Arena
from forge_arena.errors import ScenarioError
from forge_arena.reader import Reader, open_reader
from forge_arena.scenarios import Source
from forge_arena.workers import Worker, open_worker
from forge_server import logs
from forge_server.settings import Settings, SettingsError

if TYPE_CHECKING:
    from forge_server.service import Service

# After how many new objects the garbage collector makes a round, and how much rarer its larger rounds are.
RARE_ROUNDS = (20_000, 20, 20)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Prints the URL once an episode can be had, as JSON if the log is JSON.

    Raises:
        SettingsError: the address, the store, the Worker or the scenarios cannot be used.
        WorkerFailed: the Worker does not start.
    """
    logs.configure(settings.log_level, settings.log_json)
    logs.take_over(settings.log_level, settings.log_json)
    # From here on, because modules and scenario files are a million objects and no garbage: the usual rounds take a
    # quarter of a second of the start.
    gc.set_threshold(*RARE_ROUNDS)
    # After it has shut down, uvicorn raises the signal again.
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings))


def spare_the_collector() -> None:
    """Keep the garbage collector from scanning what was loaded at the start, and make its rounds rarer.

    Requests and episodes make thousands of short-lived objects and no cycles. Because of them, the collector would scan
    the scenario files again and again. Measured on Python 3.11, with two verdicts on each of 768 episodes
    (`python tests/bench/collector.py`): 10.4 ms of CPU an episode with this, 13.6 ms without.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARE_ROUNDS)


async def _serve(settings: Settings) -> None:
    worker = _open_worker(settings)
    sources, suite = _sources(settings)
    listener = _listen(settings)
    arena = Arena(
        worker,
        secret=settings.secret or _secret_in_store(settings),
        mechanism=settings.mechanism,
        probes=settings.probes,
        revisions=settings.revisions,
        reader=_open_reader(settings, worker),
        sources=sources,
        suite=suite,
    )
    import uvicorn

    from forge_server.app import create_app

    app = create_app(settings, arena)
    spare_the_collector()
    service: Service = app.state.service
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            ws_max_size=settings.batch_limit,
            timeout_graceful_shutdown=30,
        )
    )
    service.leaving = lambda: server.should_exit
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ready = asyncio.create_task(service.ready.wait())
    stopped = asyncio.create_task(service.stopped.wait())
    await asyncio.wait([serving, ready, stopped], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        url = _url(listener)
        line = json.dumps({"event": "serving", "url": url}) if settings.log_json else f"ForgeArena is ready at {url}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    stopped.cancel()
    server.should_exit = True
    await serving
    if service.failure is not None:
        raise service.failure


def _open_worker(settings: Settings) -> Worker:
    try:
        return open_worker(
            settings.worker,
            api_key=settings.api_key,
            vllm_executable=settings.vllm,
            vllm_args=settings.vllm_args,
            concurrency=settings.concurrency,
        )
    except ValueError as error:
        raise SettingsError(f"worker: {error}") from None


def _open_reader(settings: Settings, worker: Worker) -> Reader | None:
    if settings.reader is None:
        return None
    try:
        return open_reader(
            settings.reader,
            worker,
            api_key=settings.reader_api_key,
            vllm_executable=settings.vllm,
            vllm_args=settings.vllm_args,
            concurrency=settings.concurrency,
        )
    except ValueError as error:
        raise SettingsError(f"reader: {error}") from None


def _sources(settings: Settings) -> tuple[Sequence[Source], str]:
    """The sources to play, and the suite that names their keys."""
    try:
        return open_sources(documents=settings.documents, scenarios=settings.scenarios, load=settings.load)
    except (ScenarioError, OSError) as error:
        raise SettingsError(f"{'scenarios' if settings.documents is None else 'documents'}: {error}") from None


def _secret_in_store(settings: Settings) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from forge_server.store import Store

    try:
        store = Store(settings.store)
    except (ValueError, SQLAlchemyError) as error:
        raise SettingsError(f"store: {getattr(error, 'orig', None) or error}") from None
    secret = store.secret()
    store.close()
    return secret


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}") from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
