"""Close connections on which no request comes. Otherwise they would use up the open files of the server.

If the open files are used up all the same, one line of the log says so, and not one for each connection that waits.

uvicorn limits only the time between an answer and the next request. A connection on which nothing was sent, or half of
a request's head, would stay open for ever, and takes no token.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from forge_server.logs import no_connection_taken

if TYPE_CHECKING:
    # Either of uvicorn's two, which have these parts in common.
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as UvicornConnection
else:
    UvicornConnection = AutoHTTPProtocol

# How asyncio says that it could not take a connection, because there are too many open files or too little memory.
NO_CONNECTION = "socket.accept() out of system resource"


def note_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what an event loop could not do.

    asyncio tries to take a connection up to 2,048 times a second, and reports each failure with a traceback.
    """
    if context["message"] == NO_CONNECTION:
        no_connection_taken.note(context["exception"])
    else:
        loop.default_exception_handler(context)


class Connection(UvicornConnection):
    """uvicorn's connection, which must have the whole head of a request `timeout_keep_alive` seconds after it was made,
    and as long after the first byte of each further request."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.timeout_keep_alive, self._close)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self) -> None:
        self._waiting = None
        # A WebSocket has taken the connection over, if the protocol is another one.
        if self.transport.get_protocol() is self:
            self.transport.close()
