"""Write a dataset for NeMo Gym: python agents/examples/nemo_gym/rows.py train.jsonl --episodes 1000"""

import json
import os
from pathlib import Path

import typer

from forge_agents.client import ArenaClient
from forge_arena.verdicts import messages


def main(
    out: Path, url: str = "http://127.0.0.1:8000", split: str = "train", start: int = 0, episodes: int = 1000
) -> None:
    """Write a row for each episode of a split from START on to OUT, for the resources server in `app.py`."""
    with ArenaClient(url, token=os.environ.get("FORGE_ARENA_TOKEN")) as client:
        opened = client.open_episodes(split=split, start=start, count=episodes)
    with out.open("w", encoding="utf-8") as lines:
        for episode in opened.episodes:
            row = {
                "responses_create_params": {"input": messages(episode.observation)},
                "key": episode.key,
                "digest": episode.observation.digest,
                "agent_ref": {"type": "responses_api_agents", "name": "forge_arena_simple_agent"},
            }
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    typer.echo(f"{out}: {len(opened.episodes)} rows")


if __name__ == "__main__":
    typer.run(main)
