"""Define a tool: its protocol, and the failure that is an answer to the overseer."""

from typing import ClassVar, Protocol, runtime_checkable

from forge_arena.errors import ForgeArenaError
from forge_arena.types import Noun, Observation


class ToolFailed(ForgeArenaError):
    """A tool could not do what it was asked. The message is the answer to the overseer, and says what to do."""


@runtime_checkable
class Tool(Protocol):
    """A tool that an overseer may use before its verdict.

    A tool gets the observation and nothing else of an episode, so that no tool can reveal the truth. The observation is
    the whole one, whatever the view hides. The docstring of the class is the description that the overseer reads.

    Attributes:
        name: the name by which the overseer calls the tool.
        arguments: what the tool takes; each field has a description.
        uses: how often one attempt may use the tool, unless a profile says otherwise.
        runs_code: whether a use starts a process. A server limits how many processes run at a time.
        asks_worker: whether the Worker answers, and not `use`. Only a probe does.
    """

    name: ClassVar[str]
    arguments: ClassVar[type[Noun]]
    uses: ClassVar[int]
    runs_code: ClassVar[bool]
    asks_worker: ClassVar[bool]

    def use(self, given: Noun, seen: Observation) -> str:
        """The result as text.

        Args:
            given: an instance of `arguments`.
            seen: the whole observation.

        Raises:
            ToolFailed: the tool cannot do what it was asked.
            ChildProcessError: a process could not be started, through no fault of the overseer.
        """
        ...
