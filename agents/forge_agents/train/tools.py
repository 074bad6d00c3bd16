"""Train with tools: rollouts of several turns, and the rewards of what they submitted.

TRL plays the rollouts (`environment_factory`) and learns from the tokens that the model wrote, and not from the tools'
answers. `forge_agents.trl.environment.OverseerEnvironment` pays itself, in one column. Here the rewards are the same
columns as in the form with one turn, so that journal, report and controls know them.
"""

import asyncio
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from forge_agents.client import ArenaClient
from forge_agents.trl.environment import Rollout, result_of
from forge_agents.trl.rewards import BatchReward, Scored


class RolloutReward(BatchReward):
    """Scores the rollouts of a batch. A rollout without a verdict earns 0, and one whose episode failed earns None."""

    async def _score_batch(self, batch: dict[str, Any]) -> Scored:
        rollouts: list[Rollout] = batch["environments"]
        # In threads, because the client of a rollout blocks. Only a rollout without a verdict sends a request here.
        results = await asyncio.gather(*(asyncio.to_thread(result_of, rollout) for rollout in rollouts))
        return Scored(tuple(results), tuple(rollout.verdict for rollout in rollouts))

    def _metrics(self, batch: dict[str, Any], scored: Scored) -> dict[str, float]:
        metrics = super()._metrics(batch, scored)
        done = [result for result in scored.results if result is not None]
        if done:
            metrics["tools/uses"] = fmean(result.tool_uses for result in done)
            metrics["tools/cost"] = fmean(result.tool_cost for result in done)
        return metrics


def rollout_factory(client: ArenaClient, paid: Mapping[str, float]) -> Callable[[], Rollout]:
    """What TRL takes as `environment_factory`: makes rollouts that share a client and a reward profile."""
    return lambda: Rollout(lambda: client, lambda: paid)
