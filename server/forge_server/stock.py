"""Make episodes ahead of the requests for them, so that no request for the train stream waits for the Worker."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass
from time import perf_counter

from forge_arena.curriculum import Cell
from forge_arena.episodes import Arena
from forge_arena.errors import Unfit, UnknownKey, WorkerFailed
from forge_arena.types import Episode, Outcome, Probe, Split
from forge_arena.verify import Verifier
from forge_arena.wire import FailedEpisode, OpenEpisodes
from forge_server.curriculum import CurriculumWatch
from forge_server.errors import Busy, NothingMatches, Refused
from forge_server.logs import log
from forge_server.metrics import Metrics
from forge_server.payload import encode
from forge_server.settings import Settings
from forge_server.store import Store

# How many times the stock tries a key before it takes another key.
TRIES = 3
# How many keys of the stream the stock reserves at a time: each reservation is a write to the store.
RESERVE = 32
# Seconds of pause after a failure. The pause doubles up to the longest one, so that a broken Worker is not flooded.
PAUSE = 0.1
LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class ReadyEpisode:
    """An episode that nobody has opened yet: parsed, with its verifier, and with the bytes for the store."""

    episode: Episode
    verifier: Verifier
    split: Split
    cell: Cell
    payload: bytes


def outcome_of(error: Exception) -> tuple[Outcome, str]:
    """What becomes of an episode whose making raised `error`: the outcome, and the reason for the client."""
    if isinstance(error, WorkerFailed):
        return Outcome.worker_failed, error.reason
    return Outcome.infra_failed, "the arena has a defect at this key, which the server has logged"


def failed_episode(key: str, error: Exception) -> FailedEpisode:
    outcome, reason = outcome_of(error)
    if outcome is Outcome.infra_failed:
        log.error("defect", key=key, exc_info=error)
    return FailedEpisode(key=key, outcome=outcome, reason=reason, final=isinstance(error, Unfit))


class Maker:
    """Makes episodes and probe answers. Limits how many run at a time, how many wait, and how long each may take."""

    def __init__(self, arena: Arena, settings: Settings, metrics: Metrics) -> None:
        self._arena = arena
        self._settings = settings
        self._metrics = metrics
        # The stock and the requests have places of their own, so that neither can starve the other.
        self.fillers = max(1, settings.concurrency // 2)
        self._places = asyncio.Semaphore(max(1, settings.concurrency - self.fillers))
        self._turnstile = asyncio.Lock()
        self._waiting = 0

    async def make(self, key: str) -> ReadyEpisode:
        """Raises `WorkerFailed`, also if the Worker did not answer in time."""
        # A scripted Worker never waits for anything. Only one episode may begin per pass of the event loop; otherwise
        # requests would not be answered between the episodes.
        async with self._turnstile:
            await asyncio.sleep(0)
        start = perf_counter()
        try:
            episode, verifier = await self._ask_the_arena(key)
            payload = encode(episode)
        except WorkerFailed as failure:
            self._metrics.worker_failures.labels("episode").inc()
            log.warning("worker_failed", key=key, reason=failure.reason)
            raise
        self._metrics.make_seconds.observe(perf_counter() - start)
        # The episode and its verifier share one scenario.
        verifier.forget_statements()
        episode = episode.model_copy(update={"scenario": verifier.scenario})
        plan = self._arena.plan(key)
        return ReadyEpisode(episode, verifier, plan.split, plan.cell, payload)

    async def _ask_the_arena(self, key: str) -> tuple[Episode, Verifier]:
        try:
            async with asyncio.timeout(self._settings.make_timeout):
                return await self._arena.make_with_verifier(key)
        except TimeoutError:
            complaint = self._arena.usability.complaint()
            why = "" if complaint is None else f"; {complaint}"
            raise WorkerFailed(f"no episode after {self._settings.make_timeout:g} s{why}") from None

    async def probe(self, episode: Episode, probes: tuple[Probe, ...], question: str) -> Probe:
        """The Worker's answer to a question about an episode.

        Raises:
            Busy: too many requests wait for the Worker.
            WorkerFailed: the Worker failed, or did not answer in time.
        """
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

    async def make_all(self, keys: Sequence[str]) -> list[ReadyEpisode | FailedEpisode]:
        """The episodes of a request, in the order of its keys. An episode that is late is a failed one.

        Raises:
            Busy: too many episodes wait to be made.
        """
        if self._waiting + len(keys) > self._settings.pending_makes:
            raise Busy("too many episodes are waiting to be made: slow down and try again")
        # Counted here and not by each task, because requests of the same moment come before any of their tasks.
        self._waiting += len(keys)
        tasks = [asyncio.create_task(self._make_in_turn(key)) for key in keys]
        for task in tasks:
            task.add_done_callback(self._waits_no_more)
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

    async def _make_in_turn(self, key: str) -> ReadyEpisode | FailedEpisode:
        async with self._places:
            return await self.attempt(key)

    def _waits_no_more(self, task: asyncio.Task[ReadyEpisode | FailedEpisode]) -> None:
        self._waiting -= 1

    async def attempt(self, key: str) -> ReadyEpisode | FailedEpisode:
        """Make an episode, or say why it could not be made."""
        try:
            return await self.make(key)
        # Every exception, because scenarios, corruptions and Workers may be anybody's code. One key that shows a defect
        # costs one episode and a line in the log; it must not end the task that fills the stock, and so the server.
        except Exception as error:  # noqa: BLE001
            return failed_episode(key, error)


def stream_name(ask: OpenEpisodes, owner: str) -> str:
    """The name of a stream in the store."""
    filters = {
        "domain": ask.domain,
        "corruption": ask.corruption,
        "stealth": ask.stealth,
        "by": ask.mechanism,
        "knows": ask.awareness,
        "shows": ask.candour,
        "form": ask.form,
    }
    name = ask.split + json.dumps({name: value for name, value in filters.items() if value is not None})
    if ask.stream is None:
        return name
    # Hashed, because the three together may be longer than the column.
    return f"own:{hashlib.sha256(json.dumps([owner, ask.stream, name]).encode()).hexdigest()}"


class Streams:
    """Streams of keys: one for each split and its filters, shared by all replicas of a store.

    A client may have streams of its own, by a name. They belong to its token, and begin at index 0.

    A stream skips the cells that the curriculum leaves out of the train split. It does not come back to the skipped
    keys when the curriculum changes."""

    def __init__(self, arena: Arena, store: Store, watch: CurriculumWatch) -> None:
        self._arena = arena
        self._store = store
        self._watch = watch

    async def cells_left_out(self) -> Set[Cell]:
        """The cells that the train stream may not hold at the moment."""
        return (await self._watch.now()).zones.left_out

    def allows(self, key: str) -> bool:
        """Whether the train stream may still hold a key that was reserved earlier. Does not ask the store."""
        return self._arena.plan(key).cell not in self._watch.last_seen.zones.left_out

    async def next_keys(self, ask: OpenEpisodes, count: int, owner: str = "") -> list[str]:
        """The next keys that match, for the token that `owner` names.

        Raises:
            NothingMatches: no key of the split matches the filters and the curriculum.
        """
        if ask.begins_at is not None:
            keys, _ = await self._matching(ask, ask.begins_at, count)
            return keys
        name = stream_name(ask, owner)
        while True:
            at = await self._store.stream(name)
            keys, to = await self._matching(ask, at, count)
            if await self._store.advance(name, at, to):
                return keys

    async def _matching(self, ask: OpenEpisodes, start: int, count: int) -> tuple[list[str], int]:
        without = await self.cells_left_out() if ask.split is Split.train else frozenset()
        try:
            # In a thread, because a rare combination is found only after thousands of plans.
            keys, to = await asyncio.to_thread(
                self._arena.keys,
                ask.split,
                start,
                count,
                ask.filters,
                without=without,
            )
            self._arena.plan(keys[0])
        except UnknownKey:
            also = " or clear the curriculum, which leaves many out" if without else ""
            raise NothingMatches(f"no episode of this split matches the filters: ask for fewer of them{also}") from None
        return keys, to


class Stock:
    """Ready episodes of the train stream. It is refilled in the background once half of them are gone.

    `trouble` says why the last try to make an episode failed, None if it did not.
    """

    def __init__(self, maker: Maker, streams: Streams, settings: Settings) -> None:
        self._maker = maker
        self._streams = streams
        self._size = settings.stock
        self._ready: deque[ReadyEpisode] = deque()
        self._keys: deque[tuple[str, int]] = deque()
        self._reserving = asyncio.Lock()
        self._low = asyncio.Event()
        self._low.set()
        self.filled_once = asyncio.Event()
        self.trouble: str | None = None

    def __len__(self) -> int:
        return len(self._ready)

    def take(self, count: int, without: Set[Cell] = frozenset()) -> list[ReadyEpisode]:
        """Up to `count` ready episodes. Never waits.

        Drops the episodes of the cells in `without`: they were made before the curriculum changed, or while it changed.
        """
        taken: list[ReadyEpisode] = []
        while self._ready and len(taken) < count:
            ready = self._ready.popleft()
            if ready.cell not in without:
                taken.append(ready)
        self._refill_if_low()
        return taken

    def put_back(self, taken: Sequence[ReadyEpisode]) -> None:
        """Put back what `take` gave for a request that was refused, so that the next request gets it."""
        self._ready.extendleft(reversed(taken))

    def drop(self, without: Set[Cell]) -> None:
        """Drop the episodes of these cells."""
        self._ready = deque(ready for ready in self._ready if ready.cell not in without)
        self._refill_if_low()

    def _refill_if_low(self) -> None:
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
            self.trouble = await self._add_one()
            if self.trouble is None:
                pause = PAUSE
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _add_one(self) -> str | None:
        """Make one more episode; gives back why that failed, or None."""
        try:
            key, tries = await self._next_key()
        except Refused as refusal:
            return refusal.message
        made = await self._maker.attempt(key)
        if isinstance(made, FailedEpisode):
            if made.outcome is Outcome.worker_failed and tries < TRIES and not made.final:
                self._keys.append((key, tries + 1))
            return made.reason
        self._ready.append(made)
        self.filled_once.set()
        if len(self._ready) >= self._size:
            self._low.clear()
        return None

    async def _next_key(self) -> tuple[str, int]:
        """A reserved key, and which try at it this is, from 1 on."""
        async with self._reserving:
            while True:
                if not self._keys:
                    ask = OpenEpisodes(count=RESERVE)
                    self._keys.extend((key, 1) for key in await self._streams.next_keys(ask, RESERVE))
                key, tries = self._keys.popleft()
                if self._streams.allows(key):
                    return key, tries
