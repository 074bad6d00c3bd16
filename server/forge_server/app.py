"""The HTTP API over the arena: routes, status codes, and the life of a server from start to shutdown."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.routing import Match

import forge_arena
from forge_arena.episodes import SUITE, Arena
from forge_arena.errors import ScenarioError, WorkerFailed
from forge_arena.scenarios import Source, open_set
from forge_arena.scenarios.documents import load_documents, suite_of
from forge_arena.types import Outcome
from forge_arena.wire import (
    MAX_CELLS,
    AskProbe,
    Curriculum,
    CurriculumState,
    DifficultyCell,
    EpisodeState,
    ErrorBody,
    ErrorDetail,
    Health,
    Leaderboard,
    OpenedEpisodes,
    OpenEpisodes,
    OpenSubmission,
    ProbeAnswered,
    Stats,
    Submission,
    SubmitVerdicts,
    VerdictResults,
)
from forge_arena.workers import open_worker
from forge_server import body, examples, logs
from forge_server.episodes import Episodes
from forge_server.errors import (
    BodyTooLarge,
    BodyTooSlow,
    BudgetSpent,
    Busy,
    ConflictingVerdict,
    CrossSite,
    EpisodeFinished,
    EpisodeGone,
    Forbidden,
    InvalidRequest,
    MalformedJson,
    NoCurriculum,
    NoProbesLeft,
    NoSuchAttempt,
    NoSuchKey,
    NothingMatches,
    Refused,
    RunnerUnavailable,
    SealedSplit,
    Starting,
    StoreUnavailable,
    TooFast,
    Unauthorized,
    UnfitCurriculum,
    UnknownEpisode,
    UnknownSubmission,
    Unsealed,
    WorkerUnavailable,
)
from forge_server.gate import Gate
from forge_server.leaderboard import page
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.settings import Settings, SettingsError
from forge_server.store import Store

STATUS: dict[type[Refused], int] = {
    MalformedJson: 400,
    Unauthorized: 401,
    CrossSite: 403,
    Forbidden: 403,
    SealedSplit: 403,
    NoCurriculum: 404,
    UnknownEpisode: 404,
    BodyTooSlow: 408,
    ConflictingVerdict: 409,
    EpisodeFinished: 409,
    NoProbesLeft: 409,
    EpisodeGone: 410,
    BodyTooLarge: 413,
    InvalidRequest: 422,
    NoSuchAttempt: 422,
    NoSuchKey: 422,
    NothingMatches: 422,
    UnknownSubmission: 404,
    BudgetSpent: 403,
    Unsealed: 403,
    UnfitCurriculum: 422,
    TooFast: 429,
    Busy: 503,
    Starting: 503,
    RunnerUnavailable: 503,
    StoreUnavailable: 503,
    WorkerUnavailable: 503,
}
DESCRIPTION = """
Train and score overseers: open episodes, look at the observation, give a verdict, get a reward.

Whatever is refused changes nothing, and its `code` is stable. A failure of the Worker or of the server is never a
score: `reward` is null or the request is refused with `Retry-After`. Sending the same verdict again is safe: it gets
the answer it got before.
"""
CURRICULUM_KEYS = MAX_CELLS * len(DifficultyCell.model_fields) + len(Curriculum.model_fields)
# A page with names that others chose: nothing in it may run or be fetched.
PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}
SubmissionId = Annotated[str, Path(max_length=64, description="as given by POST /v1/submissions")]
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
        self._reason = "starting"
        self._episodes: Episodes | None = None
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
        if self._episodes is not None and self._episodes.stock.trouble:
            return f"{self._reason} ({self._episodes.stock.trouble})"
        return self._reason

    @asynccontextmanager
    async def run(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the store at once; start the Worker and fill the stock while requests are told to wait."""
        store = Store(self.settings.store, pending=self.settings.pending_writes, metrics=self.metrics)
        self._episodes = Episodes(self.arena, store, self.settings, self.metrics)
        work = asyncio.create_task(self._work(self._episodes))
        work.add_done_callback(self._ended)
        try:
            yield
        finally:
            self.ready.clear()
            self._reason = "the server is shutting down"
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
        self._reason = f"the Worker {self.settings.worker.partition('@')[0]} is starting"
        try:
            await self.arena.worker.start()
        except WorkerFailed as failure:
            self._reason = f"the Worker did not start: {failure.reason}"
            raise
        self._reason = "the first episode is being made"
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(episodes.stock.keep_full())
            tasks.create_task(episodes.sweep())
            await episodes.stock.filled_once.wait()
            self.ready.set()
            log.info("ready", worker=self.arena.worker.name)


