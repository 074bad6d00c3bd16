"""Make episodes ahead of the requests for them, so that no Worker call is on the hot path."""

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass
from time import perf_counter

from pydantic_core import PydanticSerializationError

from forge_arena.curriculum import Cell
from forge_arena.episodes import Arena
from forge_arena.errors import KeyFromAnotherSuite, Unfit, WorkerFailed
from forge_arena.types import Episode, Outcome, Probe, Split
from forge_arena.verify import Judge
from forge_arena.wire import FailedEpisode, OpenEpisodes
from forge_server.curriculum import Following
from forge_server.errors import Busy, NothingMatches, Refused
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.settings import Settings
from forge_server.store import Store

TRIES = 3
RESERVE = 32
PAUSE = 0.1
LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Ready:
    """An episode that nobody holds yet, as it is kept at hand, with the bytes that the store will keep."""

    episode: Episode
    judge: Judge
    split: Split
    cell: Cell
    payload: bytes


class NeverMade(FailedEpisode):
    """A failure that another try would not mend."""


def encode(episode: Episode) -> bytes:
    return zlib.compress(episode.model_dump_json(exclude_defaults=True).encode(), 1)


def decode(payload: bytes) -> Episode:
    return Episode.model_validate_json(zlib.decompress(payload))


def without_statements(episode: Episode) -> Episode:
    """What is needed to judge an episode: only the Worker needs the statements, two thirds of its memory."""
    return episode.model_copy(update={"scenario": episode.scenario.model_copy(update={"statements": ()})})


class Maker:
    """Asks the arena for episodes: so many at a time, so long each, so many waiting."""

    def __init__(self, arena: Arena, settings: Settings, metrics: Metrics) -> None:
        self._arena = arena
        self._settings = settings
        self._metrics = metrics
        # Filling the stock and answering requests have places of their own: neither can starve the other.
        self.fillers = max(1, settings.concurrency // 2)
        self._places = asyncio.Semaphore(max(1, settings.concurrency - self.fillers))
        self._turnstile = asyncio.Lock()
        self._waiting = 0

    async def make(self, key: str) -> Ready:
        """Raises `WorkerFailed`, also where the Worker did not answer in time."""
        # A scripted Worker never waits for anything: let one episode begin per pass of the loop, so that requests are
        # answered between them.
        async with self._turnstile:
            await asyncio.sleep(0)
        start = perf_counter()
        try:
            try:
                async with asyncio.timeout(self._settings.make_timeout):
                    episode, judge = await self._arena.make_judged(key)
            except TimeoutError:
                complaint = self._arena.usability.complaint()
                why = "" if complaint is None else f"; {complaint}"
                raise WorkerFailed(f"no episode after {self._settings.make_timeout:g} s{why}") from None
            try:
                payload = encode(episode)
            except PydanticSerializationError:
                raise WorkerFailed("the Worker's answer is not valid Unicode") from None
        except WorkerFailed as failure:
            self._metrics.worker_failures.labels("episode").inc()
            log.warning("worker_failed", key=key, reason=failure.reason)
            raise
        self._metrics.make_seconds.observe(perf_counter() - start)
        judge.forget_statements()
        kept = episode.model_copy(update={"scenario": judge.scenario})
        plan = self._arena.plan(key)
        return Ready(kept, judge, plan.split, plan.cell, payload)

    async def probe(self, episode: Episode, probes: tuple[Probe, ...], question: str) -> Probe:
        """The Worker's answer to a question about an episode; raises `WorkerFailed`."""
        if self._waiting >= self._settings.pending_makes:
            raise Busy("too many questions to the Worker are waiting: slow down and try again")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._settings.make_timeout), self._places:
                return await self._arena.probe(episode, probes, question)
        except TimeoutError:
            self._metrics.worker_failures.labels("probe").inc()
            raise WorkerFailed(f"no answer after {self._settings.make_timeout:g} s") from None
        except WorkerFailed:
            self._metrics.worker_failures.labels("probe").inc()
            raise
        finally:
            self._waiting -= 1

    async def make_all(self, keys: Sequence[str]) -> list[Ready | FailedEpisode]:
        """Make these for a request that waits: each within the request's time limit, or failed with its reason."""
        if self._waiting + len(keys) > self._settings.pending_makes:
            raise Busy("too many episodes are waiting to be made: slow down and try again")
        tasks = [asyncio.create_task(self._in_turn(key)) for key in keys]
        try:
            await asyncio.wait(tasks, timeout=self._settings.open_timeout)
        finally:
            for task in tasks:
                task.cancel()
        late = f"not made within {self._settings.open_timeout:g} s"
        return [
            task.result()
            if task.done() and not task.cancelled()
            else FailedEpisode(key=key, outcome=Outcome.worker_failed, reason=late)
            for key, task in zip(keys, tasks, strict=True)
        ]

    async def _in_turn(self, key: str) -> Ready | FailedEpisode:
        self._waiting += 1
        try:
            async with self._places:
                return await self.attempt(key)
        finally:
            self._waiting -= 1

    async def attempt(self, key: str) -> Ready | FailedEpisode:
        """Make an episode or say why not. A defect that one scenario lays bare is logged and ends only that episode."""
        task = asyncio.create_task(self.make(key))
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, Unfit):
            return NeverMade(key=key, outcome=Outcome.worker_failed, reason=error.reason)
        if isinstance(error, WorkerFailed):
            return FailedEpisode(key=key, outcome=Outcome.worker_failed, reason=error.reason)
        log.error("defect", key=key, exc_info=error)
        reason = "the arena has a defect at this key, which the server has logged"
        return FailedEpisode(key=key, outcome=Outcome.infra_failed, reason=reason)


