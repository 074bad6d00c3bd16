"""What the ways of opening episodes share: failures apart, the rows for the store, and what a client sees."""

import secrets
import time
from collections.abc import Iterable

from forge_arena.types import Outcome, View
from forge_arena.wire import FailedEpisode, OpenedEpisode
from forge_server.cache import CachedEpisode, EpisodeCache
from forge_server.errors import NoEpisode, StoreUnavailable, WorkerUnavailable
from forge_server.metrics import Metrics
from forge_server.rows import NewEpisode
from forge_server.stock import ReadyEpisode


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


def cache_opened(
    new: list[NewEpisode], ready: list[ReadyEpisode], cache: EpisodeCache, metrics: Metrics
) -> list[OpenedEpisode]:
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
        cache.add(cached)
        metrics.opened.labels(stored.split).inc()
        opened.append(
            OpenedEpisode(
                episode_id=stored.id,
                key=stored.key,
                observation=cached.observation(),
                attempts_left=stored.attempts,
            )
        )
    return opened
