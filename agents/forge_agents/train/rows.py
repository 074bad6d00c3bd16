"""Rows of training data in TRL's conversational format, which `SFTTrainer` and `DPOTrainer` take as they are."""

from typing import Any

from forge_agents.overseers.prompts import Prompt
from forge_arena.types import Observation
from forge_arena.verdicts import messages

Row = dict[str, Any]


def assistant_message(text: str) -> list[dict[str, str]]:
    """A completion as a chat of one message."""
    return [{"role": "assistant", "content": text}]


def completion_row(observation: Observation, completion: str, ask: Prompt = messages) -> Row:
    """The row of a prompt and the completion that a model should write."""
    return {"prompt": ask(observation), "completion": assistant_message(completion)}


def preference_row(observation: Observation, chosen: str, rejected: str, ask: Prompt = messages) -> Row:
    """The row of a prompt, the better completion and the worse one."""
    return {
        "prompt": ask(observation),
        "chosen": assistant_message(chosen),
        "rejected": assistant_message(rejected),
    }
