"""Run the app in this process: refuse settings that cannot be used, serve what a socket brings, and end on a signal.

FastAPI and SQLAlchemy take a second to import. So the Worker and the scenarios are opened first, and a setting that is
wrong is refused at once.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forge_arena.collector import make_rounds_rarer, spare_the_collector
from forge_arena.documents.playing import open_sources
from forge_arena.episodes import Arena
from forge_arena.errors import ScenarioError
from forge_arena.reader import Reader, open_reader
from forge_arena.scenarios import Source
from forge_arena.tools import ToolProfile, ToolProfileError, tool_profile
from forge_arena.workers import Worker, open_worker
from forge_server.settings import SQLITE, Settings, SettingsError
from forge_server.siblings import Siblings

if TYPE_CHECKING:
    from forge_server.service import Service

# Seconds in which requests may finish once the server is told to end.
GRACE = 30
# Seconds that a connection stays open without a request: longer than clients keep it (aiohttp 15, httpx 5). Otherwise a
# client can send a request at the moment at which its connection is closed, and gets no answer. The head of a request
# must arrive within as many seconds (`connections`).
KEEP_ALIVE = 75


async def run_server(
    settings: Settings,
    open_listener: Callable[[Callable[[], None]], socket.socket],
    tell_ready: Callable[[], None],
    siblings: Siblings | None = None,
) -> None:
    """Serve in this process until SIGINT or SIGTERM.

    Args:
        open_listener: gives the socket from which connections are accepted. It gets a function that ends the server.
        tell_ready: is called once an episode can be had.
        siblings: the other processes of this server, if it has several.

    Raises:
        SettingsError: the address, the store, the Worker or the scenarios cannot be used.
        WorkerFailed: the Worker does not start.
    """
    # From here on, because modules and scenario files are a million objects and no garbage: the usual rounds take a
    # quarter of a second of the start.
    make_rounds_rarer()
    worker = _open_worker(settings)
    sources, suite = _sources(settings)
    ending = asyncio.Event()
    listener = open_listener(ending.set)
    # Asked for even if another secret is given, because a store that cannot be used is refused at once.
    kept_secret = _secret_in_store(settings)
    arena = Arena(
        worker,
        secret=settings.secret or kept_secret,
        mechanism=settings.mechanism,
        awareness=settings.awareness,
        candour=settings.candour,
        probes=settings.probes,
        revisions=settings.revisions,
        reader=_open_reader(settings, worker),
        sources=sources,
        suite=suite,
        tools=_tools(settings),
    )
    import uvicorn

    from forge_server.app import create_app
    from forge_server.connections import Connection, note_failure

    app = create_app(settings, arena, siblings)
    spare_the_collector()
    service: Service = app.state.service
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            ws_max_size=settings.batch_limit,
            # To compress a frame costs more than to send it over the networks between trainers and servers.
            ws_per_message_deflate=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
    )
    service.leaving = lambda: server.should_exit
    asyncio.get_running_loop().set_exception_handler(note_failure)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ready, stopped, ended = (asyncio.create_task(e.wait()) for e in (service.ready, service.stopped, ending))
    await asyncio.wait([serving, ready, stopped, ended], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        tell_ready()
    await asyncio.wait([serving, stopped, ended], return_when=asyncio.FIRST_COMPLETED)
    for task in (ready, stopped, ended):
        task.cancel()
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
    name = "scenarios" if settings.documents is None else "documents"
    try:
        return open_sources(documents=settings.documents, scenarios=settings.scenarios, load=settings.load)
    except ScenarioError as error:
        raise SettingsError(f"{name}: {error}") from None
    except OSError as error:
        raise SettingsError(f"{name}: {error.filename}: {error.strerror}") from None


def _tools(settings: Settings) -> ToolProfile:
    try:
        return tool_profile(settings.tool_profile)
    except ToolProfileError as error:
        raise SettingsError(f"tool_profile: {error}") from None


def _secret_in_store(settings: Settings) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from forge_server.store import Store

    try:
        store = Store(settings.store)
    except (ValueError, SQLAlchemyError) as error:
        # The URL of a Postgres may hold a password.
        file = f"{settings.store.removeprefix(SQLITE)}: " if settings.store.startswith(SQLITE) else ""
        raise SettingsError(f"store: {file}{getattr(error, 'orig', None) or error}") from None
    secret = store.secret()
    store.close()
    return secret
