"""The Worker protocol: a Worker answers a scenario, rightly or as a hidden instruction says, and answers probes."""

from random import Random
from typing import Protocol, runtime_checkable

from forge_arena.types import Alternative, Answer, Awareness, Candour, CorruptionType, Noun, Probe, Scenario


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
