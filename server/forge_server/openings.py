"""Open episodes: new ones, those of a submission, and those of train once more. Knows nothing of HTTP."""

import secrets
import time
from collections.abc import Iterable, Set

from forge_arena.episodes import Arena
from forge_arena.errors import UnknownKey
from forge_arena.types import Outcome, Split, View
from forge_arena.wire import FailedEpisode, OpenedEpisode, OpenedEpisodes, OpenEpisodes, Submission
from forge_server.access import NOBODY, Caller
from forge_server.cache import CachedEpisode, EpisodeCache
from forge_server.errors import (
    EpisodeGone,
    NoEpisode,
    NoSuchKey,
    Refused,
    SealedSplit,
    StoreUnavailable,
    TrainOnly,
    UnknownEpisode,
    WorkerUnavailable,
)
from forge_server.metrics import Metrics
from forge_server.rows import NewEpisode
from forge_server.settings import Settings
from forge_server.stock import Maker, ReadyEpisode, Stock, Streams
from forge_server.store import Store
from forge_server.submissions import Submissions

# Seconds that an episode of a submission stays open: a week, because no verdict can be given on an expired episode.
SUBMISSION_TTL = 7 * 24 * 3600.0
# Keys for each place of a submission. About one key in ten thousand makes no episode; then the next key is used.
SPARES = 4
ONE_LOOK = "a verdict on val or test is given before its truth is shown; to measure another overseer, name the key"
AS_DRAWN = "episodes of the sealed test split come only as they are drawn: leave the form out, or use train or val"


