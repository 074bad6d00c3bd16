"""Overseer tasks for verifiers: `vf-eval forge-verifiers`, or `forge-verifiers` as the taskset of a training run.

A task is an episode of a running arena, by its key. The model's reply is its verdict, and the arena scores the reply.
Each rollout opens the episode anew, so that a task may be played any number of times. verifiers finds a taskset by the
name of an installed module at the top level, therefore this module stands beside `forge_agents` and not in it.

It needs the extra `verifiers`; docs/verifiers.md says more.
"""

import os
from collections.abc import Iterator
from typing import Any

import verifiers.v1 as vf

from forge_agents.client import ArenaClient, AsyncArenaClient
from forge_agents.trl.rewards import COMPONENTS, score_by_keys
from forge_arena.keys import Filters
from forge_arena.verdicts import messages

__all__ = ["OverseerTaskset"]


class ArenaConfig(vf.TaskConfig):
    """How a task reaches its arena."""

    url: str = "http://127.0.0.1:8000"
    """The arena's URL, without `/v1`."""
    token_variable: str = "FORGE_ARENA_TOKEN"  # noqa: S105
    """The environment variable that holds the arena's token. The token itself would be saved with the run."""
    timeout: float = 150.0
    """Seconds for one try of one request."""
    patience: float = 60.0
    """Seconds for which a request is tried again while the arena cannot be reached or is busy."""

    def client_settings(self) -> dict[str, Any]:
        return {"token": os.environ.get(self.token_variable), "timeout": self.timeout, "patience": self.patience}


class OverseerConfig(vf.TasksetConfig):
    """Which episodes are the tasks."""

    split: str = "train"
    """`train` or `val`: no reward comes back for a sealed `test`."""
    start: int = 0
    """The first index."""
    episodes: int = 100
    """How many tasks there are."""
    filters: dict[str, str | int] = {}
    """`domain`, `corruption`, `stealth`, `mechanism`, `awareness`, `candour`, `form`, as the REST API takes them."""
    task: ArenaConfig = ArenaConfig()


class OverseerData(vf.TaskData):
    """An episode: `id` is its key, and the prompt is what an overseer sees."""

    digest: str
    """A name for what the prompt shows, so that another episode under the same key is noticed."""


class OverseerTask(vf.Task[OverseerData, vf.State, ArenaConfig]):
    """Review a Worker's answer, and give a verdict as one JSON object."""

    @property
    def key(self) -> str:
        return str(self.data.id)

    @vf.reward
    async def arena(self, trace: vf.Trace) -> dict[str, float]:
        """The components of the arena's reward, each times its weight: they add up to the reward, 0 to 1.

        Raises:
            ArenaError: the arena could not be reached, or it refused.
            RuntimeError: the arena could not score this attempt. verifiers records the error, and no reward.
        """
        async with AsyncArenaClient(self.config.url, **self.config.client_settings()) as client:
            # By the arena's own weights, which need not be the standard ones.
            paid = (await client.prompts()).reward.weights
            scored = await score_by_keys(client, [self.key], [self.data.digest], [trace.last_reply], paid)
        result = scored.results[0]
        if result is None or result.reward is None:
            reason = "its episode could not be made" if result is None else result.reason or result.outcome.value
            raise RuntimeError(f"the arena did not score the attempt on {self.key}: {reason}")
        trace.record_metrics(scored.metrics())
        columns = {name: scored.column(name)[0] or 0.0 for name in COMPONENTS}
        return {name: paid[name] * value for name, value in columns.items()}


class OverseerTaskset(vf.Taskset[OverseerTask, OverseerConfig]):
    """Episodes of a split of a running arena, from `start` on, in the order of their keys."""

    def load(self) -> Iterator[OverseerTask]:
        """Yield the tasks. Episodes that the Worker failed on are left out.

        Raises:
            ArenaError: the arena cannot be reached, or refuses.
            ValueError: the split is sealed.
        """
        config = self.config
        with ArenaClient(config.task.url, **config.task.client_settings()) as client:
            if config.split == "test" and client.stats().sealed:
                raise ValueError("the split test is sealed, and no reward comes back for it: give train or val")
            wanted = Filters.model_validate(config.filters).given()
            opened = client.open_episodes(split=config.split, start=config.start, count=config.episodes, **wanted)
        for episode in opened.episodes:
            system, user = messages(episode.observation)
            data = OverseerData(
                id=episode.key,
                system_prompt=system["content"],
                prompt=user["content"],
                digest=episode.observation.digest,
            )
            yield OverseerTask(data, config.task)
