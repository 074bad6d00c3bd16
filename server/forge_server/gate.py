"""The gate before all routes: who may enter, how large a body may be, how slowly it may come; and a line in the log."""

from collections.abc import Callable
from secrets import token_hex
from time import perf_counter

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forge_server.access import Access, is_page
from forge_server.answers import STATUS, refuse
from forge_server.errors import InvalidRequest, Refused, Starting
from forge_server.incoming import Incoming, too_large
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.sessions import PageSession, PageSessions
from forge_server.settings import Settings

BATCH_PATHS = frozenset({"/v1/verdicts", "/v1/curriculum"})
# Paths that wait until the server is ready, as all of /v1 does.
ALSO_NOT_BEFORE_READY = frozenset({"/reset", "/step", "/ws"})
# No answer may be cached, framed, or taken for another type than it says.
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: a browser would then send `Origin: null` with the forms of our own pages.
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Gate:
    """Refuses before a body is read or parsed. It is pure ASGI, because every request pays for it.

    `waiting_for` says why the server is not ready, None if it is. `leaving` says whether the server is shutting down.
    `sessions` is None until the store is open. `refuse_page` is the answer to a refused request for a page.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        metrics: Metrics,
        waiting_for: Callable[[], str | None],
        leaving: Callable[[], bool],
        access: Access,
        sessions: Callable[[], PageSessions | None],
        refuse_page: Callable[[Scope, Refused], ASGIApp],
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._waiting_for = waiting_for
        self._leaving = leaving
        self._access = access
        self._sessions = sessions
        self._refuse_page = refuse_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        # With the root path in the scope, routes match whether or not the proxy has removed it from the path.
        scope["root_path"] = self._settings.root_path
        if scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
            return
        await self._serve_request(scope, receive, send)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = perf_counter()
        method: str = scope["method"]
        if method == "HEAD":
            # A copy, because uvicorn reads the method from its own scope.
            scope = {**scope, "method": "GET"}
        status = 500
        request_id = token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        incoming = Incoming(receive, Headers(scope=scope), self._settings.body_timeout)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await incoming.settle()
                message["headers"] = [*message["headers"], *HEADERS, (b"x-request-id", request_id.encode())]
                # uvicorn does not close a connection that arrives at the moment of SIGTERM. The shutdown would then
                # wait for it until the time limit.
                if self._leaving() or not incoming.complete:
                    message["headers"].append((b"connection", b"close"))
                await send(message)
                return
            if method == "HEAD":
                message = {**message, "body": b""}
            if not incoming.complete and not message.get("more_body", False):
                # The whole answer goes out first, and its end only after the body is discarded, because the end closes
                # the connection.
                await send({**message, "more_body": True})
                await incoming.discard()
                message = {"type": "http.response.body"}
            await send(message)

        try:
            try:
                incoming.limit = self._admit(scope)
            except Refused as refusal:
                page = is_page(_route_path(self._settings.root_path, scope["path"]))
                response = self._refuse_page(scope, refusal) if page else refuse(refusal)
                await response(scope, receive, answer)
            else:
                await self._app(scope, incoming.read, answer)
        finally:
            seconds = perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.request(route, status, seconds)
            write = log.debug if status < 400 else log.info if status < 500 else log.warning
            write("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a WebSocket like a request, and each of its frames too: the rate limit counts them all."""
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
        """The largest body that the request may have, in bytes. Raises `Refused`."""
        path = _route_path(self._settings.root_path, scope["path"])
        headers = Headers(scope=scope)
        session = self._session(headers)
        caller = self._access.admit(
            scope.get("method", "GET"),
            path,
            authorization=headers.get("authorization", ""),
            host=headers.get("host", ""),
            origin=headers.get("origin", ""),
            session=session,
        )
        scope.setdefault("state", {}).update(caller=caller, session=session)
        limit = self._settings.batch_limit if path in BATCH_PATHS else self._settings.body_limit
        if length := headers.get("content-length", ""):
            if not (length.isascii() and length.isdigit()):
                raise InvalidRequest("Content-Length must be a number of bytes")
            if int(length[:20]) > limit:
                raise too_large(limit)
        if (path.startswith("/v1/") or path in ALSO_NOT_BEFORE_READY) and (reason := self._waiting_for()) is not None:
            raise Starting(f"the server is not ready yet: {reason}")
        return limit

    def _session(self, headers: Headers) -> PageSession | None:
        """The session of the request's cookie, if the cookie is this arena's and its token still opens the server."""
        cookies, sessions = headers.get("cookie", ""), None
        if cookies and (sessions := self._sessions()) is not None:
            # A browser sends all cookies of the host, also those of other programs.
            for pair in cookies.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == sessions.cookie and (session := sessions.read(value)) is not None:
                    return session if self._access.knows(session) else None
        return None


def _route_path(root: str, path: str) -> str:
    """The path as the routes know it: without the root path, if the proxy has left it there."""
    return path.removeprefix(root) if path.startswith(f"{root}/") else path
