"""The HTTP API over the arena: its routes, and the life of a server from start to shutdown."""

import asyncio
import gc
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Path, Query, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import HTMLResponse

import forge_arena
from forge_arena.episodes import SUITE, Arena
from forge_arena.errors import ScenarioError, WorkerFailed
from forge_arena.scenarios import Source, open_set
from forge_arena.scenarios.documents import load_documents, suite_of
from forge_arena.wire import (
    MAX_CELLS,
    OVERSEER_NAME,
    AskProbe,
    Curriculum,
    CurriculumState,
    DifficultyCell,
    EpisodeState,
    Health,
    Leaderboard,
    OpenedEpisodes,
    OpenEpisodes,
    OpenSubmission,
    OwnSubmissions,
    ProbeAnswered,
    Stats,
    Submission,
    SubmitVerdicts,
    VerdictResults,
)
from forge_arena.workers import open_worker
from forge_server import body, logs
from forge_server.answers import HANDLERS, documented, json_answer, openapi, refusals
from forge_server.docs_page import docs_page
from forge_server.episodes import Episodes
from forge_server.errors import Starting
from forge_server.gate import Gate
from forge_server.leaderboard import page
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.openenv_routes import add_openenv_routes
from forge_server.settings import Settings, SettingsError
from forge_server.store import Store

DESCRIPTION = """
Train and score overseers: open episodes, look at the observation, give a verdict, get a reward.

Whatever is refused changes nothing, and its `code` is stable. A failure of the Worker or of the server is never a
score: `reward` is null or the request is refused with `Retry-After`. Sending the same verdict again is safe: it gets
the answer it got before.
"""
# So many answers in a row of which none is usable are worth a line in the log of a server that is ready.
ALARMING = 8
# Seconds after which it is said how long something takes already.
SOON = 10.0
CURRICULUM_KEYS = MAX_CELLS * len(DifficultyCell.model_fields) + len(Curriculum.model_fields)
# A page with names that others chose: nothing in it may run or be fetched.
PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}
SubmissionId = Annotated[str, Path(max_length=64, description="as given by POST /v1/submissions")]
OverseerName = Annotated[str | None, Query(pattern=OVERSEER_NAME, description="only the entries of this name")]
EpisodeId = Annotated[str, Path(max_length=64, description="as given by POST /v1/episodes", examples=["Qh3v…"])]


