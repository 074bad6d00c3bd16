"""Open episodes of train once more, for another epoch: as they were made, so that the Worker is not asked again."""

import time

from forge_arena.types import Split
from forge_arena.wire import OpenedEpisode, OpenedEpisodes, OpenEpisodes
from forge_server.access import Caller
from forge_server.cache import EpisodeCache
from forge_server.errors import EpisodeGone, TrainOnly, UnknownEpisode
from forge_server.metrics import Metrics
from forge_server.opened import new_id
from forge_server.rows import NewEpisode
from forge_server.settings import Settings
from forge_server.store import Store

ONE_LOOK = "a verdict on val or test is given before its truth is shown; to measure another overseer, name the key"


class Reopenings:
    """Opens episodes of train once more."""

    def __init__(self, store: Store, settings: Settings, metrics: Metrics, cache: EpisodeCache) -> None:
        self._store = store
        self._settings = settings
        self._metrics = metrics
        self._cache = cache

    async def open(self, ids: tuple[str, ...], ask: OpenEpisodes, caller: Caller) -> OpenedEpisodes:
        """Each episode keeps its view, unless the request names another one.

        Raises:
            UnknownEpisode, TrainOnly, EpisodeGone: an episode may not be opened again.
        """
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
