"""Receive the body of a request within its limits, and discard a body that nobody reads.

Plain clients write their whole body before they read anything. If a connection is closed while bytes are unread, the
operating system resets it, and such a client never sees why it was refused. So an answer that goes out before the body
was read says `Connection: close`, and the rest of the body is discarded for a while before the connection is closed.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from forge_server.errors import BodyTooLarge, BodyTooSlow, ClientLeft

# Of a body that was refused unread, at most so many bytes are discarded, each after at most IDLE seconds of waiting.
MOST_DISCARDED = 64 << 20
IDLE = 2.0
# A body of at most SMALL bytes has usually arrived already. It is awaited for SOON seconds, so that its connection can
# stay open.
SMALL = 64 << 10
SOON = 0.2


class Incoming:
    """One body, which must arrive within `seconds`.

    `complete` once all of it was received, or the client has left. `limit` is the largest size in bytes, and is set
    before the body is read.
    """

    def __init__(self, receive: Receive, headers: Headers, seconds: float) -> None:
        length = headers.get("content-length", "0")
        chunked = "transfer-encoding" in headers
        self.complete = not chunked and length == "0"
        self.limit = 0
        self._receive = receive
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._taken = 0
        # Reading would tell a client that sent `Expect: 100-continue` to send its body.
        self._small = (
            not chunked
            and "expect" not in headers
            and length.isascii()
            and length.isdigit()
            and int(length[:20]) <= SMALL
        )

    async def read(self) -> Message:
        """ASGI's `receive`. Raises `BodyTooLarge`, `BodyTooSlow` or `ClientLeft`."""
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow(f"the body must arrive within {self._seconds:g} s") from None
        self._note(message)
        if message["type"] == "http.disconnect":
            raise ClientLeft("the client left before its body was complete")
        self._taken += len(message.get("body", b""))
        if self._taken > self.limit:
            raise too_large(self.limit)
        return message

    async def settle(self) -> None:
        """Wait a moment for the rest of a small body, because a connection whose body is complete can stay open."""
        if self._small and not self.complete:
            await self._discard(SMALL, SOON, SOON)

    async def discard(self) -> None:
        """Let the client finish writing, so that it reads the answer. The wait is limited."""
        left = self._deadline - asyncio.get_running_loop().time()
        await self._discard(MOST_DISCARDED, max(left, IDLE), IDLE)

    async def _discard(self, most: int, seconds: float, idle: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not self.complete and most > 0:
                    async with asyncio.timeout(idle):
                        message = await self._receive()
                    self._note(message)
                    most -= len(message.get("body", b""))
        except TimeoutError:
            return

    def _note(self, message: Message) -> None:
        self.complete = message["type"] == "http.disconnect" or not message.get("more_body", False)


def too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"a body may have at most {limit} bytes here: send less, or in several requests")
