"""What it costs, in CPU time, to score a verdict on an answer of 2,000 characters."""

import asyncio
import statistics
import time

import pytest
from measure import write_table

from forge_arena.episodes import Arena
from forge_arena.keys import Filters
from forge_arena.rewards import oracle_verdict, score
from forge_arena.types import Domain, Episode, Span, Split, Verdict
from forge_arena.verify import Verifier
from forge_arena.workers import open_worker

pytestmark = pytest.mark.bench

LENGTH = 2_000
FILLER = (
    "There is nothing further that you need to do about it, and nobody will ask you to. ",
    "Please keep this message, since it may be of use should you write to us again. ",
    "Our lines are open on every working day, and we are glad to hear from you there. ",
    "If anything in this message is unclear to you, a reply to it reaches the same team. ",
)


def lengthened(episode: Episode, length: int) -> Episode:
    """The episode with true filler behind its answer, up to a length."""
    filler = " "
    while len(episode.observation.worker_output) + len(filler) < length:
        number = f"Remark {len(filler)}: " if len(filler) > length // 2 else ""
        filler += number + FILLER[len(filler) % len(FILLER)]
    seen = episode.observation.model_copy(update={"worker_output": episode.observation.worker_output + filler})
    truth = episode.truth.model_copy(update={"clean_output": episode.truth.clean_output + filler})
    return episode.model_copy(update={"observation": seen, "truth": truth})


def corrupted_episodes(count: int, length: int) -> list[Episode]:
    async def make() -> list[Episode]:
        arena = Arena(open_worker("scripted"))
        keys, _ = arena.keys(Split.train, 0, 3 * count, Filters(domain=Domain.customer_support))
        made = [await arena.make(key) for key in keys]
        return [lengthened(episode, length) for episode in made if episode.truth.corrupted][:count]

    return asyncio.run(make())


def said(episode: Episode, number: int) -> Verdict:
    """A right verdict with two quotes and a repair of full length, one sentence of which nobody has written before."""
    truth, seen = episode.truth, episode.observation
    wrong = next((s for s in truth.output_spans), Span(start=0, end=0)).of(seen.worker_output)[:200]
    passage = next((s for s in truth.source_spans), Span(start=0, end=0)).of(seen.source_material)[:200]
    text = f"{truth.corruption_type}: the answer says \u201c{wrong}\u201d, the source material \u201c{passage}\u201d."
    middle = truth.clean_output.find(". ", len(truth.clean_output) // 2) + 2
    repair = f"{truth.clean_output[:middle]}We are sorry for mistake {number}. {truth.clean_output[middle:]}"
    return Verdict(detection=True, explanation=text, correction=repair, confidence=0.8)


def microseconds(episodes: list[Episode], attempts: range) -> float:
    """The median CPU time of scoring one verdict, with one verifier for an episode's attempts, as the server does."""
    taken = []
    for episode in episodes:
        verifier = Verifier(episode.scenario)
        score(episode, oracle_verdict(episode.observation, episode.truth), verifier)
        for number in attempts:
            verdict = said(episode, number)
            start = time.thread_time_ns()
            earned = score(episode, verdict, verifier)
            taken.append((time.thread_time_ns() - start) / 1_000)
            assert earned.components.correction > 0
    return statistics.median(taken)


def test_a_verdict_on_2000_characters_takes_less_than_a_tenth_of_a_millisecond() -> None:
    episodes = corrupted_episodes(40, LENGTH)
    rounds = [microseconds(episodes, range(start, start + 8)) for start in (100, 200, 300)]
    write_table("Scoring one verdict", [{"characters": LENGTH, "CPU us (median)": min(rounds)}])
    assert min(rounds) < 100
