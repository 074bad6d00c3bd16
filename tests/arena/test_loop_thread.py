"""An event loop in a thread of its own answers blocking code, and never keeps Python from ending."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from forge_arena.loop_thread import LoopThread

from ..scripts import end_of

USED = """
import asyncio
from forge_arena.loop_thread import LoopThread

async def wait(seconds):
    try:
        await asyncio.sleep(seconds)
    finally:
        print("cleaned up", flush=True)

async def begin(seconds):
    global task
    task = asyncio.create_task(wait(seconds))
    await asyncio.sleep(0)

thread = LoopThread("a test")
thread.run(begin, 600)
"""


async def add(first: int, second: int = 0) -> int:
    await asyncio.sleep(0)
    return first + second


async def fail() -> None:
    raise LookupError("not there")


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread("a test")
    yield thread
    thread.close()


def test_it_returns_what_the_function_returns_and_raises_what_it_raises(thread: LoopThread) -> None:
    assert thread.run(add, 1, second=2) == 3
    with pytest.raises(LookupError, match="not there"):
        thread.run(fail)


async def test_it_can_be_used_inside_of_a_running_loop(thread: LoopThread) -> None:
    assert thread.run(add, 1) == 1


def test_all_callers_share_one_loop(thread: LoopThread) -> None:
    async def loop() -> int:
        return id(asyncio.get_running_loop())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: thread.run(loop), range(64)))) == 1
    assert threads().count("a test") == 1


def test_no_thread_is_started_before_something_is_run() -> None:
    thread = LoopThread("an idle test")
    assert "an idle test" not in threads()
    thread.close()


def test_closing_ends_what_still_runs_and_twice_is_the_same_as_once() -> None:
    thread = LoopThread("a closed test")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(thread.run, asyncio.sleep, 600)
        while not thread.running:
            time.sleep(0.01)
        thread.close()
        thread.close()
        with pytest.raises(CancelledError):
            waiting.result(5)
    assert "a closed test" not in threads()
    with pytest.raises(RuntimeError, match="a closed test is closed: make another one"):
        thread.run(add, 1)


def test_the_thread_ends_once_nothing_refers_to_it() -> None:
    thread = LoopThread("a dropped test")
    thread.run(add, 1)
    del thread
    gc.collect()
    assert "a dropped test" not in threads()


@pytest.mark.parametrize(("last", "code"), [("", 0), ("sys.exit(3)", 3), ("raise ValueError('mine')", 1)])
def test_a_script_that_does_not_close_it_ends_after_a_clean_up(last: str, code: int) -> None:
    ended = end_of(USED, last)
    assert (ended.code, ended.said) == (code, ("cleaned up",))
    assert ended.seconds < 2.0


def test_a_clean_up_that_never_comes_to_an_end_is_not_waited_for() -> None:
    stubborn = USED.replace('print("cleaned up", flush=True)', "await asyncio.sleep(600)")
    ended = end_of(stubborn, "raise ValueError('mine')")
    assert ended.complained_of_nothing_but == "ValueError: mine"
    assert ended.code == 1
    assert ended.seconds < 5.0


FORKED = """
import os
if os.fork() == 0:
    try:
        thread.run(begin, 600)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
thread.close()
"""


def test_a_forked_process_is_told_so_instead_of_waiting_for_ever() -> None:
    assert end_of(USED + FORKED).said == (
        "a test was used in another process, before this one was forked: make one here",
        "cleaned up",
    )
