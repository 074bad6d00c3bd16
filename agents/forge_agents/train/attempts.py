"""Let a model make n attempts on each of many episodes, and have the arena score them.

Calibration, rejection sampling, preference pairs and exports are made of these groups. They can be kept in a file,
because a large model writes for hours. A run that was stopped then goes on behind the last batch that was scored.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch

from forge_agents.client import PATIENCE, ArenaClient, AsyncArenaClient
from forge_agents.models import Loaded
from forge_agents.overseers.prompts import Prompt, prompt
from forge_agents.records import Record, Records
from forge_agents.train.advantages import acceptance
from forge_agents.train.episodes import EpisodeStream
from forge_agents.train.presets import Preset
from forge_agents.trl.rewards import ArenaReward
from forge_agents.writing import write
from forge_arena.rewards import named_type
from forge_arena.types import Noun, Observation, Outcome, Truth
from forge_arena.verdicts import messages, parse_verdict
from forge_arena.wire import AttemptResult, OpenedEpisode

# The file of attempts in the folder of a run, or of one of its phases.
ATTEMPTS = "attempts.jsonl"


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


class Sampling(Noun):
    """What decides the attempts of a model: the first line of a file of attempts."""

    split: str
    start: int
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    batch: int
    seed: int


class Batch(Record):
    """The attempts that were made together: one line of a file of attempts.

    Attributes:
        first: how many episodes came before.
        episodes: how many these are.
        reached: the index in the split from which to go on.
    """

    first: int
    episodes: int
    reached: int
    groups: tuple[Group, ...]

    @property
    def place(self) -> int:
        return self.first


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
    patience: float = PATIENCE,
    records: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Iterator[Group]:
    """Groups of `samples` attempts on the next `episodes` episodes of a split, without failed attempts.

    `seed` decides what the model samples. `patience` is how long an arena that does not answer is waited for where the
    attempts are scored, in seconds; `client` has a patience of its own. `records` is a file that takes each batch. If
    the file holds batches already, their groups come first, and nothing of them is written or scored again.

    Raises:
        ArenaError: the arena cannot be reached, refuses, or answers garbage.
        RecordsError: `records` holds attempts that were sampled in another way, or is damaged.
        FolderInUse: another process writes to `records`.
    """
    stream = EpisodeStream(client, attempts=samples, start=start, split=split)
    at_once = max(1, batch // samples)
    sampling = Sampling(
        split=split,
        start=start,
        samples=samples,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
        batch=batch,
        seed=seed,
    )
    with nullcontext() if records is None else Records(records, sampling, Batch, resume=True) as file:
        first = 0
        while first < episodes:
            made = None if file is None else file.known.get(first)
            if made is None:
                opened = stream.take(min(at_once, episodes - first))
                chats = [ask(episode.observation) for episode in opened for _ in range(samples)]
                # `write` samples from torch's global generator. Each batch has a seed of its own, so that a run that
                # was stopped samples what it would have sampled.
                torch.manual_seed(Random(f"{seed}|{first}").getrandbits(63))
                texts = [
                    generation.text
                    for generation in write(
                        loaded, chats, max_tokens=max_tokens, temperature=temperature, top_p=top_p, batch=batch
                    )
                ]
                ids = [episode.episode_id for episode in opened for _ in range(samples)]
                scored = asyncio.run(_score(url, token, patience, ids, texts))
                groups = _groups(opened, samples, texts, scored)
                made = Batch(first=first, episodes=len(opened), reached=stream.reached, groups=groups)
                if file is not None:
                    file.add([made])
            stream.go_to(made.reached)
            yield from made.groups
            first += made.episodes
            on_progress(min(first, episodes), episodes)


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


def _groups(
    opened: Sequence[OpenedEpisode], samples: int, texts: Sequence[str], scored: Sequence[AttemptResult | None]
) -> tuple[Group, ...]:
    """The groups of some episodes, `samples` texts and results each, without groups of which every attempt failed."""
    found = []
    for number, episode in enumerate(opened):
        mine = slice(number * samples, (number + 1) * samples)
        group = _group(episode, texts[mine], scored[mine])
        if group is not None:
            found.append(group)
    return tuple(found)


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