class Service:
    """What runs behind the routes: store, stock, sweeper and Worker, from the app's start to its end."""

    def __init__(self, settings: Settings, arena: Arena) -> None:
        self.settings = settings
        self.arena = arena
        self.metrics = Metrics()
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self.failure: BaseException | None = None
        self.leaving: Callable[[], bool] = lambda: False
        self._ever_ready = False
        self._begin("starting")
        self._episodes: Episodes | None = None
        self._store: Store | None = None
        self.metrics.watch_making(arena.counts)
        self.metrics.watch_stock(lambda: len(self._episodes.stock) if self._episodes else 0)

    @property
    def episodes(self) -> Episodes:
        if self._episodes is None:
            raise Starting("the server is not ready yet: the store is closed")
        return self._episodes

    def waiting_for(self) -> str | None:
        """What still keeps the server from being ready, or None."""
        if self.ready.is_set():
            return None
        seconds = time.monotonic() - self._since
        parts = [self._reason if seconds < SOON else f"{self._reason}, for {seconds:.0f} s so far"]
        if (complaint := self.arena.usability.complaint()) is not None:
            parts.append(complaint)
        elif self._episodes is not None and self._episodes.stock.trouble:
            parts.append(self._episodes.stock.trouble)
        elif self._hint and seconds >= SOON:
            parts.append(self._hint)
        return "; ".join(parts)

    def _begin(self, reason: str, hint: str = "") -> None:
        """Wait for something else from now on; `hint` is what to look at where that takes long."""
        self._reason = reason
        self._hint = hint
        self._since = time.monotonic()

    async def store_trouble(self) -> str | None:
        """Why nothing can be kept at the moment, or None."""
        return None if self._store is None else await self._store.trouble()

    @asynccontextmanager
    async def run(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the store at once; start the Worker and fill the stock while requests are told to wait."""
        store = Store(self.settings.store, pending=self.settings.pending_writes, metrics=self.metrics)
        self._store = store
        self._episodes = Episodes(self.arena, store, self.settings, self.metrics)
        work = asyncio.create_task(self._work(self._episodes))
        work.add_done_callback(self._ended)
        try:
            yield
        finally:
            if not self._ever_ready and self.failure is None:
                log.error("stopped_before_ready", reason=self.waiting_for())
            self.ready.clear()
            self._begin("the server is shutting down")
            work.cancel()
            await asyncio.wait([work])
            await self.arena.worker.aclose()
            await asyncio.to_thread(store.close)

    def _ended(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled():
            self.ready.clear()
            self.failure = work.exception()
            log.error("stopped", error=repr(self.failure))
        self.stopped.set()

    async def _work(self, episodes: Episodes) -> None:
        watching = asyncio.create_task(self._watch())
        try:
            self._begin(
                f"the Worker {self.settings.worker.partition('@')[0]} is starting",
                "it has answered no chat yet: its model may be loading; otherwise see whether its endpoint hangs",
            )
            try:
                await self.arena.worker.start()
            except WorkerFailed as failure:
                self._begin(f"the Worker did not start: {failure.reason}")
                raise
            self._begin("the first episode is being made")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(episodes.stock.keep_full())
                tasks.create_task(episodes.sweep())
                await episodes.stock.filled_once.wait()
                self.ready.set()
                self._ever_ready = True
                log.info("ready", worker=self.arena.worker.name)
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        """Log again and again why the server is not ready, and later on why the Worker is of no use."""
        usability = self.arena.usability
        while True:
            await asyncio.sleep(self.settings.watch_every)
            if (reason := self.waiting_for()) is not None:
                log.warning("not_ready", reason=reason)
            elif usability.useless >= ALARMING and usability.seconds_without() >= self.settings.watch_every:
                log.warning("worker_unusable", reason=usability.complaint())


def create_app(settings: Settings, arena: Arena) -> FastAPI:
    """The app over an arena. Its lifespan starts and ends the Worker; until that is ready, `/v1` answers 503."""
    service = Service(settings, arena)
    app = FastAPI(
        title="ForgeArena",
        version=forge_arena.__version__,
        description=DESCRIPTION,
        lifespan=service.run,
        exception_handlers=HANDLERS,
        # Theirs fetch scripts from another host.
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

    @app.post("/v1/episodes", summary="Open episodes", **documented(OpenedEpisodes, OpenEpisodes, 403, 422, 503))
    async def open_episodes(request: Request) -> Response:
        """`count` of the stream of a split (optionally with filters), or the ones named by `keys`.

        `form`, or `:clean`, `:corrupted` or `:placebo` at the end of a key, asks for the same draw in that form; not on
        a sealed test split. Plain `count` on train is served from stock. Single failures are listed in `failed`; if all fail, it is 503.
        """
        ask = await body.read(request, OpenEpisodes)
        return json_answer(await service.episodes.open(ask, request.state.caller))

    @app.post(
        "/v1/verdicts",
        summary="Give verdicts",
        **documented(VerdictResults, SubmitVerdicts, 404, 409, 410, 422, 503),
    )
    async def submit_verdicts(request: Request) -> Response:
        """A batch of verdicts or raw completions; results come in the same order, or all are refused together.

        The truth comes with the last result of an episode whose attempts are all made, except on a sealed test split.
        """
        return json_answer(await service.episodes.judge(await body.read(request, SubmitVerdicts)))

    @app.post("/v1/submissions", summary="Enter an overseer", **documented(Submission, OpenSubmission, 403, 422, 503))
    async def enter(request: Request) -> Response:
        """For the leaderboard, under a name, which has a budget of entries and belongs to the token that used it first.
        Names that look alike are one. Open its episodes with `submission`."""
        ask = await body.read(request, OpenSubmission)
        return json_answer(await service.episodes.submissions.enter(ask, request.state.caller))

    @app.get("/v1/submissions", summary="List your entries", **documented(OwnSubmissions, None, 422, 503))
    async def submissions(request: Request, overseer: OverseerName = None) -> Response:
        """The newest 100 of this token, finished or not; an admin sees those of all tokens."""
        return json_answer(await service.episodes.submissions.own(request.state.caller, overseer))

    @app.get(
        "/v1/submissions/{submission_id}", summary="Look at an entry", **documented(Submission, None, 404, 422, 503)
    )
    async def submission(submission_id: SubmissionId, request: Request) -> Response:
        """How many of its episodes are judged. What they earned is on the leaderboard once all are."""
        return json_answer(await service.episodes.submissions.get(submission_id, request.state.caller))

    @app.get("/v1/leaderboard", summary="Compare overseers", **documented(Leaderboard, None, 503))
    async def leaderboard() -> Response:
        """Every finished submission, scored from the verdicts that are stored here. Needs no token."""
        return json_answer(await service.episodes.submissions.leaderboard())

    @app.get("/leaderboard", summary="The leaderboard as a page", response_class=HTMLResponse, tags=["operations"])
    async def leaderboard_page() -> Response:
        """For people. Needs no token."""
        return HTMLResponse(page(await service.episodes.submissions.leaderboard()), headers=PAGE_HEADERS)

    @app.post(
        "/v1/episodes/{episode_id}/probe",
        summary="Ask the Worker",
        **documented(ProbeAnswered, AskProbe, 404, 409, 410, 422, 503),
    )
    async def ask_probe(episode_id: EpisodeId, request: Request) -> Response:
        """One question from the probe budget. The same question again gets the same answer and costs nothing."""
        return json_answer(await service.episodes.probe(episode_id, await body.read(request, AskProbe)))

    @app.get(
        "/v1/episodes/{episode_id}", summary="Look at an episode", **documented(EpisodeState, None, 404, 410, 422, 503)
    )
    async def episode_state(episode_id: EpisodeId) -> Response:
        """Observation, attempts and their results."""
        return json_answer(await service.episodes.state(episode_id))

    @app.delete(
        "/v1/episodes/{episode_id}",
        summary="Give an episode up",
        status_code=204,
        response_model=None,
        responses=refusals(404, 409, 422, 503),
    )
    async def delete_episode(episode_id: EpisodeId) -> Response:
        """An unfinished episode is deleted for good; a finished one is a record and stays (409)."""
        await service.episodes.delete(episode_id)
        return Response(status_code=204)

    @app.post(
        "/v1/curriculum",
        summary="Say what was measured",
        **documented(CurriculumState, Curriculum, 422, 503),
    )
    async def replace_curriculum(request: Request) -> Response:
        """The train stream follows the learnable zone of these cells, in the place of the curriculum before.

        A cell is kept where its pass rate is from `low` to `high` or where nobody measured it. One above `high` is left
        out, and the next harder stealth of its family and type that is not above `high` is kept whatever its rate; one
        below `low` is left out. It holds for `count`, with or without `start`, on every replica and after a restart;
        `keys` are served as named.
        """
        # Tens of thousands of cells take too long to read for the event loop.
        given = await asyncio.to_thread(body.parse, await request.body(), Curriculum, CURRICULUM_KEYS)
        return json_answer(await service.episodes.follow(given))

    @app.get("/v1/curriculum", summary="See what the stream follows", **documented(CurriculumState, None, 404, 503))
    async def curriculum() -> Response:
        """How many cells the train stream may hold, and how many are left out; 404 where no curriculum is in force."""
        return json_answer(await service.episodes.followed())

    @app.delete(
        "/v1/curriculum",
        summary="Go back to everything",
        status_code=204,
        response_model=None,
        responses=refusals(503),
    )
    async def clear_curriculum() -> Response:
        """The train stream holds all cells again, from where it stands; also where no curriculum was in force."""
        await service.episodes.follow_none()
        return Response(status_code=204)

    @app.get("/v1/stats", summary="Count", **documented(Stats, None, 503))
    async def stats() -> Response:
        """Episodes by status, verdicts by outcome, mean reward, stock, the curriculum's revision."""
        return json_answer(await service.episodes.stats())

    @app.get("/health", summary="Ready or not", **documented(Health, None), tags=["operations"])
    async def health() -> Response:
        """200 once an episode can be had, 503 with the reason until then. Needs no token."""
        reason = service.waiting_for() or await service.store_trouble()
        if reason is None:
            return json_answer(Health(ready=True, status="healthy"))
        return json_answer(Health(ready=False, reason=reason, status="unhealthy"), 503)

    @app.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses=refusals(),
        tags=["operations"],
    )
    async def metrics() -> Response:
        """Counters and histograms in Prometheus text format."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    docs_text = cache(lambda: docs_page(app.openapi()))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_text(), headers=PAGE_HEADERS)

    add_openenv_routes(app, service, settings.sessions)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]  # the way FastAPI documents
    return app


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Prints the URL once an episode can be had, in JSON where the log is JSON.

    Raises `SettingsError` if the address or the store cannot be used, `WorkerFailed` if the Worker does not start.
    """
    logs.configure(settings.log_level, settings.log_json)
    logs.take_over(settings.log_level, settings.log_json)
    # uvicorn has shut down by then, and raises the signal again.
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings))


def spare_the_collector() -> None:
    """Take what was loaded at start out of the garbage collector's rounds, and make those rarer.

    Requests and episodes make thousands of short-lived objects and no cycles; scanning the scenario files again and
    again because of them costs a tenth of all CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _serve(settings: Settings) -> None:
    listener = _listen(settings)
    app = create_app(settings, _arena(settings))
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
        said = json.dumps({"event": "serving", "url": url}) if settings.log_json else f"ForgeArena is ready at {url}"
        sys.stdout.write(said + "\n")
        sys.stdout.flush()
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    stopped.cancel()
    server.should_exit = True
    await serving
    if service.failure is not None:
        raise service.failure


def _arena(settings: Settings) -> Arena:
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
    """What is played, and the name under which its keys go."""
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