class Openings:
    """Opens the episodes of one server. The rest of their life is in `forge_server.episodes`."""

    def __init__(
        self,
        arena: Arena,
        store: Store,
        settings: Settings,
        metrics: Metrics,
        *,
        maker: Maker,
        streams: Streams,
        stock: Stock,
        cache: EpisodeCache,
        submissions: Submissions,
        sealed: Set[Split],
    ) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._maker = maker
        self._streams = streams
        self._stock = stock
        self._cache = cache
        self._submissions = submissions
        self._sealed = sealed

    async def open(self, ask: OpenEpisodes, caller: Caller = NOBODY, *, player: str = "") -> OpenedEpisodes:
        """Open the episodes that a request asks for. Single failures are listed beside the opened episodes.

        `player` is the person who plays them on the page, if it is one.

        Raises:
            WorkerUnavailable, StoreUnavailable, NoEpisode: none of the episodes could be made.
            SealedSplit: the request names a form of a sealed split.
            TrainOnly, UnknownEpisode, EpisodeGone: an episode may not be opened again.
            NoSuchKey, NothingMatches, UnknownSubmission, Busy: as their names say.
        """
        if ask.submission is not None:
            assert ask.count is not None
            return await self._open_for_submission(
                await self._submissions.get(ask.submission, caller), ask.count, caller
            )
        if ask.again is not None:
            return await self._open_again(ask.again, ask, caller)
        if ask.form is not None and ask.split in self._sealed:
            raise SealedSplit(f"form: {AS_DRAWN}")
        if ask.keys is not None:
            results = await self._maker.make_all(self._check_keys(ask.keys))
        else:
            results = await self._next_of_stream(ask, caller)
        ready, failed = split_ready_and_failed(results, keys_were_named=ask.keys is not None)
        new = new_episodes(
            ready,
            attempts=ask.attempts,
            ttl=self._settings.episode_ttl,
            owner=caller.owner,
            player=player,
            view=ask.view or self._settings.view,
        )
        await self._store.open_episodes(new)
        return OpenedEpisodes(episodes=tuple(self._cache_opened(new, ready)), failed=tuple(failed))

    async def _next_of_stream(self, ask: OpenEpisodes, caller: Caller) -> list[ReadyEpisode | FailedEpisode]:
        """The next episodes that a request asks for by their count, those in stock first."""
        assert ask.count is not None
        taken: list[ReadyEpisode] = []
        if ask == OpenEpisodes(count=ask.count, attempts=ask.attempts, view=ask.view):
            taken = self._stock.take(ask.count, await self._streams.cells_left_out())
        missing = ask.count - len(taken)
        if not missing:
            return [*taken]
        try:
            return [*taken, *await self._maker.make_all(await self._streams.next_keys(ask, missing, caller.owner))]
        except Refused:
            # Otherwise requests that are refused because the server is busy would use up what it has made.
            self._stock.put_back(taken)
            raise

    async def _open_for_submission(self, submission: Submission, count: int, caller: Caller) -> OpenedEpisodes:
        """The next episodes of a submission: first those that are open, then those that are not opened yet or that
        expired. No episodes if all are finished. Each episode is open once, so that nobody gives two verdicts on it.
        Everybody gets the full view, because the leaderboard compares."""
        entered = await self._store.episodes_of_submission(submission.submission_id)
        open_ids = [(number, id) for number, (id, status) in sorted(entered.items()) if status == "open"][:count]
        cached = await self._cache.get_all({id for _, id in open_ids})
        now = time.time()
        status_now = {number: cached[id].status_at(now) for number, id in open_ids if id in cached}
        still_open = [
            OpenedEpisode(episode_id=id, key=cached[id].key, observation=cached[id].observation(), attempts_left=1)
            for number, id in open_ids
            if status_now.get(number) == "open"
        ]
        lapsed = {n for n, (_, status) in entered.items() if status_now.get(n, status) in ("expired", "deleted")}
        numbers = [n for n in range(submission.episodes) if n not in entered or n in lapsed]
        numbers = numbers[: count - len(still_open)]
        if not numbers:
            return OpenedEpisodes(episodes=tuple(still_open))
        number_of, results = await self._make_for_submission(numbers, submission.episodes)
        ready, failed = split_ready_and_failed(results)
        ttl = max(self._settings.episode_ttl, SUBMISSION_TTL)
        new = new_episodes(ready, attempts=1, ttl=ttl, owner=caller.owner)
        await self._store.enter(submission.submission_id, [number_of[episode.key] for episode in new], new)
        return OpenedEpisodes(episodes=(*still_open, *self._cache_opened(new, ready)), failed=tuple(failed))

    async def _make_for_submission(
        self, numbers: list[int], episodes: int
    ) -> tuple[dict[str, int], list[ReadyEpisode | FailedEpisode]]:
        """The place in the submission of each key that was tried, and the results of the keys."""
        number_of = {self._arena.key(Split.test, number): number for number in numbers}
        results = await self._maker.make_all(list(number_of))
        for spare in range(1, SPARES):
            # Another key replaces a key that makes no episode. The replacement is the same for everybody.
            unfit = [
                number_of[episode.key] for episode in results if isinstance(episode, FailedEpisode) and episode.final
            ]
            if not unfit:
                break
            replacements = {self._arena.key(Split.test, number + spare * episodes): number for number in unfit}
            results = [episode for episode in results if isinstance(episode, ReadyEpisode) or not episode.final]
            results += await self._maker.make_all(list(replacements))
            number_of |= replacements
        return number_of, results

    def _cache_opened(self, new: list[NewEpisode], ready: list[ReadyEpisode]) -> list[OpenedEpisode]:
        """Put newly stored episodes into the cache. Returns them as the client sees them."""
        opened = []
        for stored, episode in zip(new, ready, strict=True):
            cached = CachedEpisode(
                stored.id,
                stored.key,
                episode.split,
                episode.episode,
                stored.attempts,
                stored.expires,
                view=View(stored.view),
            )
            cached.verifier = episode.verifier
            self._cache.add(cached)
            self._metrics.opened.labels(stored.split).inc()
            opened.append(
                OpenedEpisode(
                    episode_id=stored.id,
                    key=stored.key,
                    observation=cached.observation(),
                    attempts_left=stored.attempts,
                )
            )
        return opened

    async def _open_again(self, ids: tuple[str, ...], ask: OpenEpisodes, caller: Caller) -> OpenedEpisodes:
        """Open episodes of train once more, as they were made, so that the Worker is not asked again. Each keeps its
        view, unless the request names another one."""
        stored = await self._store.load(set(ids))
        for position, id in enumerate(ids):
            if id not in stored:
                raise UnknownEpisode(f"again[{position}]: there is no such episode: name its key instead")
            if stored[id].split != Split.train:
                raise TrainOnly(f"again[{position}]: only episodes of train are opened again: {ONE_LOOK}")
            if stored[id].status == "deleted":
                raise EpisodeGone(f"again[{position}]: the episode was deleted: name its key instead")
        now = time.time()
        new = [
            NewEpisode(
                id=new_id(),
                key=stored[id].key,
                split=stored[id].split,
                created=now,
                expires=now + self._settings.episode_ttl,
                attempts=ask.attempts,
                payload=stored[id].payload,
                owner=caller.owner,
                opening=stored[id].opening + 1,
                view=stored[id].view if ask.view is None else ask.view.value,
            )
            for id in ids
        ]
        await self._store.open_episodes(new)
        self._metrics.opened.labels(Split.train.value).inc(len(new))
        cached = await self._cache.get_all({episode.id for episode in new})
        return OpenedEpisodes(
            episodes=tuple(
                OpenedEpisode(
                    episode_id=episode.id,
                    key=episode.key,
                    observation=cached[episode.id].observation(),
                    attempts_left=ask.attempts,
                    opening=episode.opening,
                )
                for episode in new
            )
        )

    def _check_keys(self, keys: tuple[str, ...]) -> list[str]:
        for position, key in enumerate(keys):
            try:
                plan = self._arena.plan(key)
            except UnknownKey:
                raise NoSuchKey(
                    f"keys[{position}] names no episode of this suite: keys look like {self._arena.key(Split.train, 0)}"
                ) from None
            # A client that chooses the form knows the label of that episode. Comparing the episode with the same key as
            # drawn would reveal the label of the sealed one.
            if plan.split in self._sealed and key != self._arena.key(plan.split, plan.index):
                raise SealedSplit(f"keys[{position}]: {AS_DRAWN}")
        return list(keys)


