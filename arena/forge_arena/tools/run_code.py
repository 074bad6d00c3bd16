"""Run a snippet of Python in the limited process that also runs the code of answers."""

from pydantic import Field

from forge_arena.tools.base import ToolFailed
from forge_arena.types import Noun, Observation
from forge_arena.verify.code import run_snippet

MAX_SNIPPET = 8_000
SECONDS = 2.0


class Snippet(Noun):
    snippet: str = Field(min_length=1, max_length=MAX_SNIPPET, description="the Python code")


class RunCode:
    """Run Python code and show what it prints, and the value of its last line if that is an expression. Each run
    is a new process without files and network that may import modules of computing from the standard library and
    ends after 2 seconds. Nothing is defined beforehand: put the code that you want to test into the snippet.
    """

    name = "run_code"
    arguments = Snippet
    uses = 4
    runs_code = True
    asks_worker = False

    def use(self, given: Noun, seen: Observation) -> str:
        assert isinstance(given, Snippet)
        run = run_snippet(given.snippet, seconds=SECONDS)
        if run.trouble:
            raise ToolFailed("\n".join(part for part in (run.printed.rstrip("\n"), run.trouble) if part))
        return run.printed.rstrip("\n") or "the code ended and printed nothing: print what you want to see"


tool = RunCode()
