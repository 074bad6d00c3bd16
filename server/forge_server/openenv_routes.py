"""The routes of OpenEnv's wire: a WebSocket is a session, HTTP keeps none.

OpenEnv's clients speak to the server's root (`GenericEnvClient(base_url="http://127.0.0.1:8000")`), so the routes are
at the root and not under `/v1`. Frames are answered in order, each with one frame.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from time import perf_counter
from typing import Any, Literal, Protocol

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, SerializeAsAny
from starlette.status import WS_1001_GOING_AWAY
from starlette.websockets import WebSocket, WebSocketDisconnect

import forge_arena
from forge_arena.episodes import Arena
from forge_arena.keys import MAX_INDEX
from forge_arena.types import Noun, Outcome
from forge_server import body
from forge_server.access import Caller
from forge_server.answers import STATUS, json_answer
from forge_server.documentation import Route, route_documentation
from forge_server.episodes import Episodes
from forge_server.errors import Busy, InvalidRequest, MalformedJson, Refused
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.openenv import (
    MAX_TASKS,
    SPLITS,
    Action,
    AskSplit,
    AskTask,
    AskTaskRange,
    CloseFrame,
    EnvironmentNames,
    Frame,
    ListedTasks,
    Mcp,
    McpFrame,
    Metadata,
    NumberOfTasks,
    OneTask,
    OpenEnvObservation,
    Reply,
    Reset,
    ResetFrame,
    Schemas,
    Session,
    SessionState,
    Splits,
    StateFrame,
    StepFrame,
    StepRequest,
    Tasks,
    UnknownFrame,
    answer_mcp,
    frame_type,
    task,
    task_range,
)
from forge_server.siblings import Answer, Siblings

TAGS = ("OpenEnv",)
NAME = "forge_arena"
DESCRIPTION = (
    "Oversee a Worker: say whether its answer was corrupted, where and how, repair it, and state an honest confidence."
)

# Seconds within which another process of this server must have used a tool, which may ask the Worker.
LONGEST_TOOL = 300.0
# The longest name of a session that is kept.
MAX_SESSION_NAME = 64

ReplyType = Literal["observation", "state", "mcp", "error"]
Code = Literal["INVALID_JSON", "UNKNOWN_TYPE", "VALIDATION_ERROR", "EXECUTION_ERROR", "CAPACITY_REACHED"]


class Problem(Noun):
    """Why a frame was refused: OpenEnv's `code`, and as `refusal` the code that `/v1` uses."""

    message: str
    code: Code
    refusal: str
    outcome: Outcome | None = None
    retry_after: int | None = None

    @classmethod
    def of(cls, refusal: Refused, code: Code) -> "Problem":
        return cls(
            message=refusal.message,
            code=code,
            refusal=refusal.code,
            outcome=refusal.outcome,
            retry_after=refusal.retry_after,
        )


class ReplyFrame(Noun):
    """What the server sends over the WebSocket."""

    type: ReplyType
    data: SerializeAsAny[BaseModel]


class Service(Protocol):
    """What the routes need of the server."""

    arena: Arena
    metrics: Metrics

    siblings: Siblings
    answers: dict[str, Answer]

    @property
    def episodes(self) -> Episodes: ...


