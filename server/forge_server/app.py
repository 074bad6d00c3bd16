"""The HTTP app over an arena, and the process that serves it.

Why FastAPI, but with bodies read and answers encoded by hand (`body`, `answers`, `documentation`)?

- Plain FastAPI reads bodies leniently: "1" passes for a number, the last of two equal keys wins, and a refusal repeats
  what was sent. A verdict must have one meaning, and no text of an overseer may come back. It also reads a body before
  the route can limit the number of its keys, and validates and encodes each answer twice, once as our model and once as
  its own, although the model has just been made here.
- Plain Starlette would serve the same routes, but knows nothing of OpenAPI: parameters, refusals and components would
  all be written by hand. FastAPI derives them from the routes; only the bodies have to be named (`route_documentation`).
"""

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

import forge_arena
from forge_arena.episodes import SUITE, Arena
from forge_arena.errors import ScenarioError
from forge_arena.scenarios import Source, open_set
from forge_arena.scenarios.documents import load_documents, suite_of
from forge_arena.workers import open_worker
from forge_server import logs
from forge_server.answers import HANDLERS
from forge_server.documentation import openapi
from forge_server.gate import Gate
from forge_server.openenv_routes import add_openenv_routes
from forge_server.routes import routes
from forge_server.service import Service
from forge_server.settings import Settings, SettingsError
from forge_server.store import Store

DESCRIPTION = """
Train and score overseers: open episodes, look at the observation, give a verdict, get a reward.

A refused request changes nothing, and its `code` is stable. A failure of the Worker or of the server is never a score:
`reward` is null, or the request is refused with `Retry-After`. Sending the same verdict again is safe: it gets the same
answer again.
"""


def create_app(settings: Settings, arena: Arena) -> FastAPI:
    """The app over an arena. Its lifespan starts and ends the Worker. Until the Worker is ready, `/v1` answers 503."""
    service = Service(settings, arena)
    app = FastAPI(
        title="ForgeArena",
        version=forge_arena.__version__,
        description=DESCRIPTION,
        lifespan=service.run,
        exception_handlers=HANDLERS,
        # FastAPI's own pages fetch scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.add_middleware(
        Gate,
        settings=settings,
        metrics=service.metrics,
        waiting_for=service.waiting_for,
        leaving=lambda: service.leaving(),
    )
    for route in routes(service):
        route.add_to(app)
    add_openenv_routes(app, service, settings.sessions)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]  # the way FastAPI documents
    return app


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Prints the URL once an episode can be had, as JSON if the log is JSON.

    Raises:
        SettingsError: the address, the store, the Worker or the scenarios cannot be used.
        WorkerFailed: the Worker does not start.
    """
    logs.configure(settings.log_level, settings.log_json)
    logs.take_over(settings.log_level, settings.log_json)
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
    gc.set_threshold(20_000, 20, 20)


async def _serve(settings: Settings) -> None:
    listener = _listen(settings)
    app = create_app(settings, _make_arena(settings))
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


def _make_arena(settings: Settings) -> Arena:
    try:
        store = Store(settings.store)
    except (ValueError, SQLAlchemyError) as error:
        raise SettingsError(f"store: {getattr(error, 'orig', None) or error}") from None
    secret = settings.secret or store.secret()
    store.close()
    try:
        worker = open_worker(
            settings.worker,
            api_key=settings.api_key,
            vllm_executable=settings.vllm,
            vllm_args=settings.vllm_args,
            concurrency=settings.concurrency,
        )
    except ValueError as error:
        raise SettingsError(f"worker: {error}") from None
    sources, suite = _sources(settings)
    return Arena(
        worker, secret=secret, mechanism=settings.mechanism, probes=settings.probes, sources=sources, suite=suite
    )


def _sources(settings: Settings) -> tuple[Sequence[Source] | None, str]:
    """The sources to play, None for the built-in families; and the suite that names their keys."""
    try:
        if settings.scenarios is not None:
            return open_set(settings.scenarios)
        if settings.documents is not None:
            documents = load_documents(settings.documents)
            return documents, suite_of(documents)
    except (ScenarioError, OSError) as error:
        raise SettingsError(f"{'documents' if settings.scenarios is None else 'scenarios'}: {error}") from None
    return None, SUITE


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}") from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
