"""The life of a server behind its routes: open the store, start the Worker, fill the stock, and shut down in order."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.types import Noun
from forge_arena.wire import Stats
from forge_server.episodes import Episodes
from forge_server.errors import Starting
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.recent import Part, Recent
from forge_server.runs import Runs
from forge_server.sessions import PageSessions
from forge_server.settings import Settings
from forge_server.siblings import Answer, Siblings
from forge_server.store import Store

# A server that is ready logs that its Worker is unusable once this many answers in a row were rejected.
ALARMING = 8
# Seconds of waiting from which on the reason says how long the wait has lasted.
LONG_WAIT = 10.0


class Held(Noun):
    """What one process of a server holds, as the others add it up."""

    stock: int
    making: dict[str, int]
    uptime_seconds: float


class Service:
    """Store, stock, sweeper and Worker, from the app's start to its end.

    `ready` is set while episodes can be had. `stopped` is set once the work has ended, and `failure` is then the error
    that ended it, None after an ordinary shutdown.
    """

    def __init__(self, settings: Settings, arena: Arena, siblings: Siblings) -> None:
        self.settings = settings
        self.arena = arena
        self.siblings = siblings
        self.metrics = Metrics(siblings.folder)
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self.failure: BaseException | None = None
        self.leaving: Callable[[], bool] = lambda: False
        self._ever_ready = False
        self._started = time.time()
        # What the other processes of this server may ask of this one.
        self.answers: dict[str, Answer] = {
            "held": self._answer_held,
            "recent": self._answer_recent,
            "publish": self._answer_publish,
        }
        self._wait_for("starting")
        self._episodes: Episodes | None = None
        self._store: Store | None = None
        # Of the pages for people; None until the store is open.
        self.sessions: PageSessions | None = None
        self.metrics.watch_making(arena.counts)
        self.metrics.watch_stock(lambda: len(self._episodes.stock) if self._episodes else 0)

    @property
    def episodes(self) -> Episodes:
        """Raises `Starting` if the store is not open yet."""
        if self._episodes is None:
            raise Starting("the server is not ready yet: the store is closed")
        return self._episodes

    @property
    def runs(self) -> Runs:
        """The training runs that trainers report. Raises `Starting` if the store is not open yet."""
        if self._store is None:
            raise Starting("the server is not ready yet: the store is closed")
        return Runs(self._store)

    async def stats(self) -> Stats:
        """The counts of the server, with what all of its processes hold. Raises `Starting` or `StoreUnavailable`."""
        stats = await self.episodes.stats()
        parts = [Held.model_validate(answer) for answer in await self.siblings.ask("held")]
        making = Counter(stats.making)
        for part in parts:
            making.update(part.making)
        return stats.model_copy(
            update={
                "stock": stats.stock + sum(part.stock for part in parts),
                "making": dict(sorted(making.items())),
                "uptime_seconds": max([stats.uptime_seconds, *(part.uptime_seconds for part in parts)]),
            }
        )

    async def recent(self) -> Recent:
        """The verdicts of the last minutes, in all processes of the server."""
        answers = await self.siblings.ask("recent")
        return self.episodes.recent.together(Part.model_validate(answer) for answer in answers)

    async def metrics_text(self) -> bytes:
        """The metrics of all processes of the server, in Prometheus's text format."""
        await self.siblings.ask("publish")
        return self.metrics.text()

    async def _answer_held(self, _: object) -> object:
        uptime = time.time() - self._started
        return Held(stock=len(self.episodes.stock), making=dict(self.arena.counts), uptime_seconds=uptime).model_dump()

    async def _answer_recent(self, _: object) -> object:
        return self.episodes.recent.part().model_dump(mode="json")

    async def _answer_publish(self, _: object) -> object:
        self.metrics.publish()
        return None

    def waiting_for(self) -> str | None:
        """What still keeps the server from being ready, or None."""
        if self.ready.is_set():
            return None
        seconds = time.monotonic() - self._since
        parts = [self._reason if seconds < LONG_WAIT else f"{self._reason}, for {seconds:.0f} s so far"]
        if (complaint := self.arena.usability.complaint()) is not None:
            parts.append(complaint)
        elif self._episodes is not None and self._episodes.stock.trouble:
            parts.append(self._episodes.stock.trouble)
        elif self._hint and seconds >= LONG_WAIT:
            parts.append(self._hint)
        return "; ".join(parts)

    def _wait_for(self, reason: str, hint: str = "") -> None:
        """Say from now on that the server waits for this. The `hint`, what to look at, follows after a long wait."""
        self._reason = reason
        self._hint = hint
        self._since = time.monotonic()

    async def store_trouble(self) -> str | None:
        """Why the store cannot be used at the moment, or None."""
        return None if self._store is None else await self._store.trouble()

    @asynccontextmanager
    async def run(self, _: FastAPI) -> AsyncIterator[None]:
        """Open the store at once. Start the Worker and fill the stock while requests are told to wait."""
        store = Store(self.settings.store, pending=self.settings.pending_writes, metrics=self.metrics)
        self._store = store
        self.sessions = PageSessions(await asyncio.to_thread(store.secret))
        self._episodes = Episodes(self.arena, store, self.settings, self.metrics)
        if self._episodes.profile.label:
            await store.keep_profile(self._episodes.profile)
        await self.siblings.listen(self.answers)
        work = asyncio.create_task(self._work(self._episodes))
        work.add_done_callback(self._note_end)
        try:
            yield
        finally:
            if not self._ever_ready and self.failure is None:
                log.error("stopped_before_ready", reason=self.waiting_for())
            self.ready.clear()
            self._wait_for("the server is shutting down")
            work.cancel()
            await asyncio.wait([work])
            await self.siblings.aclose()
            await self.arena.aclose()
            await asyncio.to_thread(store.close)

    def _note_end(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled():
            self.ready.clear()
            self.failure = work.exception()
            log.error("stopped", error=repr(self.failure))
        self.stopped.set()

    async def _work(self, episodes: Episodes) -> None:
        watch = asyncio.create_task(self._log_trouble())
        try:
            self._wait_for(
                f"the Worker {self.settings.worker.partition('@')[0]} is starting",
                "it has answered no chat yet: its model may be loading; otherwise see whether its endpoint hangs",
            )
            try:
                await self.arena.start()
            except WorkerFailed as failure:
                self._wait_for(f"the Worker did not start: {failure.reason}")
                raise
            self._wait_for("the first episode is being made")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(episodes.stock.keep_full())
                tasks.create_task(episodes.sweep())
                await episodes.stock.filled_once.wait()
                self.ready.set()
                self._ever_ready = True
                log.info("ready", worker=self.arena.answers_by)
        finally:
            watch.cancel()

    async def _log_trouble(self) -> None:
        """Log again and again why the server is not ready; once it is ready, why its Worker is unusable."""
        usability = self.arena.usability
        while True:
            await asyncio.sleep(self.settings.watch_every)
            if (reason := self.waiting_for()) is not None:
                log.warning("not_ready", reason=reason)
            elif usability.useless >= ALARMING and usability.seconds_without() >= self.settings.watch_every:
                log.warning("worker_unusable", reason=usability.complaint())
