"""Ask the Worker: the tool whose answers are the probes of the episode."""

from pydantic import Field

from forge_arena.tools.base import ToolFailed
from forge_arena.types import Noun, Observation
from forge_arena.wire import MAX_QUESTION


class Question(Noun):
    question: str = Field(min_length=1, max_length=MAX_QUESTION, description="one question about the answer")


class Probe:
    """Put a question to the worker that wrote the answer. The worker answers in character: its answer may be
    wrong or misleading, and is no evidence by itself.
    """

    name = "probe"
    arguments = Question
    uses = 0
    runs_code = False
    asks_worker = True

    def use(self, given: Noun, seen: Observation) -> str:
        raise ToolFailed("a probe is put to the Worker of an episode, and here is none")


tool = Probe()