def create_app(settings: Settings, arena: Arena) -> FastAPI:
    """The app over an arena. Its lifespan starts and ends the Worker; until that is ready, `/v1` answers 503."""
    service = Service(settings, arena)
    app = FastAPI(
        title="ForgeArena",
        version=forge_arena.__version__,
        description=DESCRIPTION,
        lifespan=service.run,
        exception_handlers={
            Refused: _refused,
            RequestValidationError: _unfit,
            HTTPException: _not_routed,
            Exception: _defect,
        },
    )
    app.state.service = service
    app.add_middleware(
        Gate,
        settings=settings,
        metrics=service.metrics,
        waiting_for=service.waiting_for,
        respond=refuse,
        leaving=lambda: service.leaving(),
    )

    @app.post("/v1/episodes", summary="Open episodes", **_documented(OpenedEpisodes, OpenEpisodes, 403, 422, 503))
    async def open_episodes(request: Request) -> Response:
        """`count` of the stream of a split (optionally with filters), or the ones named by `keys`.

        `form`, or `:clean`, `:corrupted` or `:placebo` at the end of a key, asks for the same draw in that form; not on
        a sealed test split. Plain `count` on train is served from stock. Single failures are listed in `failed`; if all fail, it is 503.
        """
        return _json(await service.episodes.open(await body.read(request, OpenEpisodes)))

    @app.post(
        "/v1/verdicts",
        summary="Give verdicts",
        **_documented(VerdictResults, SubmitVerdicts, 404, 409, 410, 422, 503),
    )
    async def submit_verdicts(request: Request) -> Response:
        """A batch of verdicts or raw completions; results come in the same order, or all are refused together.

        The truth comes with the last result of an episode whose attempts are all made, except on a sealed test split.
        """
        return _json(await service.episodes.judge(await body.read(request, SubmitVerdicts)))

    @app.post("/v1/submissions", summary="Enter an overseer", **_documented(Submission, OpenSubmission, 403, 422, 503))
    async def enter(request: Request) -> Response:
        """For the leaderboard, under a name, which has a budget of entries. Open its episodes with `submission`."""
        return _json(await service.episodes.submissions.enter(await body.read(request, OpenSubmission)))

    @app.get(
        "/v1/submissions/{submission_id}", summary="Look at an entry", **_documented(Submission, None, 404, 422, 503)
    )
    async def submission(submission_id: SubmissionId) -> Response:
        """How many of its episodes are judged. What they earned is on the leaderboard once all are."""
        return _json(await service.episodes.submissions.get(submission_id))

    @app.get("/v1/leaderboard", summary="Compare overseers", **_documented(Leaderboard, None, 503))
    async def leaderboard() -> Response:
        """Every finished submission, scored from the verdicts that are stored here. Needs no token."""
        return _json(await service.episodes.submissions.leaderboard())

    @app.get("/leaderboard", summary="The leaderboard as a page", response_class=HTMLResponse, tags=["operations"])
    async def leaderboard_page() -> Response:
        """For people. Needs no token."""
        return HTMLResponse(page(await service.episodes.submissions.leaderboard()), headers=PAGE_HEADERS)

    @app.post(
        "/v1/episodes/{episode_id}/probe",
        summary="Ask the Worker",
        **_documented(ProbeAnswered, AskProbe, 404, 409, 410, 422, 503),
    )
    async def ask_probe(episode_id: EpisodeId, request: Request) -> Response:
        """One question from the probe budget. The same question again gets the same answer and costs nothing."""
        return _json(await service.episodes.probe(episode_id, await body.read(request, AskProbe)))

    @app.get(
        "/v1/episodes/{episode_id}", summary="Look at an episode", **_documented(EpisodeState, None, 404, 410, 422, 503)
    )
    async def episode_state(episode_id: EpisodeId) -> Response:
        """Observation, attempts and their results."""
        return _json(await service.episodes.state(episode_id))

    @app.delete(
        "/v1/episodes/{episode_id}",
        summary="Give an episode up",
        status_code=204,
        response_model=None,
        responses=_refusals(404, 409, 422, 503),
    )
    async def delete_episode(episode_id: EpisodeId) -> Response:
        """An unfinished episode is deleted for good; a finished one is a record and stays (409)."""
        await service.episodes.delete(episode_id)
        return Response(status_code=204)

    @app.post(
        "/v1/curriculum",
        summary="Say what was measured",
        **_documented(CurriculumState, Curriculum, 422, 503),
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
        return _json(await service.episodes.follow(given))

    @app.get("/v1/curriculum", summary="See what the stream follows", **_documented(CurriculumState, None, 404, 503))
    async def curriculum() -> Response:
        """How many cells the train stream may hold, and how many are left out; 404 where no curriculum is in force."""
        return _json(await service.episodes.followed())

    @app.delete(
        "/v1/curriculum",
        summary="Go back to everything",
        status_code=204,
        response_model=None,
        responses=_refusals(503),
    )
    async def clear_curriculum() -> Response:
        """The train stream holds all cells again, from where it stands; also where no curriculum was in force."""
        await service.episodes.follow_none()
        return Response(status_code=204)

    @app.get("/v1/stats", summary="Count", **_documented(Stats, None, 503))
    async def stats() -> Response:
        """Episodes by status, verdicts by outcome, mean reward, stock, the curriculum's revision."""
        return _json(await service.episodes.stats())

    @app.get("/health", summary="Ready or not", **_documented(Health, None), tags=["operations"])
    async def health() -> Response:
        """200 once an episode can be had, 503 with the reason until then. Needs no token."""
        reason = service.waiting_for()
        return _json(Health(ready=reason is None, reason=reason), 200 if reason is None else 503)

    @app.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses=_refusals(),
        tags=["operations"],
    )
    async def metrics() -> Response:
        """Counters and histograms in Prometheus text format."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # the way FastAPI documents
    return app


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Prints the URL once an episode can be had.

    Raises `SettingsError` if the address or the store cannot be used, `WorkerFailed` if the Worker does not start.
    """
    logs.configure(settings.log_level, settings.log_json)
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
            timeout_graceful_shutdown=30,
        )
    )
    service.leaving = lambda: server.should_exit
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ready = asyncio.create_task(service.ready.wait())
    stopped = asyncio.create_task(service.stopped.wait())
    await asyncio.wait([serving, ready, stopped], return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        sys.stdout.write(f"ForgeArena is ready at {_url(listener)}\n")
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
    except (ValueError, SQLAlchemyError, ModuleNotFoundError) as error:
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


# --- answers


def _json(model: BaseModel, status: int = 200) -> Response:
    return Response(model.__pydantic_serializer__.to_json(model), status, media_type="application/json")


def refuse(refusal: Refused) -> Response:
    """The answer to a refused request."""
    detail = ErrorDetail(code=refusal.code, message=refusal.message, outcome=refusal.outcome)
    response = _json(ErrorBody(error=detail), STATUS[type(refusal)])
    if refusal.retry_after is not None:
        response.headers["retry-after"] = str(refusal.retry_after)
    if isinstance(refusal, Unauthorized):
        response.headers["www-authenticate"] = "Bearer"
    return response


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)
    return refuse(refusal)


