"""Callers share an answer, and never get one that is older than their question."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from forge_server.coalesced import Coalesced


class Reads:
    """A read that waits until the test ends it, and gives back its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.ends: dict[int, asyncio.Event] = {}

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.ends.setdefault(number, asyncio.Event()).wait()
        return number

    def end(self, number: int) -> None:
        self.ends.setdefault(number, asyncio.Event()).set()


async def ask(get: Callable[[], Awaitable[int]]) -> "asyncio.Task[int]":
    """A caller that has asked and waits."""
    task = asyncio.ensure_future(get())
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_callers_who_ask_during_a_read_share_the_next_one() -> None:
    reads = Reads()
    value = Coalesced(reads)
    first, second, third = [await ask(value.get) for _ in range(3)]
    assert reads.begun == 1
    reads.end(1)
    assert await first == 1
    reads.end(2)
    assert await asyncio.gather(second, third) == [2, 2]
    assert reads.begun == 2


async def test_a_later_question_is_never_answered_by_an_earlier_read() -> None:
    reads = Reads()
    value = Coalesced(reads)
    reads.end(1)
    assert await value.get() == 1
    reads.end(2)
    assert await value.get() == 2


async def test_a_caller_that_leaves_does_not_end_the_read_of_the_others() -> None:
    reads = Reads()
    value = Coalesced(reads)
    leaver, stayer = await ask(value.get), await ask(value.get)
    leaver.cancel()
    reads.end(1)
    reads.end(2)
    assert await stayer == 2
    with pytest.raises(asyncio.CancelledError):
        await leaver


async def test_a_read_that_fails_fails_its_callers_and_no_later_ones() -> None:
    failures = [OSError("the store is gone")]

    async def read() -> str:
        if failures:
            raise failures.pop()
        return "an answer"

    value = Coalesced(read)
    with pytest.raises(OSError, match="the store is gone"):
        await value.get()
    assert await value.get() == "an answer"