def split_ready_and_failed(
    results: Iterable[ReadyEpisode | FailedEpisode], *, keys_were_named: bool = False
) -> tuple[list[ReadyEpisode], list[FailedEpisode]]:
    """The episodes that could be made, and the failures.

    Raises:
        NoEpisode: the client named the keys, and this Worker never makes an episode of any of them.
        WorkerUnavailable, StoreUnavailable: none could be made this time.
    """
    ready: list[ReadyEpisode] = []
    failed: list[FailedEpisode] = []
    for episode in results:
        ready.append(episode) if isinstance(episode, ReadyEpisode) else failed.append(episode)
    if not ready and keys_were_named and all(failure.final for failure in failed):
        raise NoEpisode(f"this Worker makes no episode of this key ({failed[0].reason}): take another key")
    if not ready:
        kind = WorkerUnavailable if failed[0].outcome is Outcome.worker_failed else StoreUnavailable
        raise kind(f"no episode could be made ({failed[0].reason}): try again later")
    return ready, failed


def new_id() -> str:
    """An id for an episode, which nobody can guess."""
    return secrets.token_urlsafe(18)


def new_episodes(
    ready: Iterable[ReadyEpisode],
    *,
    attempts: int,
    ttl: float,
    owner: str = "",
    player: str = "",
    view: View = View.full,
) -> list[NewEpisode]:
    """The rows for the store, each with a random id. `ttl` is in seconds."""
    now = time.time()
    return [
        NewEpisode(
            id=new_id(),
            key=episode.episode.key,
            split=episode.split.value,
            created=now,
            expires=now + ttl,
            attempts=attempts,
            payload=episode.payload,
            owner=owner,
            player=player,
            view=view.value,
        )
        for episode in ready
    ]
