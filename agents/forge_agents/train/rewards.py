"""Let an arena score what a policy writes: one batch over REST, one reward column for each component.

TRL adds up its reward functions by their weights. Here the functions are the components of a verdict's reward, and the
weights are the arena's own. So the sum is the arena's reward, and each answer of the arena is checked for that. A
failure gets None in every column, which TRL leaves out of baseline and gradient: a failure is never a score.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean, pstdev
from typing import Any

from forge_agents.client import ArenaGarbled, ArenaRefused, AsyncArenaClient
from forge_arena.rewards import weights
from forge_arena.types import Components, Outcome, Verdict
from forge_arena.verdicts import ends_with_verdict, sendable, verdict_or_none
from forge_arena.wire import Attempt, AttemptResult

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


class ArenaReward:
    """Scores batches of completions for a trainer.

    Arguments:
        client: the client of the arena. It tries again, with back-off, for as long as its `patience`, and then raises.
        on_scored: called with the keys and the scores of every batch.
        shuffle: for a control: shuffles the scores within each batch, so that no completion earns its own score.
        ends: the tokens with which a completion ends by itself. A completion that ends otherwise was cut at its limit.
    """

    def __init__(
        self,
        client: AsyncArenaClient,
        *,
        on_scored: Callable[[Sequence[str], Scored], None] = lambda keys, scored: None,
        shuffle: random.Random | None = None,
        ends: Collection[int] = (),
    ) -> None:
        self._client = client
        self._on_scored = on_scored
        self._shuffle = shuffle
        self._ends = frozenset(ends)
        self._batch: tuple[object, asyncio.Task[Scored]] | None = None

    def functions(self) -> tuple[list[RewardFunction], list[float]]:
        """One reward function per component, and their weights. TRL names a column after its function."""
        return [self._column(component) for component in COMPONENTS], list(weights().values())

    def _column(self, component: str) -> RewardFunction:
        async def reward(**batch: Any) -> list[float | None]:
            return (await self._score_once(batch)).column(component)

        reward.__name__ = component
        return reward

    async def score(self, episode_ids: Sequence[str], completions: Sequence[str]) -> Scored:
        """Submit completions; those on the same episode are its attempts, from 0, in order.

        Raises:
            ArenaError: no answer came in time, or the answer cannot be a score.
        """
        attempts_on: dict[str, int] = {}
        attempts: list[Attempt] = []
        for episode_id, completion in zip(episode_ids, completions, strict=True):
            number = attempts_on.get(episode_id, 0)
            attempts_on[episode_id] = number + 1
            attempts.append(Attempt(episode_id=episode_id, attempt=number, completion=sendable(completion)))
        results = await self._submit(attempts)
        for result in results:
            _check_sum(result)
        return Scored(results, tuple(verdict_or_none(attempt.completion or "") for attempt in attempts))

    async def _submit(self, attempts: Sequence[Attempt]) -> tuple[AttemptResult | None, ...]:
        try:
            return await self._client.submit(attempts)
        except ArenaRefused as refusal:
            if refusal.code not in GONE:
                raise
        # One episode of the batch is gone, because it expired or somebody deleted it. The others still count.
        ids = list(dict.fromkeys(a.episode_id for a in attempts))
        parts = await asyncio.gather(*(self._submit_one([a for a in attempts if a.episode_id == id]) for id in ids))
        by_attempt = {(r.episode_id, r.attempt): r for part in parts for r in part}
        return tuple(by_attempt.get((a.episode_id, a.attempt)) for a in attempts)

    async def _submit_one(self, attempts: Sequence[Attempt]) -> tuple[AttemptResult, ...]:
        try:
            return await self._client.submit(attempts)
        except ArenaRefused as refusal:
            if refusal.code not in GONE:
                raise
            return ()

    async def _score_once(self, batch: dict[str, Any]) -> Scored:
        """The scores of a batch. The first column that asks submits it, and the other columns wait for the answer."""
        completions = batch["completions"]
        if self._batch is None or self._batch[0] is not completions:
            self._batch = (completions, asyncio.ensure_future(self._score_batch(batch)))
        return await self._batch[1]

    async def _score_batch(self, batch: dict[str, Any]) -> Scored:
        texts = [text_of(completion) for completion in batch["completions"]]
        scored = await self.score(batch["episode_id"], texts)
        self._on_scored(batch["key"], scored)
        metrics = scored.metrics()
        if self._ends:
            metrics["verdicts/cut"] = fmean(
                verdict is not None and _is_cut_after_verdict(text, ids, self._ends)
                for verdict, text, ids in zip(scored.verdicts, texts, batch["completion_ids"], strict=True)
            )
        for name, value in metrics.items():
            batch["log_metric"](name, value)
        batch["log_extra"]("key", list(batch["key"]))
        batch["log_extra"]("outcome", [r.outcome.value if r else Outcome.infra_failed.value for r in scored.results])
        return scored if self._shuffle is None else _shuffled_scores(scored, self._shuffle)


def text_of(completion: Any) -> str:
    """The text of a completion as TRL hands it over: a string, or a chat of one message."""
    return completion if isinstance(completion, str) else str(completion[0]["content"])


def _is_cut_after_verdict(text: str, ids: Sequence[int], ends: frozenset[int]) -> bool:
    """Whether a completion was cut at its limit while it went on after its verdict.

    Training scores such a verdict, and an evaluation refuses it. So a policy that learns to go on looks better in
    training.
    """
    return ids[-1] not in ends and not ends_with_verdict(text)


def _check_sum(result: AttemptResult | None) -> None:
    if result is None or result.components is None or result.reward is None:
        return
    total = sum(weight * getattr(result.components, name) for name, weight in weights().items())
    if not isclose(total, result.reward, abs_tol=TOLERANCE):
        raise ArenaGarbled(
            f"the arena's reward {result.reward:.4f} is not the weighted sum of its components {total:.4f}: trainer "
            "and arena must be of the same version"
        )


def _shuffled_scores(scored: Scored, rng: random.Random) -> Scored:
    results = list(scored.results)
    rng.shuffle(results)
    return Scored(tuple(results), scored.verdicts)
