"""Keep a vLLM running: start it, start it again whenever it ends, and leave it down if it ends too often."""

import asyncio
import logging
import time
from collections import deque

from forge_arena.errors import WorkerFailed
from forge_arena.workers.vllm_engine import Engine, Launcher

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0


class RestartBudget:
    """How often an engine may be restarted: `most` times within `window` seconds, and `most` times without an answer.

    The second limit is for an engine that hangs again after every start. Because a hang takes long to notice, such an
    engine would never be restarted too often within a window of time.
    """

    def __init__(self, most: int, window: float, first_pause: float) -> None:
        self.most = most
        self._window = window
        self._first_pause = first_pause
        self._restarts: deque[float] = deque()
        # Lives in a row that did not start, or ended without an answer to what they were asked.
        self._fruitless = 0

    def note_failed_start(self) -> None:
        self._fruitless += 1

    def note_end(self, engine: Engine) -> None:
        """Count a life that has ended. A life that nobody asked anything proves nothing."""
        if engine.fruitful:
            self._fruitless = 0
        elif engine.silent_since is not None:
            self._fruitless += 1

    def overdrawn(self) -> str | None:
        """How often the engine was restarted, if that is too often for one more time."""
        now = time.monotonic()
        while self._restarts and now - self._restarts[0] > self._window:
            self._restarts.popleft()
        if len(self._restarts) >= self.most:
            return f"{len(self._restarts)} times within {self._window:g} s"
        if self._fruitless > self.most:
            return f"{self.most} times without one answer since"
        return None

    def spend(self) -> tuple[int, float]:
        """Take one restart: its number within the window, and the seconds to wait before it."""
        self._restarts.append(time.monotonic())
        number = len(self._restarts)
        return number, min(LONGEST_PAUSE, self._first_pause * 2.0 ** (number - 1))


class Supervisor:
    """Runs one engine after the other, while `run` runs.

    Attributes:
        engine: the engine that is up; None while none is.
        trouble: why there is none.
    """

    def __init__(self, launcher: Launcher, budget: RestartBudget) -> None:
        self.engine: Engine | None = None
        self.trouble = "the vLLM engine is starting"
        self._launcher = launcher
        self._budget = budget
        self._settled = asyncio.Event()

    async def wait_until_settled(self) -> None:
        """Return once an engine is up, or none will come any more."""
        await self._settled.wait()

    async def run(self) -> None:
        """Keep an engine running until it ends too often, cannot start in the first place, or this is cancelled."""
        try:
            ended = await self._run_one_life(is_first=True)
            while ended is not None and await self._may_restart(ended):
                ended = await self._run_one_life(is_first=False)
        finally:
            await self._bury("it was stopped")
            self._settled.set()

    async def _run_one_life(self, *, is_first: bool) -> str | None:
        """Why this life ended; None if the engine needs a person and not another try."""
        try:
            engine = await self._launcher.launch()
        except WorkerFailed as failed:
            self._budget.note_failed_start()
            if is_first:
                self.trouble = failed.reason
                return None
            return failed.reason
        self.engine = engine
        self._settled.set()
        ended = await engine.wait_until_gone()
        self.trouble = f"the vLLM engine is restarting: {ended}"
        self._settled.clear()
        await self._bury(ended)
        self._budget.note_end(engine)
        return ended

    async def _may_restart(self, ended: str) -> bool:
        """Whether the engine may be restarted; returns after the pause before the restart."""
        too_often = self._budget.overdrawn()
        if too_often is not None:
            self.trouble = f"the vLLM engine was restarted {too_often}, ended again, and is left down until start() is called: {ended}"
            logger.error(self.trouble)
            return False
        number, pause = self._budget.spend()
        self.trouble = (
            f"the vLLM engine is restarting (attempt {number} of {self._budget.most}), try again in a minute: {ended}"
        )
        logger.warning(self.trouble)
        await asyncio.sleep(pause)
        return True

    async def _bury(self, reason: str) -> None:
        """Tell those who wait for the engine that it is gone, and end what is left of it."""
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.gone.set_result(reason)
            await engine.stop()
