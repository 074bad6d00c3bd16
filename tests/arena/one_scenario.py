"""A source with one scenario, and the right and the wrong answers to it, for models that know what to say beforehand."""

import asyncio
from random import Random
from typing import Any

from fastapi import Response

from forge_arena.corruptions import inject
from forge_arena.episodes import Arena
from forge_arena.errors import CannotCorrupt
from forge_arena.scenarios import load_families
from forge_arena.types import Answer, CorruptionType, Domain, Episode, Form, Scenario, Split
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker, Worker

from ..brain import completion

FAMILY = next(
    family
    for family in load_families()
    if CorruptionType.temporal_shift in family.corruptions and family.domain is Domain.customer_support
)
SEED = 3
SCENARIO = FAMILY.draw(Random(SEED))


class OneScenario:
    """A source that always draws the same scenario, so that a model can know the right answer beforehand."""

    name: str = FAMILY.name
    domain: Domain = FAMILY.domain
    split: Split = FAMILY.split
    corruptions: frozenset[CorruptionType] = frozenset({CorruptionType.temporal_shift})

    def draw(self, rng: Random, wording: int = 0) -> Scenario:
        return FAMILY.draw(Random(SEED), wording)


def draft(seed: int = 0) -> Answer:
    """A right answer that mentions what it may, so that it can take a corruption."""
    return asyncio.run(ScriptedWorker().answer(SCENARIO, Random(seed)))


def usable() -> Answer:
    """A right answer that can take the corruption."""
    verifier = Verifier(SCENARIO)
    for seed in range(50):
        answer = draft(seed)
        try:
            inject(verifier, answer, CorruptionType.temporal_shift, 0, Random(0))
        except CannotCorrupt:
            continue
        return answer
    raise AssertionError("no answer takes the corruption")


RIGHT = usable()
# "97.31%" is in no source, and the thoughts of a second try speak of the first.
WRONG = f"{RIGHT.output} The share is 97.31%."
TELLING = "The remarks say that 97.31% is not in the material, so I leave it out."
THOUGHTS = "Look at what is in force."


def written(output: str, thoughts: str = THOUGHTS, **kind: Any) -> Response:
    return completion(f"<think>{thoughts}</think>\n{output}", **kind)


def arena_of(worker: Worker, **settings: Any) -> Arena:
    return Arena(worker, secret="tests", sources=[OneScenario()], suite="one", **settings)


async def make(arena: Arena, form: Form = Form.clean, index: int = 0) -> Episode:
    return await arena.make(arena.key(FAMILY.split, index, form))