async def _unfit(_: Request, error: Exception) -> Response:
    """A parameter of the path that is none; FastAPI's own answer would repeat it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return refuse(InvalidRequest(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"))


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message = {
        404: ("not_found", "there is nothing at this path: see /docs"),
        405: ("method_not_allowed", "this path does not know this method: see /docs"),
    }.get(error.status_code, ("refused", "the request was refused: see /docs"))
    response = _json(ErrorBody(error=ErrorDetail(code=code, message=message)), error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        # Starlette names the methods of the first route at this path alone.
        at_this_path = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        response.headers["allow"] = ", ".join(sorted({method for route in at_this_path for method in route.methods}))
    return response


async def _defect(_: Request, __: Exception) -> Response:
    detail = ErrorDetail(
        code="defect",
        message="the server has a defect, which it has logged; nothing was scored",
        outcome=Outcome.infra_failed,
    )
    return _json(ErrorBody(error=detail), 500)


# --- documentation


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    reasons: dict[int, list[str]] = {status: [] for status in sorted({401, 403, 429, *statuses})}
    for refusal, status in STATUS.items():
        if status in reasons:
            reasons[status].append(f"`{refusal.code}`")
    return {status: {"model": ErrorBody, "description": ", ".join(codes)} for status, codes in reasons.items()}


def _documented(answer: type[BaseModel], asked: type[BaseModel] | None, *statuses: int) -> dict[str, Any]:
    """What OpenAPI says of a route whose body is parsed and answered without FastAPI's own machinery."""
    ok = {"model": answer, "content": {"application/json": {"example": examples.ANSWERS[answer]}}}
    if asked is None:
        return {"responses": {200: ok, **_refusals(*statuses)}}
    request = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{asked.__name__}"},
                "examples": examples.REQUESTS[asked],
            }
        },
    }
    return {"responses": {200: ok, **_refusals(400, 413, *statuses)}, "openapi_extra": {"requestBody": request}}


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, bodies = models_json_schema(
            [(model, "validation") for model in examples.REQUESTS], ref_template="#/components/schemas/{model}"
        )
        components = schema["components"]
        components["schemas"] = {**bodies["$defs"], **components["schemas"]}
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema
