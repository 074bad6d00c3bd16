"""Rows of training data in TRL's conversational format, which `SFTTrainer` and `DPOTrainer` take as they are."""

from typing import Any

from forge_arena.types import Observation
from forge_arena.verdicts import messages

Row = dict[str, Any]


def assistant_message(text: str) -> list[dict[str, str]]:
    """What a model wrote, as a chat of one message."""
    return [{"role": "assistant", "content": text}]


def completion_row(observation: Observation, completion: str) -> Row:
    """A prompt and what should be written."""
    return {"prompt": messages(observation), "completion": assistant_message(completion)}


def preference_row(observation: Observation, chosen: str, rejected: str) -> Row:
    """A prompt, what is preferred and what is not."""
    return {
        "prompt": messages(observation),
        "chosen": assistant_message(chosen),
        "rejected": assistant_message(rejected),
    }
