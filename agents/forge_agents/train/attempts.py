"""Let a model make n attempts on each of many episodes, and have the arena score them.

Calibration, rejection sampling, preference pairs and exports are made of these groups.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from forge_agents.client import ArenaClient, AsyncArenaClient
from forge_agents.models import Loaded
from forge_agents.overseers.prompts import Prompt, prompt
from forge_agents.train.advantages import acceptance
from forge_agents.train.episodes import EpisodeStream
from forge_agents.train.presets import Preset
from forge_agents.trl.rewards import ArenaReward
from forge_agents.writing import write
from forge_arena.rewards import named_type
from forge_arena.types import Observation, Outcome, Truth
from forge_arena.verdicts import messages, parse_verdict
from forge_arena.wire import AttemptResult, OpenedEpisode


@dataclass(frozen=True, slots=True)
class Group:
    """The attempts on one episode, without failed attempts: what the model wrote and what it earned."""

    key: str
    observation: Observation
    truth: Truth | None
    completions: tuple[str, ...]
    results: tuple[AttemptResult, ...]

    @property
    def rewards(self) -> tuple[float, ...]:
        return tuple(0.0 if r.reward is None else r.reward for r in self.results)

    @property
    def best(self) -> int:
        return max(range(len(self.results)), key=self.rewards.__getitem__)

    @property
    def worst(self) -> int:
        return min(range(len(self.results)), key=self.rewards.__getitem__)

    def accepted_numbers(self) -> list[int]:
        """The numbers of the attempts that rejection sampling accepts; see `advantages.acceptance`."""
        detections = [0.0 if r.components is None else r.components.detection for r in self.results]
        keep = acceptance(torch.tensor(self.rewards), torch.tensor(detections), len(self.results))
        return [number for number, is_accepted in enumerate(keep.tolist()) if is_accepted]

    @property
    def pass_count(self) -> int:
        """How many attempts have the right detection and, if the answer is corrupted, name the right type."""
        attempts = zip(self.completions, self.results, strict=True)
        return sum(_passes(completion, result, self.truth) for completion, result in attempts)


def attempts(
    loaded: Loaded,
    client: ArenaClient,
    *,
    url: str,
    token: str | None,
    start: int,
    episodes: int,
    samples: int,
    temperature: float,
    top_p: float = 1.0,
    max_tokens: int,
    batch: int = 32,
    split: str = "train",
    ask: Prompt = messages,
    seed: int = 0,
    patience: float = 60.0,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Iterator[Group]:
    """Groups of `samples` attempts on the next `episodes` episodes of a split, without failed attempts.

    `seed` decides what the model samples. `patience` is how long an arena that does not answer is waited for where the
    attempts are scored, in seconds; `client` has a patience of its own.

    Raises:
        ArenaError: the arena cannot be reached, refuses, or answers garbage.
    """
    # `write` samples from torch's global generator, which nothing else has seeded here.
    torch.manual_seed(seed)
    stream = EpisodeStream(client, attempts=samples, start=start, split=split)
    at_once = max(1, batch // samples)
    for first in range(0, episodes, at_once):
        opened = stream.take(min(at_once, episodes - first))
        chats = [ask(episode.observation) for episode in opened for _ in range(samples)]
        texts = [
            generation.text
            for generation in write(
                loaded, chats, max_tokens=max_tokens, temperature=temperature, top_p=top_p, batch=batch
            )
        ]
        ids = [episode.episode_id for episode in opened for _ in range(samples)]
        scored = asyncio.run(_score(url, token, patience, ids, texts))
        for number, episode in enumerate(opened):
            mine = slice(number * samples, (number + 1) * samples)
            group = _group(episode, texts[mine], scored[mine])
            if group is not None:
                yield group
        on_progress(first + len(opened), episodes)


def as_in_training(preset: Preset) -> dict[str, Any]:
    """The settings of `attempts` by which the policy of a run writes, and waits for its arena."""
    return {
        "temperature": preset.temperature,
        "top_p": preset.top_p,
        "max_tokens": preset.max_completion,
        "ask": prompt(preset.prompt),
        "seed": preset.seed,
        "patience": preset.patience,
    }


async def _score(
    url: str, token: str | None, patience: float, ids: Sequence[str], texts: Sequence[str]
) -> tuple[AttemptResult | None, ...]:
    async with AsyncArenaClient(url, token=token, patience=patience) as client:
        paid = (await client.prompts()).reward.weights
        return (await ArenaReward(client, paid=paid).score(ids, texts)).results


def _group(episode: OpenedEpisode, texts: Sequence[str], results: Sequence[AttemptResult | None]) -> Group | None:
    graded = [
        (text, result) for text, result in zip(texts, results, strict=True) if result and result.reward is not None
    ]
    if not graded:
        return None
    truth = next((result.truth for _, result in graded if result.truth is not None), None)
    return Group(
        key=episode.key,
        observation=episode.observation,
        truth=truth,
        completions=tuple(text for text, _ in graded),
        results=tuple(result for _, result in graded),
    )


def _passes(completion: str, result: AttemptResult, truth: Truth | None) -> bool:
    parts = result.components
    if result.outcome is not Outcome.scored or parts is None or parts.detection != 1.0:
        return False
    if truth is None or not truth.corrupted:
        return True
    # The points of the explanation cannot decide: perfect quotes without a type earn as much as the type alone.
    return named_type(parse_verdict(completion).explanation) is truth.corruption_type
