"""The door of the server: who may enter, how large a body may be and how slowly it may come, and a line for the log."""

from collections.abc import Callable, Iterable
from secrets import token_hex
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forge_server.access import Access
from forge_server.answers import STATUS, refuse
from forge_server.errors import InvalidRequest, Refused, Starting
from forge_server.incoming import Incoming, too_large
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.settings import Settings

BATCH_PATHS = frozenset({"/v1/verdicts", "/v1/curriculum"})
# Beside all of /v1.
ALSO_NOT_BEFORE_READY = frozenset({"/reset", "/step", "/ws"})
# No answer is for a cache, a frame or another type than it says.
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Gate:
    """Refuses before a body is read or parsed. Pure ASGI, because it stands in the way of every request."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        metrics: Metrics,
        waiting_for: Callable[[], str | None],
        leaving: Callable[[], bool],
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._waiting_for = waiting_for
        self._leaving = leaving
        self._access = Access(settings.tokens, settings.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        # Routes are found below it, whether the proxy has taken the path off or not.
        scope["root_path"] = self._settings.root_path
        if scope["type"] == "websocket":
            await self._open(scope, receive, send)
            return
        start = perf_counter()
        method: str = scope["method"]
        if method == "HEAD":
            # A copy, because the server looks into its own scope.
            scope = {**scope, "method": "GET"}
        status = 500
        request_id = token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        incoming = Incoming(receive, scope["headers"], self._settings.body_timeout)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await incoming.settle()
                message["headers"] = [*message["headers"], *HEADERS, (b"x-request-id", request_id.encode())]
                # A connection that came in the moment of SIGTERM is not told by uvicorn, and would keep it waiting until
                # the time limit cuts a request off.
                if self._leaving() or not incoming.complete:
                    message["headers"].append((b"connection", b"close"))
                await send(message)
                return
            if method == "HEAD":
                message = {**message, "body": b""}
            if not incoming.complete and not message.get("more_body", False):
                # The answer is out before its end is: only the end closes the connection.
                await send({**message, "more_body": True})
                await incoming.discard()
                message = {"type": "http.response.body"}
            await send(message)

        try:
            try:
                incoming.limit = self._admit(scope)
            except Refused as refusal:
                await refuse(refusal)(scope, receive, answer)
            else:
                await self._app(scope, incoming.read, answer)
        finally:
            seconds = perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.request(route, status, seconds)
            note = log.debug if status < 400 else log.info if status < 500 else log.warning
            note("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket comes in like a request, and so does each of its frames: the rate limit counts them all."""
        structlog.contextvars.bind_contextvars(request_id=token_hex(8))
        try:
            limit = self._admit(scope)
        except Refused as refusal:
            self._metrics.request("/ws", STATUS[type(refusal)], 0.0)
            await refuse(refusal)(scope, receive, send)
            return

        async def read() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                if len(message.get("text") or message.get("bytes") or "") > limit:
                    raise too_large(limit)
                self._admit(scope)
            return message

        await self._app(scope, read, send)

    def _admit(self, scope: Scope) -> int:
        """The limit of the body, in bytes; raises `Refused`."""
        path = _below(self._settings.root_path, scope["path"])
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        authorization = host = origin = length = b""
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"content-length":
                length = value
        caller = self._access.admit(scope.get("method", "GET"), path, authorization, host, origin)
        scope.setdefault("state", {})["caller"] = caller
        limit = self._settings.batch_limit if path in BATCH_PATHS else self._settings.body_limit
        if length:
            if not length.isdigit():
                raise InvalidRequest("Content-Length must be a number of bytes")
            if int(length[:20]) > limit:
                raise too_large(limit)
        if (path.startswith("/v1/") or path in ALSO_NOT_BEFORE_READY) and (reason := self._waiting_for()) is not None:
            raise Starting(f"the server is not ready yet: {reason}")
        return limit


def _below(root: str, path: str) -> str:
    """A path as the routes have it."""
    return path.removeprefix(root) if path.startswith(f"{root}/") else path
