"""Workers: the LLM whose work is overseen. `open_worker` makes one from a short text."""

from forge_arena.workers.base import HiddenInstruction, Worker
from forge_arena.workers.registry import open_worker
from forge_arena.workers.scripted import ScriptedWorker

__all__ = ["HiddenInstruction", "ScriptedWorker", "Worker", "open_worker"]
