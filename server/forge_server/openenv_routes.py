"""The routes of OpenEnv's wire: a WebSocket is a session, HTTP keeps none.

OpenEnv's clients speak to the server's root (`GenericEnvClient(base_url="http://127.0.0.1:8000")`), so the routes are
at the root and not under `/v1`. Frames are answered in order, each with one frame.
"""

from contextlib import suppress
from time import perf_counter
from typing import Literal, Protocol

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, SerializeAsAny
from starlette.websockets import WebSocket, WebSocketDisconnect

import forge_arena
from forge_arena.episodes import Arena
from forge_arena.types import Noun, Outcome
from forge_server import body
from forge_server.answers import STATUS, json_answer
from forge_server.documentation import Route, route_documentation
from forge_server.episodes import Episodes
from forge_server.errors import Busy, InvalidRequest, MalformedJson, Refused
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.openenv import (
    Action,
    CloseFrame,
    Frame,
    Mcp,
    McpFrame,
    Metadata,
    OpenEnvObservation,
    Reply,
    Reset,
    ResetFrame,
    Schemas,
    Session,
    SessionState,
    StateFrame,
    StepFrame,
    StepRequest,
    UnknownFrame,
    answer_mcp,
    frame_type,
)

TAGS = ("OpenEnv",)
NAME = "forge_arena"
DESCRIPTION = (
    "Oversee a Worker: say whether its answer was corrupted, where and how, repair it, and state an honest confidence."
)

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

    @property
    def episodes(self) -> Episodes: ...


class Endpoints:
    """The routes over HTTP. Each docstring is the description that OpenAPI shows, so it speaks to clients."""

    def __init__(self, service: Service) -> None:
        self._service = service

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
        """JSON-RPC for clients that look for tools. There are none."""
        return json_answer(answer_mcp((await body.read(request, Mcp)).root))

    def _new_session(self, request: Request) -> Session:
        return Session(self._service.arena, self._service.episodes, request.state.caller)


class WebSockets:
    """The sessions over WebSockets, of which at most `limit` are open at a time."""

    def __init__(self, service: Service, limit: int) -> None:
        self._service = service
        self._limit = limit
        self._open: set[WebSocket] = set()
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
            try:
                session = Session(self._service.arena, self._service.episodes, socket.state.caller)
                await _answer_frames(socket, session, self._service.metrics)
            finally:
                self._open.discard(socket)


def routes(service: Service) -> list[Route]:
    end = Endpoints(service)
    reset = route_documentation(Reply, Reset, 403, 422, 503)
    step = route_documentation(Reply, StepRequest, 403, 404, 409, 410, 422, 503)
    return [
        Route("POST", "/reset", end.reset, "Open an episode", reset, TAGS),
        Route("POST", "/step", end.step, "Ask or give a verdict", step, TAGS),
        Route("GET", "/state", end.state, "See the state of a session", route_documentation(SessionState, None), TAGS),
        Route("GET", "/schema", end.schema, "See the messages", route_documentation(Schemas, None), TAGS),
        Route("GET", "/metadata", end.metadata, "See what this is", route_documentation(Metadata, None), TAGS),
        Route("POST", "/mcp", end.mcp, "Ask for tools", route_documentation(Mcp, Mcp, 422), TAGS),
    ]


def add_openenv_routes(app: FastAPI, service: Service, sessions: int) -> None:
    """Add all routes of OpenEnv's wire, with at most `sessions` sessions over WebSockets at a time."""
    for route in routes(service):
        route.add_to(app)
    app.add_api_websocket_route("/ws", WebSockets(service, sessions).play)


async def _answer_frames(socket: WebSocket, session: Session, metrics: Metrics) -> None:
    """Answer frame after frame until either side closes."""
    while True:
        frame: BaseModel | None = None
        status = 200
        start = perf_counter()
        try:
            message = await socket.receive()
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
            return "mcp", answer_mcp(frame.data)
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
