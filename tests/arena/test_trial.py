"""A trial of a Worker: what it counts, whom it asks again, and what it advises."""

import re
from random import Random
from typing import Any

import pytest

from forge_arena.errors import BadArgument, WorkerFailed
from forge_arena.flaws import Flaw
from forge_arena.scenarios import load_families
from forge_arena.trial import Draw, TrialReport, try_worker
from forge_arena.types import Answer, Scenario
from forge_arena.workers import BadAnswer, HiddenInstruction, ScriptedWorker
from forge_arena.workers.openai import OpenAIWorker

from ..brain import Brain, completion

FAMILIES = load_families()[:6]
INVENTED = "The share is 97.31%.\n\n"


class Learner(ScriptedWorker):
    """Invents a figure in every answer, until it was told so `lessons` times."""

    def __init__(self, lessons: int) -> None:
        super().__init__(compliance=1.0)
        self.lessons = lessons
        self.taught: dict[str, int] = {}

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        answer = await super().answer(scenario, rng, hidden)
        if hidden is not None:
            return answer
        self.taught[scenario.task] = 0
        first, _, rest = answer.output.partition("\n\n")
        return answer.model_copy(update={"output": f"{first}\n\n{INVENTED}{rest}"})

    async def revise(
        self,
        scenario: Scenario,
        answer: Answer,
        objections: tuple[str, ...],
        rng: Random,
        hidden: HiddenInstruction | None = None,
    ) -> Answer:
        self.taught[scenario.task] += 1
        is_taught = self.taught[scenario.task] >= self.lessons
        output = (
            re.sub(r"The share is 9\d.31%.\n\n", "", answer.output)
            if is_taught
            else answer.output.replace("97.31", "98.31")
        )
        return answer.model_copy(update={"output": output})


async def trial(worker: Any, **settings: Any) -> TrialReport:
    return await try_worker(worker, FAMILIES, suite="forge:9", **{"count": 12, "concurrency": 4, **settings})


async def test_a_worker_that_is_right_at_once() -> None:
    report = await trial(ScriptedWorker(compliance=1.0))
    assert report.total.usable == (12, 0, 0)
    assert (report.asked, report.failed, report.reasons) == (12, 0, ())
    assert [group.name for group in report.families] == sorted(family.name for family in FAMILIES)
    assert sum(group.asked for group in report.domains) == 12
    told = [item for item in report.instructions if item.obeyed + item.refused + item.botched]
    assert sum(item.obeyed for item in told) >= 10
    assert all(places.found <= places.tried <= 12 for places in report.places)
    assert sum(places.found for places in report.places) > 40
    # It counts no requests, so a trial cannot say what they cost.
    assert (report.requests, report.tokens_per_usable) == (None, None)
    assert "at home" in report.advice[0]


@pytest.mark.parametrize("lessons", [1, 2])
async def test_revisions_are_counted_apart(lessons: int) -> None:
    report = await trial(Learner(lessons))
    assert report.total.usable == tuple(12 if after == lessons else 0 for after in range(3))
    reason = report.reasons[0]
    assert (reason.name, reason.answers) == ("invented percent", 12)
    assert reason.example == "'97.31%' is not in the material."


async def test_without_revisions_such_a_worker_is_useless() -> None:
    report = await trial(Learner(1), revisions=0)
    assert report.total.usable == (0,)
    assert report.seconds_per_usable is None
    assert "0 of 12 answers can be used, too few for a server" in report.advice[0]
    # What cannot be used is given no instruction.
    assert all(item.obeyed + item.refused + item.botched == 0 for item in report.instructions)


async def test_without_instructions_it_is_asked_for_answers_only() -> None:
    report = await trial(ScriptedWorker(), instruct=False)
    assert all(item.obeyed + item.refused + item.botched == 0 for item in report.instructions)


class CutOff(ScriptedWorker):
    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        raise BadAnswer("the model was cut off after 64 tokens", Flaw.cut, Answer(reasoning="", output="Dear"))


async def test_a_cut_answer_is_no_failure_and_the_advice_is_more_tokens() -> None:
    report = await trial(CutOff())
    assert report.failed == 0
    assert [reason.name for reason in report.reasons] == ["cut answer"]
    assert "100% of the first answers were cut off" in report.advice[0]
    assert "max_tokens" in report.advice[0]


class Fickle(ScriptedWorker):
    """Fails every third time."""

    asked = 0

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self.asked += 1
        if self.asked % 3 == 0:
            raise WorkerFailed("the endpoint answered 503")
        return await super().answer(scenario, rng, hidden)


async def test_a_failed_endpoint_counts_against_no_family() -> None:
    report = await trial(Fickle(), instruct=False, concurrency=1)
    assert (report.asked, report.failed, report.last_failure) == (12, 4, "the endpoint answered 503")
    assert (report.total.asked, report.total.usable) == (8, (8, 0, 0))


class Down(ScriptedWorker):
    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        raise WorkerFailed("the endpoint answered 503")


async def test_a_worker_that_is_down_ends_the_trial() -> None:
    seen: list[Draw] = []
    with pytest.raises(WorkerFailed, match="6 scenarios in a row got no answer, the last: the endpoint answered 503"):
        await trial(Down(), count=500, concurrency=2, on_draw=seen.append)
    assert len(seen) < 10


async def test_a_trial_of_nothing_is_refused() -> None:
    with pytest.raises(BadArgument):
        await try_worker(ScriptedWorker(), [], suite="forge:9", count=1)


async def test_an_endpoint_says_what_answers_cost(brain: Brain) -> None:
    brain.reactions = [completion("It takes 5 days.", usage={"prompt_tokens": 700, "completion_tokens": 30})]
    worker = OpenAIWorker("brain", brain.url, timeout=5.0, retries=0)
    report = await trial(worker, count=6, revisions=1)
    await worker.aclose()
    # The second answer repeats the first, so it is the last.
    assert (report.requests, report.input_tokens, report.output_tokens) == (12, 8_400, 360)
    assert {"missing date", "repeated answer"} & {reason.name for reason in report.reasons}
    assert report.tokens_per_usable is None


async def test_tokens_that_a_server_does_not_count_are_not_guessed(brain: Brain) -> None:
    brain.reactions = [completion("It takes 5 days.", usage=None)]
    worker = OpenAIWorker("brain", brain.url, timeout=5.0, retries=0)
    report = await trial(worker, count=6, revisions=0)
    await worker.aclose()
    assert (report.requests, report.input_tokens) == (6, None)
