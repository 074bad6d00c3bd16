"""Open the episodes of a submission, each of them once, and another key in place of a key that makes no episode."""

import time

from forge_arena.episodes import Arena
from forge_arena.types import Split
from forge_arena.wire import FailedEpisode, OpenedEpisode, OpenedEpisodes, Submission
from forge_server.access import Caller
from forge_server.cache import EpisodeCache
from forge_server.metrics import Metrics
from forge_server.opened import cache_opened, new_episodes, split_ready_and_failed
from forge_server.settings import Settings
from forge_server.stock import Maker, ReadyEpisode
from forge_server.store import Store

# Seconds that an episode of a submission stays open: a week, because no verdict can be given on an expired episode.
SUBMISSION_TTL = 7 * 24 * 3600.0
# Keys for each place of a submission. About one key in ten thousand makes no episode; then the next key is used.
SPARES = 4


class SubmissionOpenings:
    """Opens the episodes of submissions. Everybody gets the full view, because the leaderboard compares."""

    def __init__(
        self, arena: Arena, store: Store, settings: Settings, metrics: Metrics, *, maker: Maker, cache: EpisodeCache
    ) -> None:
        self._arena = arena
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._maker = maker
        self._cache = cache

    async def open(self, submission: Submission, count: int, caller: Caller) -> OpenedEpisodes:
        """The next episodes of a submission: first those that are open, then those that are not opened yet or that
        expired. No episodes if all are finished. Each episode is open once, so that nobody gives two verdicts on it.

        Raises:
            WorkerUnavailable, StoreUnavailable, Busy: none of the episodes could be made.
        """
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
        number_of, results = await self._make(numbers, submission.episodes)
        ready, failed = split_ready_and_failed(results)
        ttl = max(self._settings.episode_ttl, SUBMISSION_TTL)
        new = new_episodes(ready, attempts=1, ttl=ttl, owner=caller.owner)
        await self._store.enter(submission.submission_id, [number_of[episode.key] for episode in new], new)
        opened = cache_opened(new, ready, self._cache, self._metrics)
        return OpenedEpisodes(episodes=(*still_open, *opened), failed=tuple(failed))

    async def _make(
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