class Streams:
    """Where each stream of keys goes on: one for a split and its filters, shared by all replicas of a store. What the
    curriculum leaves out of the train split is passed over, and stays so when the curriculum changes."""

    def __init__(self, arena: Arena, store: Store, following: Following) -> None:
        self._arena = arena
        self._store = store
        self._following = following

    async def left_out(self) -> Set[Cell]:
        """What the train stream may not hold at the moment."""
        return (await self._following.now()).zones.left_out

    def fits(self, key: str) -> bool:
        """Whether a key taken earlier may be in the train stream still, as far as is known without asking the store."""
        return self._arena.plan(key).cell not in self._following.seen.zones.left_out

    async def next_keys(self, ask: OpenEpisodes, count: int) -> list[str]:
        if ask.start is not None:
            keys, _ = await self._matching(ask, ask.start, count)
            return keys
        filters = {
            "domain": ask.domain,
            "corruption": ask.corruption,
            "stealth": ask.stealth,
            "by": ask.mechanism,
            "form": ask.form,
        }
        name = ask.split + json.dumps({name: value for name, value in filters.items() if value is not None})
        while True:
            at = await self._store.stream(name)
            keys, to = await self._matching(ask, at, count)
            if await self._store.advance(name, at, to):
                return keys

    async def _matching(self, ask: OpenEpisodes, start: int, count: int) -> tuple[list[str], int]:
        without = await self.left_out() if ask.split is Split.train else frozenset()
        try:
            # A rare combination is found only after looking at thousands of plans: not in the event loop.
            keys, to = await asyncio.to_thread(
                self._arena.keys,
                ask.split,
                start,
                count,
                ask.filters,
                without=without,
            )
            self._arena.plan(keys[0])
        except KeyFromAnotherSuite:
            also = " or clear the curriculum, which leaves many out" if without else ""
            raise NothingMatches(f"no episode of this split matches the filters: ask for fewer of them{also}") from None
        return keys, to


class Stock:
    """Ready episodes of the train stream, refilled in the background once half are gone."""

    def __init__(self, maker: Maker, streams: Streams, settings: Settings) -> None:
        self._maker = maker
        self._streams = streams
        self._size = settings.stock
        self._ready: deque[Ready] = deque()
        self._keys: deque[tuple[str, int]] = deque()
        self._reserving = asyncio.Lock()
        self._low = asyncio.Event()
        self._low.set()
        self.filled_once = asyncio.Event()
        self.trouble: str | None = None

    def __len__(self) -> int:
        return len(self._ready)

    def take(self, count: int, without: Set[Cell] = frozenset()) -> list[Ready]:
        """Up to `count` ready episodes; never waits. Those `without` were made before the curriculum changed, or while it
        did, and are dropped."""
        taken: list[Ready] = []
        while self._ready and len(taken) < count:
            if (one := self._ready.popleft()).cell not in without:
                taken.append(one)
        self._refill()
        return taken

    def drop(self, without: Set[Cell]) -> None:
        """Let go of what may not be in the stream any more."""
        self._ready = deque(one for one in self._ready if one.cell not in without)
        self._refill()

    def _refill(self) -> None:
        if len(self._ready) <= self._size // 2:
            self._low.set()

    async def keep_full(self) -> None:
        """Refill until cancelled."""
        async with asyncio.TaskGroup() as fillers:
            for _ in range(self._maker.fillers):
                fillers.create_task(self._fill())

    async def _fill(self) -> None:
        pause = PAUSE
        while True:
            await self._low.wait()
            try:
                key, tries = await self._next_key()
            except Refused as refusal:
                self.trouble = refusal.message
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            made = await self._maker.attempt(key)
            if isinstance(made, FailedEpisode):
                self.trouble = made.reason
                if made.outcome is Outcome.worker_failed and tries < TRIES and not isinstance(made, NeverMade):
                    self._keys.append((key, tries + 1))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            self._ready.append(made)
            pause = PAUSE
            self.trouble = None
            self.filled_once.set()
            if len(self._ready) >= self._size:
                self._low.clear()

    async def _next_key(self) -> tuple[str, int]:
        async with self._reserving:
            while True:
                if not self._keys:
                    ask = OpenEpisodes(count=RESERVE)
                    self._keys.extend((key, 1) for key in await self._streams.next_keys(ask, RESERVE))
                key, tries = self._keys.popleft()
                if self._streams.fits(key):
                    return key, tries
