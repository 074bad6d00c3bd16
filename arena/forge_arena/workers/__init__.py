"""Workers: the LLM whose work is overseen. `open_worker` makes one from a short text."""

from forge_arena.workers.base import BadAnswer, ChatModel, HiddenInstruction, Reviser, Worker
from forge_arena.workers.registry import open_worker
from forge_arena.workers.scripted import ScriptedWorker

__all__ = ["BadAnswer", "ChatModel", "HiddenInstruction", "Reviser", "ScriptedWorker", "Worker", "open_worker"]
