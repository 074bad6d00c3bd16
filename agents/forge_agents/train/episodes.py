"""Stream prompts from an arena: each row is an episode that is opened for a whole group of attempts.

The stream is a position in the arena's train split. It hands out the episodes in order, remembers up to where they were
used, and goes on from there after a restart; what the arena lets the stream hold is the arena's own business
(`/v1/curriculum`), so that a run follows the measured difficulty without knowing of it.
"""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from datasets import IterableDataset
from datasets.io.generator import GeneratorDatasetInputStream

from forge_agents.client import ArenaClient, ArenaRefused
from forge_arena.keys import Key
from forge_arena.types import Outcome
from forge_arena.verdicts import messages
from forge_arena.wire import OpenedEpisode

# Few enough that no opened episode waits long for its verdicts, enough that requests are not the cost.
AHEAD = 16


class EpisodeStream:
    """Episodes of the train split for groups of `attempts`, from an index on, without end.

    An episode that cannot be made is passed over. The methods may be called from several threads: the trainer's loader
    draws from here while its reward function reports what was used.
    """

    def __init__(self, client: ArenaClient, *, attempts: int, start: int = 0, split: str = "train") -> None:
        self._client = client
        self._split = split
        self._attempts = attempts
        self._next = start
        self._used = start
        self._lock = threading.Lock()

    @property
    def position(self) -> int:
        """The index to go on from: the first one after all on which verdicts were given."""
        with self._lock:
            return self._used

    def used(self, key: str) -> None:
        """Say that verdicts were given on the episode of that key."""
        with self._lock:
            self._used = max(self._used, _index(key) + 1)

    def take(self, count: int) -> list[OpenedEpisode]:
        """The next `count` episodes, opened.

        Raises:
            ArenaError: the arena cannot be reached, refuses, or answers garbage.
        """
        taken: list[OpenedEpisode] = []
        passed_over = 0
        while len(taken) < count:
            missing = count - len(taken)
            try:
                opened = self._client.open_episodes(
                    split=self._split, start=self._next, count=missing, attempts=self._attempts
                )
            except ArenaRefused as refusal:
                # Where none of a request can be made it is refused whole. Of a few that may be chance, of many it is not.
                passed_over += missing
                if refusal.outcome is not Outcome.worker_failed or passed_over > AHEAD:
                    raise
                self._next += missing
                continue
            taken += opened.episodes
            # The arena may have passed over some that its curriculum leaves out.
            keys = [episode.key for episode in opened.episodes] + [failed.key for failed in opened.failed]
            self._next = 1 + max(map(_index, keys))
        return taken

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows for a trainer: `prompt` (a chat), `episode_id` and `key`."""
        while True:
            for episode in self.take(AHEAD):
                yield row(episode)

    def dataset(self) -> IterableDataset:
        """The rows as a dataset that TRL's online trainers take; it may be read once."""
        # `IterableDataset.from_generator`, but for the fingerprint: a stream cannot be hashed, and is like no other.
        source = GeneratorDatasetInputStream(generator=self.rows, streaming=True, fingerprint=uuid4().hex)
        return source.read()


def row(episode: OpenedEpisode) -> dict[str, Any]:
    return {"prompt": messages(episode.observation), "episode_id": episode.episode_id, "key": episode.key}


def _index(key: str) -> int:
    return Key.parse(key).index
