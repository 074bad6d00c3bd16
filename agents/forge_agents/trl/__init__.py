"""Couple an arena to TRL's online trainers without glue: one object from a URL, in two forms.

    arena = ForgeArena("http://127.0.0.1:8000")
    GRPOTrainer(..., train_dataset=arena.dataset(500), reward_funcs=arena.reward)
    GRPOTrainer(..., train_dataset=arena.dataset(500, tools=True), environment_factory=arena.environment)

In the first form the model writes one answer, the verdict. In the second it may use tools before it gives the verdict.

    arena           ForgeArena: the dataset, the reward functions and the environments of an arena
    environment     one rollout with tools (`forge_agents.overseers.tools`): what `environment_factory` makes
    rewards         completions -> rewards, over REST; our own trainer (`forge_agents.train`) uses the same

A trainer that is not TRL's takes the plain functions of `forge_agents.rollouts`. docs/trl.md shows both
forms. Importing the package needs neither torch nor TRL; `ForgeArena.dataset` needs `datasets`.
"""

from forge_agents.trl.arena import ForgeArena
from forge_agents.trl.environment import OverseerEnvironment

__all__ = ["ForgeArena", "OverseerEnvironment"]
