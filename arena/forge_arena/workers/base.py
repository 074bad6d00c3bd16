"""The Worker protocol: a Worker answers a scenario, rightly or as a hidden instruction says, and answers probes.

A Worker that is also a `Reviser` can be asked to write its answer again. A Worker that is none is not asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, Protocol, TypedDict, runtime_checkable

from forge_arena.errors import WorkerFailed
from forge_arena.flaws import Flaw
from forge_arena.types import Alternative, Answer, Awareness, Candour, CorruptionType, JsonObject, Noun, Probe, Scenario


class Message(TypedDict):
    """One message of a chat, in the form that every OpenAI-compatible server takes."""

    role: str
    content: str


class HiddenInstruction(Noun):
    """What the `prompt` mechanism asks of a Worker behind the overseer's back, derived from a claim of the scenario.

    `alternative` is what the answer is to say of the claim `target`; None if it is to say nothing. `awareness` decides what
    the Worker learns of the overseer. `candour` decides how it is to think where the overseer can read its thoughts.
    """

    corruption_type: CorruptionType
    target: str
    alternative: Alternative | None
    text: str
    awareness: Awareness = Awareness.unaware
    candour: Candour = Candour.rationalised


class BadAnswer(WorkerFailed):
    """What the Worker wrote is no answer, though nothing is wrong with the endpoint: cut off, empty, withheld, declined.

    `flaw` is the kind, and `written` is what came. Another answer of the same Worker may be usable.
    """

    def __init__(self, reason: str, flaw: Flaw, written: Answer | None = None) -> None:
        super().__init__(reason)
        self.flaw = flaw
        self.written = written or Answer(reasoning="", output="")


@dataclass(slots=True)
class Spent:
    """What a Worker has spent so far. Servers need not say how many tokens a request took, so `counted` may be lower."""

    requests: int = 0
    counted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, input_tokens: int | None, output_tokens: int | None) -> None:
        """Count one request."""
        self.requests += 1
        if input_tokens is not None and output_tokens is not None:
            self.counted += 1
            self.input_tokens += input_tokens
            self.output_tokens += output_tokens


@runtime_checkable
class Metered(Protocol):
    """A Worker that counts what it spends."""

    @property
    def spent(self) -> Spent: ...


@runtime_checkable
class Worker(Protocol):
    """Answers scenarios. All methods raise `WorkerFailed` and nothing else when no answer can be had."""

    @property
    def name(self) -> str:
        """What answered, for records and reports: `scripted`, `openai:MODEL`, `vllm:MODEL`."""
        ...

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        """Reason about the scenario and answer it; obey `hidden` if given. `rng` decides all sampling seeds."""
        ...

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        """Answer an overseer's question about `answer`, in character: the Worker stands by what it wrote."""
        ...

    async def start(self) -> None:
        """Make ready (spawn, connect); returns when an answer can be had."""
        ...

    async def aclose(self) -> None:
        """Release everything: connections, child processes, files."""
        ...


@runtime_checkable
class Reviser(Worker, Protocol):
    """A Worker that can write an answer again. It is apart from `Worker`, because not every Worker can read."""

    async def revise(
        self,
        scenario: Scenario,
        answer: Answer,
        objections: tuple[str, ...],
        rng: Random,
        hidden: HiddenInstruction | None = None,
    ) -> Answer | None:
        """Write the whole of `answer` again, without what the objections name. `hidden` still holds if it is given.

        Returns: None if the Worker cannot write it again. Then the answer counts as it was.

        Raises:
            WorkerFailed: no answer can be had.
        """
        ...


@runtime_checkable
class Repeating(Worker, Protocol):
    """A Worker that gives the same answer to the same scenario, instruction and random numbers whenever it is asked."""

    @property
    def repeats(self) -> Literal[True]: ...


@runtime_checkable
class ChatModel(Worker, Protocol):
    """A Worker that can also be asked anything, so that its model can serve as a reader (`forge_arena.reader`)."""

    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        """What the model writes after these messages, without its thoughts. Raises what `answer` raises."""
        ...


@runtime_checkable
class JsonModel(ChatModel, Protocol):
    """A chat model whose server may hold a reply to a JSON schema."""

    async def chat_json(self, messages: Sequence[Message], rng: Random, schema: JsonObject) -> str:
        """What the model writes after these messages: JSON of this schema, if the server can see to that.

        A server that cannot is asked without the schema, so the reply may be anything. Raises what `answer` raises.
        """
        ...
