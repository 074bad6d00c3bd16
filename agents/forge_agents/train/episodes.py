"""Stream prompts from the arena: each row is an episode that is opened for a whole group of attempts.

The stream has a position in the arena's train split. It gives out episodes in order, remembers up to which index they
were used, and continues from there after a restart. The arena's curriculum decides which episodes the split has, so a
run follows the measured difficulty and needs no code for it.
"""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from datasets import IterableDataset
from datasets.io.generator import GeneratorDatasetInputStream

from forge_agents.client import ArenaClient, ArenaRefused
from forge_agents.overseers.prompts import Prompt
from forge_agents.rollouts import row
from forge_arena.keys import Key
from forge_arena.types import Outcome, View
from forge_arena.verdicts import messages
from forge_arena.wire import OpenedEpisode

# Episodes in one request: few enough that no opened episode waits long for its verdicts, and enough that requests cost
# little.
AHEAD = 16


class EpisodeStream:
    """Endless episodes of a split for groups of `attempts`, from an index on.

    Episodes that cannot be made are skipped. Without a `view`, the arena's own decides what is shown. The methods may
    be called from several threads, because the trainer's loader takes episodes while its reward function marks others
    as used.
    """

    def __init__(
        self,
        client: ArenaClient,
        *,
        attempts: int,
        start: int = 0,
        split: str = "train",
        ask: Prompt = messages,
        view: View | None = None,
    ) -> None:
        self._client = client
        self._ask = ask
        self._view = view
        self._split = split
        self._attempts = attempts
        self._next = start
        self._used = start
        self._lock = threading.Lock()

    @property
    def position(self) -> int:
        """The index from which to continue: the first index after all episodes that got verdicts."""
        with self._lock:
            return self._used

    @property
    def reached(self) -> int:
        """The index behind the last episode that was taken."""
        return self._next

    def go_to(self, index: int) -> None:
        """Take the next episodes from this index on."""
        self._next = index

    def mark_used(self, key: str) -> None:
        """Note that the episode of this key got its verdicts."""
        with self._lock:
            self._used = max(self._used, _index(key) + 1)

    def take(self, count: int) -> list[OpenedEpisode]:
        """The next `count` episodes, opened.

        Raises:
            ArenaError: the arena cannot be reached, refuses, or answers garbage.
        """
        episodes: list[OpenedEpisode] = []
        skipped = 0
        while len(episodes) < count:
            missing = count - len(episodes)
            try:
                opened = self._client.open_episodes(
                    split=self._split, start=self._next, count=missing, attempts=self._attempts, view=self._view
                )
            except ArenaRefused as refusal:
                # The arena refuses a request of which it can make no episode. With few episodes this may be chance.
                skipped += missing
                if refusal.outcome is not Outcome.worker_failed or skipped > AHEAD:
                    raise
                self._next += missing
                continue
            episodes += opened.episodes
            # The curriculum may leave indices out, so the last key says how far the stream is.
            keys = [episode.key for episode in opened.episodes] + [failed.key for failed in opened.failed]
            self._next = 1 + max(map(_index, keys))
        return episodes

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows for a trainer: `prompt` (a chat), `episode_id`, `key`, and `digest` of what the prompt shows."""
        while True:
            for episode in self.take(AHEAD):
                yield row(episode, self._ask)

    def dataset(self) -> IterableDataset:
        """The rows as a dataset for TRL's online trainers. It can be read once."""
        # As `IterableDataset.from_generator` does, but with a random fingerprint, because a stream cannot be hashed.
        source = GeneratorDatasetInputStream(generator=self.rows, streaming=True, fingerprint=uuid4().hex)
        return source.read()


def _index(key: str) -> int:
    return Key.parse(key).index
