"""The body of a request as it comes in: within its limits, and discarded where nobody reads it.

Plain clients write their whole body before they read anything. A connection that is closed on unread bytes is reset by
the operating system, and such a client never sees why it was refused. So an answer that goes out before the body is
read says `Connection: close`, and what still comes is discarded for a while before the connection is let go.
"""

import asyncio
from collections.abc import Iterable

from starlette.types import Message, Receive

from forge_server.errors import BodyTooLarge, BodyTooSlow, ClientLeft

# A body that is refused unread: so many bytes are discarded, and so long is waited for more of them, in seconds.
MOST_DISCARDED = 64 << 20
IDLE = 2.0
# A body of at most so many bytes is usually there already, so that its connection may stay open.
SMALL = 64 << 10
SOON = 0.2


class Incoming:
    """One body. `complete` once all of it was received, or nobody is there any more who would send the rest."""

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]], seconds: float) -> None:
        length = b"0"
        chunked = asked_first = False
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                chunked = True
            elif name == b"expect":
                asked_first = True
        self.complete = not chunked and length == b"0"
        self.limit = 0
        self._receive = receive
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._taken = 0
        # Who asks whether to send waits for a word, and reading would give the word.
        self._small = not chunked and not asked_first and length.isdigit() and int(length[:20]) <= SMALL

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
            raise ClientLeft("the client went away before its body was complete")
        self._taken += len(message.get("body", b""))
        if self._taken > self.limit:
            raise too_large(self.limit)
        return message

    async def settle(self) -> None:
        """Wait a moment for the rest of a small body, because a connection whose body is complete can stay open."""
        if self._small and not self.complete:
            await self._discard(SMALL, SOON, SOON)

    async def discard(self) -> None:
        """Let the sender finish writing, so that it reads the answer. Nobody is waited for without end."""
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
