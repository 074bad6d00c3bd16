"""Share one answer among callers that ask at the same time, without ever giving an answer older than the question."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Coalesced(Generic[T]):
    """A read that many callers share. Every caller gets a value that was read after the caller had asked.

    Three callers, each asking a little later than the one before:

        A asks. No read is running, so read 1 begins.
        B asks while read 1 runs. Read 1 may already have seen a value from before B asked, so B waits for read 2,
          which begins when read 1 ends.
        C asks while read 1 still runs. Read 2 has not begun, so C waits for read 2 as well.
        Read 1 ends and answers A. Read 2 begins, ends, and answers B and C: two reads for three callers.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._running: asyncio.Task[T] | None = None
        self._planned: asyncio.Task[T] | None = None

    async def get(self) -> T:
        if self._planned is None:
            self._planned = asyncio.create_task(self._read_after(self._running))
        # Shielded, because a caller that is cancelled must not cancel the read of the others.
        return await asyncio.shield(self._planned)

    async def _read_after(self, running: asyncio.Task[T] | None) -> T:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._planned = self._planned, None
        return await self._read()
