"""The routes of OpenEnv's wire: a WebSocket is a session, HTTP keeps none.

Its clients speak to the server's root (`GenericEnvClient(base_url="http://127.0.0.1:8000")`), so the routes stand there and
not under `/v1`. Frames come and go in order, one answer to each.
"""

from contextlib import suppress
from enum import Enum
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
from forge_server.documentation import documented
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
    Reply,
    Reset,
    ResetFrame,
    Schemas,
    Seen,
    Session,
    State,
    StateFrame,
    StepAsked,
    StepFrame,
    UnknownFrame,
    answer_mcp,
    kind,
)

TAGS: list[str | Enum] = ["OpenEnv"]
NAME = "forge_arena"
DESCRIPTION = (
    "Oversee a Worker: say whether its answer was corrupted, where and how, repair it, and state an honest confidence."
)

Told = Literal["observation", "state", "mcp", "error"]
Code = Literal["INVALID_JSON", "UNKNOWN_TYPE", "VALIDATION_ERROR", "EXECUTION_ERROR", "CAPACITY_REACHED"]


class Problem(Noun):
    """Why a frame was refused: OpenEnv's `code`, and as `refusal` the one that `/v1` uses."""

    message: str
    code: Code
    refusal: str
    outcome: Outcome | None = None
    retry_after: int | None = None


class Answer(Noun):
    """What goes out over the WebSocket."""

    type: Told
    data: SerializeAsAny[BaseModel]


class Service(Protocol):
    """What the routes need of the server."""

    arena: Arena
    metrics: Metrics

    @property
    def episodes(self) -> Episodes: ...


def add_openenv_routes(app: FastAPI, service: Service, sessions: int) -> None:
    """All of them, with at most so many WebSockets open at a time."""
    sockets: set[WebSocket] = set()
    service.metrics.watch_sessions(lambda: len(sockets))

    @app.post("/reset", tags=TAGS, summary="Open an episode", **documented(Reply, Reset, 403, 422, 503))
    async def reset(request: Request) -> Response:
        """As OpenEnv's `reset`. Over HTTP nothing is kept: its `metadata` names the episode for `/step`."""
        session = Session(service.arena, service.episodes)
        return json_answer(Reply.of(await session.reset(await body.read(request, Reset))))

    @app.post("/step", tags=TAGS, summary="Ask or judge", **documented(Reply, StepAsked, 403, 404, 409, 410, 422, 503))
    async def step(request: Request) -> Response:
        """As OpenEnv's `step`, with the id of the episode beside the action."""
        asked = await body.read(request, StepAsked)
        session = Session(service.arena, service.episodes)
        await session.resume(asked.episode_id)
        return json_answer(Reply.of(await session.step(asked.action)))

    @app.get("/state", tags=TAGS, summary="See the state of a session", **documented(State, None))
    async def state() -> Response:
        """Over HTTP there is no session, so this is the state of a new one; ask over `/ws`, or `GET /v1/episodes/{id}`."""
        return json_answer(State())

    @app.get("/schema", tags=TAGS, summary="See the messages", **documented(Schemas, None))
    async def schema() -> Response:
        """The JSON schemas of action, observation and state."""
        models: tuple[type[BaseModel], ...] = (Action, Seen, State)
        action, observation, of_state = (model.model_json_schema() for model in models)
        return json_answer(Schemas(action=action, observation=observation, state=of_state))

    @app.get("/metadata", tags=TAGS, summary="See what this is", **documented(Metadata, None))
    async def metadata() -> Response:
        """Name, description and version."""
        return json_answer(Metadata(name=NAME, description=DESCRIPTION, version=forge_arena.__version__))

    @app.post("/mcp", tags=TAGS, summary="Ask for tools", **documented(Mcp, Mcp, 422))
    async def mcp(request: Request) -> Response:
        """JSON-RPC, for clients that look for tools; there are none."""
        return json_answer(answer_mcp((await body.read(request, Mcp)).root))

    @app.websocket("/ws")
    async def play(socket: WebSocket) -> None:
        """One session, from here to the end of the connection."""
        # Whoever goes away before an answer is ready loses only the answer.
        with suppress(WebSocketDisconnect):
            await socket.accept()
            if len(sockets) >= sessions:
                full = Busy(f"all {sessions} sessions of this server are taken: close one, or try again later")
                await _send(socket, "error", _problem(full, "CAPACITY_REACHED"))
                await socket.close()
                return
            sockets.add(socket)
            try:
                await _converse(socket, Session(service.arena, service.episodes), service.metrics)
            finally:
                sockets.discard(socket)


async def _converse(socket: WebSocket, session: Session, metrics: Metrics) -> None:
    """Answer frame after frame, until either side closes."""
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
            await _send(socket, "error", _problem(refusal, _code(refusal, frame)))
        seconds = perf_counter() - start
        asked = "unread" if frame is None else kind(frame)
        metrics.request(f"/ws:{asked}", status, seconds)
        log.debug("frame", type=asked, status=status, ms=round(seconds * 1000, 1))


async def _answer(session: Session, frame: BaseModel) -> tuple[Told, BaseModel]:
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


def _problem(refusal: Refused, code: Code) -> Problem:
    return Problem(
        message=refusal.message,
        code=code,
        refusal=refusal.code,
        outcome=refusal.outcome,
        retry_after=refusal.retry_after,
    )


async def _send(socket: WebSocket, told: Told, data: BaseModel) -> None:
    answer = Answer(type=told, data=data)
    await socket.send_text(answer.__pydantic_serializer__.to_json(answer).decode())