class Endpoints:
    """The routes over HTTP. Each docstring is the description that OpenAPI shows, so it speaks to clients."""

    def __init__(self, service: Service, sessions: Mapping[tuple[Caller, str], Session]) -> None:
        self._service = service
        self._sessions = sessions

    async def reset(self, request: Request) -> Response:
        """As OpenEnv's `reset`. HTTP keeps no session: the `metadata` of the answer names the episode for `/step`."""
        ask = await body.read(request, Reset)
        return json_answer(Reply.of(await self._new_session(request).reset(ask)))

    async def step(self, request: Request) -> Response:
        """As OpenEnv's `step`, with the id of the episode beside the action."""
        ask = await body.read(request, StepRequest)
        session = self._new_session(request)
        await session.resume(ask.episode_id)
        return json_answer(Reply.of(await session.step(ask.action)))

    async def state(self) -> Response:
        """The state of a new session, because HTTP keeps none. Ask over `/ws`, or `GET /v1/episodes/{id}`."""
        return json_answer(SessionState())

    async def schema(self) -> Response:
        """The JSON schemas of action, observation and state."""
        models: tuple[type[BaseModel], ...] = (Action, OpenEnvObservation, SessionState)
        action, observation, state = (model.model_json_schema() for model in models)
        return json_answer(Schemas(action=action, observation=observation, state=state))

    async def metadata(self) -> Response:
        """Name, description and version."""
        return json_answer(Metadata(name=NAME, description=DESCRIPTION, version=forge_arena.__version__))

    async def mcp(self, request: Request) -> Response:
        """JSON-RPC for clients that look for tools: `tools/list`, and `tools/call`. A call needs an episode: give the
        arena's `episode_id` among the params, or the `session_id` of `openenv/session/create`, which `/ws?session_id=`
        takes up.
        """
        message, caller = (await body.read(request, Mcp)).root, request.state.caller
        if (session := self._session_of(message, caller)) is None and _session_id(message) is not None:
            # The WebSocket of that name may be in another process of this server.
            question = {"message": message, "caller": asdict(caller)}
            for answer in await self._service.siblings.ask("mcp", question, LONGEST_TOOL):
                if answer is not None:
                    return json_answer(Mcp(answer))
        return json_answer(await answer_mcp(message, session or self._new_session(request)))

    async def answer_sibling(self, question: dict[str, Any]) -> object:
        """The answer to a message that came to another process, if it names a session of this one."""
        session = self._session_of(question["message"], Caller(**question["caller"]))
        return None if session is None else (await answer_mcp(question["message"], session)).root

    def _session_of(self, message: dict[str, Any], caller: Caller) -> Session | None:
        """The session of an open WebSocket that a message names, if it is this caller's."""
        return self._sessions.get((caller, _session_id(message) or ""))

    async def environments(self) -> Response:
        """The names under which OpenEnv's Task API finds tasks here: one."""
        return json_answer(EnvironmentNames((NAME,)))

    async def splits(self) -> Response:
        """The splits, and what each is for."""
        return json_answer(SPLITS)

    async def number_of_tasks(self, request: Request) -> Response:
        """How many tasks a split has: an index is a task, and the indices hardly end."""
        await body.read(request, AskSplit)
        return json_answer(NumberOfTasks(num_tasks=MAX_INDEX))

    async def tasks(self, request: Request) -> Response:
        """The first tasks of a split."""
        ask = await body.read(request, AskSplit)
        first = task_range(self._service.arena, AskTaskRange(split=ask.split, start=0, stop=MAX_TASKS))
        return json_answer(ListedTasks(tasks=first.tasks, env_name=NAME))

    async def task(self, request: Request) -> Response:
        """One task. Its `split` and `index` are what `reset` takes."""
        ask = await body.read(request, AskTask)
        return json_answer(OneTask(task=task(self._service.arena, ask.split, ask.index)))

    async def task_range(self, request: Request) -> Response:
        """The tasks of a range of indices."""
        return json_answer(task_range(self._service.arena, await body.read(request, AskTaskRange)))

    def _new_session(self, request: Request) -> Session:
        return Session(self._service.arena, self._service.episodes, request.state.caller)


class WebSockets:
    """The sessions over WebSockets, of which at most `limit` are open at a time, each until it is idle for `idle` s."""

    def __init__(self, service: Service, limit: int, idle: float) -> None:
        self._service = service
        self._limit = limit
        self._idle = idle
        self._open: set[WebSocket] = set()
        # The sessions with a name of their own, so that MCP over HTTP finds them. Two callers may choose the same name.
        self.named: dict[tuple[Caller, str], Session] = {}
        service.metrics.watch_sessions(lambda: len(self._open))

    async def play(self, socket: WebSocket) -> None:
        """Serve one session until the connection ends."""
        # A client that leaves before its answer is ready is no error: it loses only the answer.
        with suppress(WebSocketDisconnect):
            await socket.accept()
            if len(self._open) >= self._limit:
                full = Busy(f"all {self._limit} sessions of this server are taken: close one, or try again later")
                await _send(socket, "error", Problem.of(full, "CAPACITY_REACHED"))
                await socket.close()
                return
            self._open.add(socket)
            caller: Caller = socket.state.caller
            session = Session(self._service.arena, self._service.episodes, caller)
            name = caller, socket.query_params.get("session_id", "")[:MAX_SESSION_NAME]
            if name[1]:
                self.named[name] = session
            try:
                await _answer_frames(socket, session, self._service.metrics, self._idle)
            finally:
                self._open.discard(socket)
                if self.named.get(name) is session:
                    del self.named[name]


def _session_id(message: dict[str, Any]) -> str | None:
    """The name of the session that a message of MCP is for."""
    params = message.get("params")
    named = params.get("session_id") if isinstance(params, dict) else None
    return None if named is None else str(named)


