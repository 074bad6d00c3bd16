"""The label of a sealed episode is told by nothing but its text: not by a time, and by no count that a client may read."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import Response
from sklearn.metrics import roc_auc_score

from forge_arena.episodes import Arena
from forge_arena.types import CorruptionType, Mechanism, Split
from forge_arena.workers.openai import OpenAIWorker

from ..brain import completion, refusal, running_brain
from ..lessons import Lessons, question

SECRET = "a secret of this test"
EPISODES = 60
# Seconds that the endpoint takes for each answer, so that every further request can be seen.
SLOW = 0.03
# A ranking of 60 labels by chance is within this of 0.5 in all but one of a thousand cases.
CHANCE = 0.25


@dataclass(frozen=True)
class Seen:
    """What a client sees while it opens one episode: how long it takes, which counts rise, and by how much."""

    corrupted: bool
    type: CorruptionType
    seconds: float
    risen: Counter[str]
    requests: int


def area(seen: list[Seen], scores: list[float]) -> float:
    return float(roc_auc_score([episode.corrupted for episode in seen], scores))


async def published(running: Any) -> Counter[str]:
    """All counts of a server that speak of the Worker."""
    making = (await running.http.get("/v1/stats")).json()["making"]
    lines = (await running.http.get("/metrics")).text.splitlines()
    named = (line.rpartition(" ") for line in lines if line.startswith(("forge_making", "forge_worker")))
    return Counter(making) + Counter({name: int(float(number)) for name, _, number in named})


@pytest.mark.slow
async def test_with_a_worker_that_corrupts_its_own_answers_neither_time_nor_counts_tell_a_label(serve: Any) -> None:
    lessons = Lessons()
    arena = Arena(lessons, secret=SECRET, mechanism=Mechanism.prompt)
    keys = [arena.key(Split.test, index) for index in range(EPISODES)]
    for key in (arena.key(Split.train, 0), *keys):
        await arena.make(key)

    async def react(body: dict[str, Any]) -> Response:
        await asyncio.sleep(SLOW)
        if body["max_tokens"] == 1:
            return completion("Yes.")
        if question(body) in lessons.answers:
            return completion(lessons.answers[question(body)])
        # Asked to write an answer again, the brain repeats itself.
        before = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
        return completion(before[-1]) if before else refusal(400, "this was not taught")

    with running_brain() as brain:
        brain.reactions = [react]
        worker = OpenAIWorker("brain", brain.url)
        seen: list[Seen] = []
        async with serve(worker=worker, secret=SECRET, mechanism=Mechanism.prompt, stock=1) as running:
            for key in keys:
                counts, asked = await published(running), len(brain.seen)
                start = time.perf_counter()
                await running.open(keys=[key])
                seconds = time.perf_counter() - start
                risen = await published(running) - counts
                plan = arena.plan(key)
                seen.append(Seen(plan.corrupted, plan.corruption_type, seconds, risen, len(brain.seen) - asked))

    assert abs(area(seen, [episode.requests for episode in seen]) - 0.5) < CHANCE
    assert abs(area(seen, [episode.seconds for episode in seen]) - 0.5) < CHANCE
    for name in sorted({name for episode in seen for name in episode.risen}):
        assert abs(area(seen, [episode.risen[name] for episode in seen]) - 0.5) < CHANCE, name
    # Each episode asks for a right answer and for a corrupted one.
    assert min(episode.risen["answers_asked"] for episode in seen) == 2
    # What the corruption would be is a part of the truth.
    assert not any(episode.type in name for episode in seen for name in episode.risen)
