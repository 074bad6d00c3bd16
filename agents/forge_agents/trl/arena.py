"""An arena as TRL's trainers take it: a dataset, reward functions and environments, from a URL.

Everything here can be pickled, because AsyncGRPOTrainer runs rewards and environments in a process of its own. What is
pickled is the URL, the token and the settings, and the other process makes a client of its own.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from forge_agents.client import ArenaClient, AsyncArenaClient
from forge_agents.client.transport import Transport
from forge_agents.overseers import prompts
from forge_agents.trl.environment import OverseerEnvironment
from forge_agents.trl.rewards import COMPONENTS, Scored, score_by_keys, text_of
from forge_arena.keys import Filters
from forge_arena.types import Split
from forge_arena.verdicts import messages_with_tools

if TYPE_CHECKING:
    from datasets import Dataset


class ForgeArena:
    """The arena at a URL, for `GRPOTrainer`, `AsyncGRPOTrainer` and `RLOOTrainer`.

    Arguments:
        url: such as `http://127.0.0.1:8000`, without `/v1`.
        token: the bearer token, if the arena wants one. It is a part of every pickle of this object.
        prompt: the name of the prompt that asks for a verdict: `arena`, or one of the others in
            `forge_agents.overseers.prompts`. The form with tools has a prompt of its own.
        timeout, patience: as for `ArenaClient`. A trainer waits for an arena that is away for `patience` seconds, and
            then stops with `ArenaUnreachable`.

    Raises:
        ValueError: there is no such prompt, or the URL is no URL of an arena (`BadArenaURL`).
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        prompt: str = prompts.PromptName.arena,
        timeout: float = 150.0,
        patience: float = 300.0,
    ) -> None:
        # Refuses a wrong URL now, and not after a model was loaded.
        Transport(url, token, timeout, patience)
        self._settings: dict[str, Any] = {"token": token, "timeout": timeout, "patience": patience}
        self._url = url
        self._prompt = prompt
        self._ask = prompts.prompt(prompt)
        self._lock = threading.Lock()
        self._client: ArenaClient | None = None
        self._paid: Mapping[str, float] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), self._url, prompt=self._prompt, **self._settings), ()

    def dataset(
        self,
        episodes: int,
        *,
        split: Split | str = Split.train,
        start: int = 0,
        tools: bool = False,
        **filters: Any,
    ) -> "Dataset":
        """The next `episodes` episodes of a split from index `start` on, one row each, for any number of epochs.

        The arena makes every episode to show its prompt. The episodes that are played are opened anew, by their keys.

        Args:
            episodes: number of rows; fewer if the Worker fails on some of the episodes.
            split: `train` or `val`.
            start: the first index.
            tools: whether the prompt asks for a verdict by the tool `submit_verdict`, for `environment_factory`.
            filters: `domain`, `corruption`, `stealth`, `mechanism`, `awareness`, `candour`, `form`.

        Returns:
            Rows of `prompt` (a chat), `key` (the episode's name for ever) and `digest` (of what the prompt shows).

        Raises:
            ValueError: the split is sealed, so that no reward would come back.
            ArenaError: the arena cannot be reached, or refuses.
        """
        # Importing datasets takes seconds, which a process that only scores need not wait.
        from datasets import Dataset

        client = self.client()
        if split == Split.test and client.stats().sealed:
            raise ValueError("the split test is sealed, and no reward comes back for it: give train or val")
        ask = messages_with_tools if tools else self._ask
        opened = client.open_episodes(split=split, count=episodes, start=start, **Filters(**filters).given())
        return Dataset.from_list(
            [
                {
                    "prompt": ask(episode.observation),
                    "key": episode.key,
                    "digest": episode.observation.digest,
                }
                for episode in opened.episodes
            ]
        )

    @property
    def reward(self) -> "Column":
        """A reward function: the arena's reward of each completion, 0 to 1."""
        return Column(_Scores(self), "forge_arena")

    def component_rewards(self) -> "list[Column]":
        """A reward function for each component, which pays the component times its weight. Together they pay `reward`,
        and the batch is submitted once for all of them."""
        scores = _Scores(self)
        return [Column(scores, component) for component in COMPONENTS]

    def environment(self) -> OverseerEnvironment:
        """A rollout with tools. Give the method itself to the trainer: `environment_factory=arena.environment`."""
        return OverseerEnvironment(self.client, self.paid)

    def client(self) -> ArenaClient:
        """The client of this process, which all environments share."""
        with self._lock:
            if self._client is None:
                self._client = ArenaClient(self._url, **self._settings)
            return self._client

    def paid(self) -> Mapping[str, float]:
        """The weight of each component in the reward, by the arena's reward profile. The arena is asked once."""
        if self._paid is None:
            self._paid = self.client().prompts().reward.weights
        return self._paid

    async def score(self, keys: Sequence[str], digests: Sequence[str], completions: Sequence[str]) -> Scored:
        """The scores of completions on the episodes of these keys."""
        # A client for each batch: a connection costs little beside a step, and belongs to the event loop that made it.
        async with AsyncArenaClient(self._url, **self._settings) as client:
            if self._paid is None:
                self._paid = (await client.prompts()).reward.weights
            return await score_by_keys(client, keys, digests, completions, self._paid)

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Scores:
    """The scores of a trainer's batches. The first column that asks submits the batch, and the others wait for it."""

    def __init__(self, arena: ForgeArena) -> None:
        self._arena = arena
        self._batch: tuple[object, asyncio.Task[Scored]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._arena,)

    def paid(self) -> Mapping[str, float]:
        return self._arena.paid()

    async def of(self, batch: dict[str, Any]) -> Scored:
        completions = batch["completions"]
        if self._batch is None or self._batch[0] is not completions:
            self._batch = (completions, asyncio.ensure_future(self._score(batch)))
        return await self._batch[1]

    async def _score(self, batch: dict[str, Any]) -> Scored:
        texts = [text_of(completion) for completion in batch["completions"]]
        scored = await self._arena.score(batch["key"], batch["digest"], texts)
        # AsyncGRPOTrainer has no such function.
        if (log_metric := batch.get("log_metric")) is not None:
            for name, value in scored.metrics().items():
                log_metric(name, value)
        return scored


class Column:
    """A reward function of TRL. `__name__` is the name of its column in the trainer's log."""

    def __init__(self, scores: _Scores, name: str) -> None:
        self._scores = scores
        self.__name__ = name

    async def __call__(self, **batch: Any) -> list[float | None]:
        """The rewards of a batch; None for each completion that the arena could not score."""
        scored = await self._scores.of(batch)
        weight = self._scores.paid().get(self.__name__)
        if weight is None:
            return scored.rewards
        return [None if value is None else weight * value for value in scored.column(self.__name__)]
