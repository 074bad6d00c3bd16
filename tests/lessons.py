"""What an endpoint must know to answer as the scripted Worker would: each chat of the arena, with the answer by the script."""

import json
from random import Random
from typing import Any

from forge_arena.types import Answer, Scenario
from forge_arena.workers.base import HiddenInstruction
from forge_arena.workers.prompts import answer_messages
from forge_arena.workers.scripted import ScriptedWorker


class Lessons(ScriptedWorker):
    """Answers by the script, and keeps what would have been asked of an endpoint with what it would have said."""

    name = "openai:brain"

    def __init__(self, compliance: float = 0.8) -> None:
        super().__init__(compliance)
        self.answers: dict[str, str] = {}

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        state = rng.getstate()
        question = json.dumps([answer_messages(scenario, hidden), rng.getrandbits(31)])
        rng.setstate(state)
        written = await super().answer(scenario, rng, hidden)
        self.answers[question] = f"<think>{written.reasoning}</think>{written.output}"
        return written


def question(body: dict[str, Any]) -> str:
    """What the body of a chat asks, as `Lessons.answers` knows it."""
    return json.dumps([body["messages"], body["seed"]])
