"""An event loop in a thread of its own, for blocking code that has something async to ask."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# How long the end of Python waits for the clean-up in a loop that nobody closed.
LONGEST_FAREWELL = 3.0


@dataclass(frozen=True, slots=True)
class _Running:
    """A thread and the event loop in it. The loop ends once `stopped` is set."""

    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stopped: asyncio.Event

    def end(self, patience: float | None) -> None:
        # A forked process has a copy of this object, but no such thread.
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopped.set)
            # The garbage collector runs in any thread, so it may run this method in the loop's own.
            if self.thread is not threading.current_thread():
                self.thread.join(patience)


class LoopThread:
    """Runs coroutines in one event loop. The first coroutine starts the loop's thread. Thread-safe.

    A script that forgets `close` still ends. At the end of Python, or as soon as nothing refers to this object, the
    coroutines in the loop are cancelled, and their clean-up gets at most `LONGEST_FAREWELL` seconds.

    Args:
        name: what the loop is for, in errors and in lists of threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._closed = False

    def run(self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `function(*args, **kwargs)` in the loop; return what it returns, raise what it raises.

        Raises:
            RuntimeError: after `close`, and in a forked process whose parent has run something here.
            concurrent.futures.CancelledError: the loop was closed meanwhile.
        """
        # Under the lock, because a loop that is about to end would never run the coroutine.
        with self._lock:
            loop = self._running_or_start().loop
            future = asyncio.run_coroutine_threadsafe(function(*args, **kwargs), loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    @property
    def running(self) -> bool:
        """Whether the loop has been started and not been closed."""
        return self._running is not None and self._running.thread.is_alive()

    def close(self) -> None:
        """Cancel what still runs, wait for its clean-up, and end the thread. Closing twice is like closing once."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.end(None)

    def _running_or_start(self) -> _Running:
        if self._closed:
            raise RuntimeError(f"{self._name} is closed: make another one")
        if self._running is None:
            self._running = _start(self._name)
            # The finalizer must not refer to this object, because otherwise this object would never be collected.
            weakref.finalize(self, self._running.end, LONGEST_FAREWELL)
        if not self._running.thread.is_alive():
            raise RuntimeError(f"{self._name} was used in another process, before this one was forked: make one here")
        return self._running


def _start(name: str) -> _Running:
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def until_stopped() -> None:
        stopped = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), stopped))
        await stopped.wait()

    thread = threading.Thread(target=lambda: asyncio.run(until_stopped()), name=name, daemon=True)
    thread.start()
    return _Running(thread, *ready.result())
