"""Train an overseer with TRL's GRPOTrainer against a running arena: the model uses tools, and gives its verdict by one.

    forge-arena serve --scenarios short &
    python agents/examples/trl_tools.py Qwen/Qwen3-0.6B        # or a folder with a checkpoint

It needs the extra `train`, and a model whose chat template knows tools. docs/trl.md says more.
"""

import torch
import typer
from trl import GRPOConfig, GRPOTrainer

from forge_agents.trl import ForgeArena


def main(
    model: str, url: str = "http://127.0.0.1:8000", token: str | None = None, episodes: int = 500, steps: int = 100
) -> None:
    """Train MODEL, a folder or a name on the Hub, for some steps on episodes of the arena."""
    with ForgeArena(url, token=token) as arena:
        trainer = GRPOTrainer(
            model=model,
            environment_factory=arena.environment,
            train_dataset=arena.dataset(episodes, tools=True),
            # All attempts of a group share their label. Scaled by its spread, the reward would make confidence extreme.
            args=GRPOConfig(
                "trl-tools",
                max_steps=steps,
                max_completion_length=800,
                scale_rewards="none",
                bf16=torch.cuda.is_available(),
                use_cpu=not torch.cuda.is_available(),
            ),
        )
        trainer.train()
        trainer.save_model()


if __name__ == "__main__":
    typer.run(main)
