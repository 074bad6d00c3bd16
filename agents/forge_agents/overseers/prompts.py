"""Note in a model's folder how the model was asked in training. The prompts are `forge_arena.prompts`."""

import json
from pathlib import Path

from pydantic import TypeAdapter

from forge_arena.files import read_json
from forge_arena.prompts import SAMPLE, Prompt, PromptName, prompt, prompt_digest, prompt_text
from forge_arena.types import Noun

__all__ = [
    "SAMPLE",
    "TRAINED",
    "Prompt",
    "PromptName",
    "note_prompt",
    "prompt",
    "prompt_digest",
    "prompt_text",
    "trained_prompt",
    "trained_with_tools",
]

# The file in a model's folder that says how the model was asked.
TRAINED = "forge_arena.json"


class _Note(Noun):
    """How a model was asked in training. A folder of an older version names the prompt alone."""

    prompt: str | None = None
    tools: bool = False


def note_prompt(folder: Path, name: str, *, tools: bool = False) -> None:
    """Write down in a model's folder the prompt with which the model was trained, and whether it had tools."""
    note = {"prompt": PromptName(name).value} | ({"tools": True} if tools else {})
    (folder / TRAINED).write_text(json.dumps(note) + "\n", encoding="utf-8")


def trained_prompt(folder: Path) -> str | None:
    """The prompt with which the model in a folder was trained; None if the folder does not say.

    Raises:
        ValueError: the note is damaged.
    """
    return _note(folder).prompt


def trained_with_tools(folder: Path) -> bool:
    """Whether the model in a folder was trained to use tools in several turns. Raises what `trained_prompt` raises."""
    return _note(folder).tools


def _note(folder: Path) -> _Note:
    path = folder / TRAINED
    return read_json(path, TypeAdapter(_Note)) if path.is_file() else _Note()
