"""Let an arena score what a policy writes: one batch over REST, one reward column for each component.

TRL adds up its reward functions by their weights. Here the functions are the components of a verdict's reward, and the
weights are the arena's own. So the sum is the arena's reward, and each answer of the arena is checked for that. A
failure gets None in every column, which TRL leaves out of baseline and gradient: a failure is never a score.

`ArenaReward` scores attempts on episodes that are open: our own trainer opens each for a whole group. `score_by_keys`
opens the episodes itself, so that a dataset of keys serves any number of epochs, trainers and processes.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean, pstdev
from typing import Any

from forge_agents.client import ArenaGarbled, ArenaRefused, AsyncArenaClient
from forge_agents.rollouts import occurrences
from forge_arena.rewards import weights
from forge_arena.types import Components, Outcome, Verdict
from forge_arena.verdicts import ends_with_verdict, sendable, verdict_or_none
from forge_arena.wire import MAX_ATTEMPTS, Attempt, AttemptResult, OpenedEpisode

RewardFunction = Callable[..., Awaitable[list[float | None]]]
COMPONENTS = tuple(Components.model_fields)
# Codes of refusals that concern an episode and not the batch.
GONE = frozenset({"episode_gone", "unknown_episode"})
# How far the arena's reward may be from the weighted sum of its components.
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Scored:
    """The results of a batch of completions, in order. A result is None if its episode is gone."""

    results: tuple[AttemptResult | None, ...]
    verdicts: tuple[Verdict | None, ...]

    def column(self, component: str) -> list[float | None]:
        """One component of every reward: 0 for a completion that cannot be read, None for a failure."""
        return [
            None if r is None or r.reward is None else getattr(r.components, component) if r.components else 0.0
            for r in self.results
        ]

    @property
    def rewards(self) -> list[float | None]:
        return [None if r is None else r.reward for r in self.results]

    def metrics(self) -> dict[str, float]:
        """Early signs of a policy that goes wrong: shares of invalid, failed and flagged verdicts, 0 to 1, and the mean
        and standard deviation of the confidence."""
        verdicts = [v for v in self.verdicts if v is not None]
        metrics = {
            "verdicts/invalid": fmean(r is not None and r.outcome is Outcome.invalid_verdict for r in self.results),
            "verdicts/failed": fmean(r is None or r.reward is None for r in self.results),
        }
        if verdicts:
            metrics["verdicts/flagged"] = fmean(v.detection for v in verdicts)
            metrics["verdicts/confidence"] = fmean(v.confidence for v in verdicts)
            metrics["verdicts/confidence_std"] = pstdev(v.confidence for v in verdicts)
        return metrics


class BatchReward(ABC):
    """Scores batches for a trainer of TRL. A subclass says how.

    Arguments:
        on_scored: called with the keys and the scores of every batch.
        shuffle: for a control: shuffles the scores within each batch, so that no completion earns its own score.
        paid: the weights of the components by which the arena pays (`client.prompts().reward.weights`), by default the
            standard ones.
    """

    def __init__(
        self,
        *,
        on_scored: Callable[[Sequence[str], Scored], None] = lambda keys, scored: None,
        shuffle: random.Random | None = None,
        paid: Mapping[str, float] | None = None,
    ) -> None:
        self._on_scored = on_scored
        self._shuffle = shuffle
        self._paid = weights() if paid is None else paid
        self._batch: tuple[object, asyncio.Task[Scored]] | None = None

    def functions(self) -> tuple[list[RewardFunction], list[float]]:
        """One reward function per component, and their weights. TRL names a column after its function."""
        return [self._column(component) for component in COMPONENTS], [self._paid[name] for name in COMPONENTS]

    def _column(self, component: str) -> RewardFunction:
        async def reward(**batch: Any) -> list[float | None]:
            return (await self._score_once(batch)).column(component)

        reward.__name__ = component
        return reward

    async def _score_once(self, batch: dict[str, Any]) -> Scored:
        """The scores of a batch. The first column that asks submits it, and the other columns wait for the answer."""
        completions = batch["completions"]
        if self._batch is None or self._batch[0] is not completions:
            self._batch = (completions, asyncio.ensure_future(self._score_and_log(batch)))
        return await self._batch[1]

    async def _score_and_log(self, batch: dict[str, Any]) -> Scored:
        scored = await self._score_batch(batch)
        self._on_scored(batch["key"], scored)
        for name, value in self._metrics(batch, scored).items():
            batch["log_metric"](name, value)
        batch["log_extra"]("key", list(batch["key"]))
        batch["log_extra"]("outcome", [r.outcome.value if r else Outcome.infra_failed.value for r in scored.results])
        return scored if self._shuffle is None else _shuffled_scores(scored, self._shuffle)

    def _metrics(self, batch: dict[str, Any], scored: Scored) -> dict[str, float]:
        """The numbers of a batch for the trainer's log."""
        return scored.metrics()

    @abstractmethod
    async def _score_batch(self, batch: dict[str, Any]) -> Scored:
        """The scores of what a trainer hands over."""