def routes(end: Endpoints) -> list[Route]:
    reset = route_documentation(Reply, Reset, 403, 422, 503)
    step = route_documentation(Reply, StepRequest, 403, 404, 409, 410, 422, 503)
    return [
        Route("POST", "/reset", end.reset, "Open an episode", reset, TAGS),
        Route("POST", "/step", end.step, "Ask or give a verdict", step, TAGS),
        Route("GET", "/state", end.state, "See the state of a session", route_documentation(SessionState, None), TAGS),
        Route("GET", "/schema", end.schema, "See the messages", route_documentation(Schemas, None), TAGS),
        Route("GET", "/metadata", end.metadata, "See what this is", route_documentation(Metadata, None), TAGS),
        Route("POST", "/mcp", end.mcp, "Ask for tools", route_documentation(Mcp, Mcp, 422), TAGS),
        *_task_routes(end),
    ]


def _task_routes(end: Endpoints) -> list[Route]:
    """OpenEnv's Task API. The environment's name is a fixed part of the paths, because a variable would also match the
    paths of other routes."""
    names = route_documentation(EnvironmentNames, None)
    splits = route_documentation(Splits, None)
    number = route_documentation(NumberOfTasks, AskSplit, 422)
    tasks = route_documentation(ListedTasks, AskSplit, 422)
    one = route_documentation(OneTask, AskTask, 422)
    some = route_documentation(Tasks, AskTaskRange, 422)
    return [
        Route("GET", "/list_environments", end.environments, "See the environments", names, TAGS),
        Route("GET", f"/{NAME}/splits", end.splits, "See the splits", splits, TAGS),
        Route("POST", f"/{NAME}/num_tasks", end.number_of_tasks, "Count the tasks of a split", number, TAGS),
        Route("POST", f"/{NAME}/tasks", end.tasks, "See the first tasks of a split", tasks, TAGS),
        Route("POST", f"/{NAME}/task", end.task, "See a task", one, TAGS),
        Route("POST", f"/{NAME}/task_range", end.task_range, "See some tasks", some, TAGS),
    ]


def add_openenv_routes(app: FastAPI, service: Service, sessions: int, idle: float) -> None:
    """Add all routes of OpenEnv's wire, with at most `sessions` sessions over WebSockets at a time, each of which ends
    after `idle` seconds without a frame."""
    sockets = WebSockets(service, sessions, idle)
    end = Endpoints(service, sockets.named)
    service.answers["mcp"] = end.answer_sibling
    for route in routes(end):
        route.add_to(app)
    app.add_api_websocket_route("/ws", sockets.play)


async def _answer_frames(socket: WebSocket, session: Session, metrics: Metrics, idle: float) -> None:
    """Answer frame after frame until either side closes, or until no frame came for `idle` seconds."""
    while True:
        frame: BaseModel | None = None
        status = 200
        start = perf_counter()
        try:
            try:
                async with asyncio.timeout(idle):
                    message = await socket.receive()
            except TimeoutError:
                # No frame is sent before: the client would take it for the answer to its next one.
                await socket.close(WS_1001_GOING_AWAY, f"idle for {idle:g} s: the episode can be finished over /v1")
                return
            start = perf_counter()
            if message["type"] == "websocket.disconnect":
                return
            frame = body.parse((message.get("text") or "").encode(), Frame).root
            if isinstance(frame, CloseFrame):
                await socket.close()
                return
            await _send(socket, *await _answer(session, frame))
        except Refused as refusal:
            status = STATUS[type(refusal)]
            await _send(socket, "error", Problem.of(refusal, _code(refusal, frame)))
        seconds = perf_counter() - start
        asked = "unread" if frame is None else frame_type(frame)
        metrics.request(f"/ws:{asked}", status, seconds)
        log.debug("frame", type=asked, status=status, ms=round(seconds * 1000, 1))


async def _answer(session: Session, frame: BaseModel) -> tuple[ReplyType, BaseModel]:
    match frame:
        case ResetFrame():
            return "observation", Reply.of(await session.reset(frame.data))
        case StepFrame():
            return "observation", Reply.of(await session.step(frame.data))
        case StateFrame():
            return "state", session.state
        case McpFrame():
            return "mcp", await answer_mcp(frame.data, session)
    raise InvalidRequest("type must be one of reset, step, state, mcp, close")


def _code(refusal: Refused, frame: BaseModel | None) -> Code:
    if isinstance(refusal, MalformedJson):
        return "INVALID_JSON"
    if isinstance(frame, UnknownFrame):
        return "UNKNOWN_TYPE"
    return "VALIDATION_ERROR" if frame is None and isinstance(refusal, InvalidRequest) else "EXECUTION_ERROR"


async def _send(socket: WebSocket, type: ReplyType, data: BaseModel) -> None:
    reply = ReplyFrame(type=type, data=data)
    await socket.send_text(reply.__pydantic_serializer__.to_json(reply).decode())
