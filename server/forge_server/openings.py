"""Open the episodes that a request asks for: new ones here, the others in `submission_openings` and `reopenings`.

Knows nothing of HTTP.
"""

from collections.abc import Set

from forge_arena.episodes import Arena
from forge_arena.errors import UnknownKey
from forge_arena.types import Split
from forge_arena.wire import FailedEpisode, OpenedEpisodes, OpenEpisodes
from forge_server.access import NOBODY, Caller
from forge_server.cache import EpisodeCache
from forge_server.errors import NoSuchKey, SealedSplit
from forge_server.metrics import Metrics
from forge_server.opened import cache_opened, new_episodes, split_ready_and_failed
from forge_server.reopenings import Reopenings
from forge_server.settings import Settings
from forge_server.stock import Maker, ReadyEpisode, Stock, Streams
from forge_server.store import Store
from forge_server.submission_openings import SubmissionOpenings
from forge_server.submissions import Submissions

AS_DRAWN = "episodes of the sealed test split come only as they are drawn: leave the form out, or use train or val"


class Openings:
    """Opens the episodes of one server, by their keys or as the next ones of a stream.

    A request for episodes of a submission, or for episodes of train once more, goes to the class that opens those. The
    rest of an episode's life is in `forge_server.episodes`.
    """

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
        self._of_submissions = SubmissionOpenings(arena, store, settings, metrics, maker=maker, cache=cache)
        self._once_more = Reopenings(store, settings, metrics, cache)

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
            submission = await self._submissions.get(ask.submission, caller)
            return await self._of_submissions.open(submission, ask.count, caller)
        if ask.again is not None:
            return await self._once_more.open(ask.again, ask, caller)
        return await self._open_new(ask, caller, player)

    async def _open_new(self, ask: OpenEpisodes, caller: Caller, player: str) -> OpenedEpisodes:
        if ask.form is not None and ask.split in self._sealed:
            raise SealedSplit(f"form: {AS_DRAWN}")
        taken: list[ReadyEpisode] = []
        if ask.count is not None and ask == OpenEpisodes(count=ask.count, attempts=ask.attempts, view=ask.view):
            taken = self._stock.take(ask.count, await self._streams.cells_left_out())
        try:
            return await self._open_with(taken, ask, caller, player)
        except BaseException:
            # Otherwise requests that are refused, or whose client goes away, would use up what the Worker has made.
            self._stock.put_back(taken)
            raise

    async def _open_with(
        self, taken: list[ReadyEpisode], ask: OpenEpisodes, caller: Caller, player: str
    ) -> OpenedEpisodes:
        """Open the episodes that are taken from the stock, and those that are still to be made."""
        results: list[ReadyEpisode | FailedEpisode] = [*taken]
        if ask.keys is not None:
            results += await self._maker.make_all(self._check_keys(ask.keys))
        elif ask.count is not None and (missing := ask.count - len(taken)):
            results += await self._maker.make_all(await self._streams.next_keys(ask, missing, caller.owner))
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
        opened = cache_opened(new, ready, self._cache, self._metrics)
        return OpenedEpisodes(episodes=tuple(opened), failed=tuple(failed))

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