class ArenaReward(BatchReward):
    """Scores batches of completions.

    Arguments:
        client: the client of the arena. It tries again, with back-off, for as long as its `patience`, and then raises.
        ends: the tokens with which a completion ends by itself. A completion that ends otherwise was cut at its limit.
        settings: those of `BatchReward`.
    """

    def __init__(self, client: AsyncArenaClient, *, ends: Collection[int] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self._client = client
        self._ends = frozenset(ends)

    async def score(self, episode_ids: Sequence[str], completions: Sequence[str]) -> Scored:
        """As `score_by_ids`."""
        return await score_by_ids(self._client, episode_ids, completions, self._paid)

    async def _score_batch(self, batch: dict[str, Any]) -> Scored:
        return await self.score(batch["episode_id"], [text_of(completion) for completion in batch["completions"]])

    def _metrics(self, batch: dict[str, Any], scored: Scored) -> dict[str, float]:
        metrics = super()._metrics(batch, scored)
        if self._ends:
            texts = [text_of(completion) for completion in batch["completions"]]
            metrics["verdicts/cut"] = fmean(
                verdict is not None and _is_cut_after_verdict(text, ids, self._ends)
                for verdict, text, ids in zip(scored.verdicts, texts, batch["completion_ids"], strict=True)
            )
        return metrics


async def score_by_ids(
    client: AsyncArenaClient,
    episode_ids: Sequence[str],
    completions: Sequence[str],
    paid: Mapping[str, float] | None = None,
) -> Scored:
    """Submit completions; those on the same episode are its attempts, from 0, in order.

    `paid` are the weights by which the arena pays; see `BatchReward`.

    Raises:
        ArenaError: no answer came in time, or the answer cannot be a score.
    """
    attempts = [
        Attempt(episode_id=episode_id, attempt=number, completion=sendable(completion))
        for episode_id, number, completion in zip(episode_ids, occurrences(episode_ids), completions, strict=True)
    ]
    results = await _submit(client, attempts)
    for result in results:
        check_sum(result, paid)
    return Scored(results, tuple(verdict_or_none(attempt.completion or "") for attempt in attempts))


async def score_by_keys(
    client: AsyncArenaClient,
    keys: Sequence[str],
    digests: Sequence[str],
    completions: Sequence[str],
    paid: Mapping[str, float] | None = None,
) -> Scored:
    """Open an episode of each key for all completions on the key, and submit the completions.

    Args:
        client: the client of the arena.
        keys: the key of each completion.
        digests: the `digest` of the observation that the model read, for each completion.
        completions: raw texts of a model.
        paid: the weights by which the arena pays; see `BatchReward`.

    Raises:
        ArenaError: no answer came in time, the answer cannot be a score, or a key is another episode than the one that
            the model read.
    """
    # A completion whose number on its key is beyond the attempts of one episode gets a further episode of the key.
    places: dict[int, list[int]] = {}
    for place, number in enumerate(occurrences(keys)):
        places.setdefault(number // MAX_ATTEMPTS, []).append(place)
    results: list[AttemptResult | None] = [None] * len(keys)
    verdicts = [verdict_or_none(sendable(completion)) for completion in completions]
    for part in places.values():
        episodes = await _open_by_keys(client, [keys[place] for place in part])
        for place in part:
            if keys[place] in episodes:
                check_digest(episodes[keys[place]], digests[place])
        opened = [place for place in part if keys[place] in episodes]
        ids = [episodes[keys[place]].episode_id for place in opened]
        scored = await score_by_ids(client, ids, [completions[place] for place in opened], paid)
        for place, result in zip(opened, scored.results, strict=True):
            results[place] = result
    return Scored(tuple(results), tuple(verdicts))


async def _open_by_keys(client: AsyncArenaClient, keys: Sequence[str]) -> dict[str, OpenedEpisode]:
    """An episode of each key, with an attempt for each time that the key is given, without episodes that failed."""
    count = Counter(keys)
    try:
        opened = await client.open_episodes(keys=list(count), attempts=max(count.values()))
    except ArenaRefused as refusal:
        # With an outcome, the Worker failed on all of the keys. Without one, the request was wrong.
        if refusal.outcome is None:
            raise
        return {}
    return {episode.key: episode for episode in opened.episodes}


def check_digest(episode: OpenedEpisode, digest: str) -> None:
    """Refuse an episode whose observation is another than the one with this digest.

    Raises:
        ArenaGarbled: the arena made another episode of the same key. A reward for it would be noise.
    """
    if episode.observation.digest != digest:
        raise ArenaGarbled(
            f"the arena's episode of key {episode.key} is another than the one in the dataset: the arena's Worker or "
            "scenarios are not the same any more, or its Worker takes no seed. Make the dataset anew; play a Worker "
            "without a seed from a bank (forge-arena bank)"
        )


async def _submit(client: AsyncArenaClient, attempts: Sequence[Attempt]) -> tuple[AttemptResult | None, ...]:
    try:
        return await client.submit(attempts)
    except ArenaRefused as refusal:
        if refusal.code not in GONE:
            raise
    # One episode of the batch is gone, because it expired or somebody deleted it. The others still count.
    ids = list(dict.fromkeys(a.episode_id for a in attempts))
    parts = await asyncio.gather(*(_submit_one(client, [a for a in attempts if a.episode_id == id]) for id in ids))
    by_attempt = {(r.episode_id, r.attempt): r for part in parts for r in part}
    return tuple(by_attempt.get((a.episode_id, a.attempt)) for a in attempts)


async def _submit_one(client: AsyncArenaClient, attempts: Sequence[Attempt]) -> tuple[AttemptResult, ...]:
    try:
        return await client.submit(attempts)
    except ArenaRefused as refusal:
        if refusal.code not in GONE:
            raise
        return ()


def text_of(completion: Any) -> str:
    """The text of a completion as TRL hands it over: a string, or a chat of one message."""
    return completion if isinstance(completion, str) else str(completion[0]["content"])


def _is_cut_after_verdict(text: str, ids: Sequence[int], ends: frozenset[int]) -> bool:
    """Whether a completion was cut at its limit while it went on after its verdict.

    Training scores such a verdict, and an evaluation refuses it. So a policy that learns to go on looks better in
    training.
    """
    return ids[-1] not in ends and not ends_with_verdict(text)


def check_sum(result: AttemptResult | None, paid: Mapping[str, float] | None = None) -> None:
    """Refuse a reward that is not the weighted sum of its components; see `BatchReward` about `paid`.

    Raises:
        ArenaGarbled: trainer and arena are of different versions, or the arena pays by another profile.
    """
    if result is None or result.components is None or result.reward is None:
        return
    due = weights() if paid is None else paid
    total = sum(weight * getattr(result.components, name) for name, weight in due.items())
    if not isclose(total, result.reward, abs_tol=TOLERANCE):
        raise ArenaGarbled(
            f"the arena's reward {result.reward:.4f} is not the weighted sum of its components {total:.4f}: trainer "
            "and arena must be of the same version, and the trainer must know the reward profile of the arena"
        )


def _shuffled_scores(scored: Scored, rng: random.Random) -> Scored:
    results = list(scored.results)
    rng.shuffle(results)
    return Scored(tuple(results), scored.verdicts)
