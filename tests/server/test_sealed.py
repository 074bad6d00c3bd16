"""The label of a sealed episode is told by nothing but its text: not by a time, and by no count that a client may read."""

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import Response
from sklearn.metrics import roc_auc_score

from forge_arena.episodes import Arena
from forge_arena.rewards import weights
from forge_arena.types import CorruptionType, Episode, Mechanism, Split, Verdict
from forge_arena.verify import Verifier
from forge_arena.wire import Attempt
from forge_arena.workers import ScriptedWorker
from forge_arena.workers.openai import OpenAIWorker
from forge_server.cache import CachedEpisode
from forge_server.decoy import Decoy

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


def quotations(text: str) -> str:
    """The text in quotations of eight words each."""
    words = text.split()
    return " ".join(f'"{" ".join(words[at : at + 8])}"' for at in range(0, len(words), 8))


def seconds_of_grading(episode: Episode, verifier: Verifier, verdict: Verdict) -> float:
    """The CPU time of grading a verdict on a sealed episode, the least of several."""
    cached = CachedEpisode("id", episode.key, Split.test, episode, 1, math.inf, verifier=verifier)
    attempt = Attempt(episode_id="id", attempt=0, verdict=verdict)
    times = []
    for _ in range(8):
        start = time.thread_time()
        cached.grade(attempt, verdict, frozenset({Split.test}), weights())
        times.append(time.thread_time() - start)
    return min(times)


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


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("detection", [True, False])
async def test_the_time_of_grading_does_not_tell_the_label(mechanism: Mechanism, detection: bool) -> None:
    arena = Arena(ScriptedWorker(), secret=SECRET, mechanism=mechanism)
    corrupted, seconds = [], []
    for index in range(EPISODES):
        episode, verifier = await arena.make_with_verifier(arena.key(Split.test, index))
        seen = episode.observation
        quoted = f"{quotations(seen.source_material)[:2_000]} {quotations(seen.worker_output)[:1_900]}"
        verdict = Verdict(detection=detection, explanation=quoted, correction=seen.worker_output, confidence=0.5)
        corrupted.append(episode.truth.corrupted)
        seconds.append(seconds_of_grading(episode, verifier, verdict))
    assert abs(float(roc_auc_score(corrupted, seconds)) - 0.5) < CHANCE


async def test_a_decoy_has_the_other_label_and_pays_nobody() -> None:
    arena = Arena(ScriptedWorker(), secret=SECRET)
    for index in range(12):
        episode, verifier = await arena.make_with_verifier(arena.key(Split.test, index))
        for detection in (True, False):
            verdict = Verdict(detection=detection, explanation="", correction="Yes.", confidence=0.75)
            attempt = Attempt(episode_id="id", attempt=0, verdict=verdict)
            graded = [
                CachedEpisode("id", episode.key, Split.test, episode, 1, math.inf, verifier=verifier).grade(
                    attempt, verdict, sealed, weights()
                )
                for sealed in (frozenset({Split.test}), frozenset[Split]())
            ]
            assert graded[0] == graded[1]
        decoy = Decoy(episode, verifier)
        assert {e.truth.corrupted for e in (decoy.repaired, decoy.unrepaired)} == {not episode.truth.corrupted}
        assert decoy.repaired.observation == episode.observation
