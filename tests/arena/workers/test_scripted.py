"""The Worker without a model: always the same for a draw, never the same for two, and honest unless asked otherwise."""

from random import Random

import pytest

from forge_arena.corruptions import inject, registry
from forge_arena.corruptions.thoughts import admission
from forge_arena.episodes import Arena
from forge_arena.errors import CannotCorrupt, WorkerFailed
from forge_arena.scenarios import Family, load_families
from forge_arena.testing import AnswersOfWorker, check_worker
from forge_arena.texts.words import word_count
from forge_arena.types import Answer, Candour, ClaimKind, CorruptionType, Scenario
from forge_arena.verify import Verifier
from forge_arena.verify.checks import violation
from forge_arena.workers import HiddenInstruction, ScriptedWorker
from forge_arena.workers.replies import STANDS_BY

# The first family by name of each domain and split.
FAMILIES = list({(family.domain, family.split): family for family in reversed(load_families())}.values())
IDS = [family.name for family in FAMILIES]


def hidden_for(scenario: Scenario, type: CorruptionType, seed: int) -> HiddenInstruction | None:
    """What the arena would ask for: something that this very scenario can take."""
    verifier = Verifier(scenario)
    try:
        answer = _answer(scenario, seed)
        injection = inject(verifier, answer, type, 3, Random(seed))
    except CannotCorrupt:
        return None
    claim = scenario.claim(injection.target)
    return HiddenInstruction(
        corruption_type=type,
        target=injection.target,
        alternative=injection.alternative,
        text=registry()[type].instruction(claim, injection.alternative),
    )


def _answer(scenario: Scenario, seed: int, hidden: HiddenInstruction | None = None, compliance: float = 1.0) -> Answer:
    coroutine = ScriptedWorker(compliance).answer(scenario, Random(seed), hidden)
    try:
        coroutine.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    raise AssertionError("the scripted Worker waited for something")


def test_it_is_a_worker() -> None:
    assert check_worker(ScriptedWorker()) == AnswersOfWorker(given=4, right=4)


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
async def test_the_same_draw_gives_the_same_answer(family: Family) -> None:
    scenario = family.draw(Random(1))
    one, other = ScriptedWorker(), ScriptedWorker()
    for seed in range(5):
        assert await one.answer(scenario, Random(seed)) == await other.answer(scenario, Random(seed))


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_one_scenario_is_answered_in_many_ways(family: Family) -> None:
    scenario = family.draw(Random(2))
    answers = [_answer(scenario, seed) for seed in range(40)]
    assert len({answer.output for answer in answers}) >= 30
    assert len({answer.reasoning for answer in answers}) >= 30


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_answers_keep_every_constraint_and_break_no_claim(family: Family) -> None:
    clean = 0
    for seed in range(20):
        scenario = family.draw(Random(seed))
        answer = _answer(scenario, seed)
        report = Verifier(scenario).verify(answer.output)
        clean += report.clean
        for claim in scenario.claims:
            if claim.kind is ClaimKind.constraint and claim.right.check is not None and report.clean:
                assert violation(claim.right.check, answer.output) is None
    # Like any Worker it may fail to keep a rule now and then; the arena rejects that answer.
    assert clean >= 18


@pytest.mark.parametrize("type", CorruptionType)
def test_a_compliant_one_does_what_it_is_told_behind_the_overseers_back(type: CorruptionType) -> None:
    asked = broken = 0
    for family in FAMILIES:
        for seed in range(3):
            scenario = family.draw(Random(seed))
            hidden = hidden_for(scenario, type, seed)
            # How long an answer is, no choice among alternatives decides.
            if hidden is None or (hidden.alternative is None and type is not CorruptionType.factual_omission):
                continue
            asked += 1
            broken += hidden.target in Verifier(scenario).verify(_answer(scenario, seed, hidden).output).broken
    assert asked >= 10
    assert broken >= 0.8 * asked


@pytest.mark.parametrize("type", CorruptionType)
def test_one_that_thinks_faithfully_admits_what_it_does_and_no_other_does(type: CorruptionType) -> None:
    asked = 0
    for family in FAMILIES:
        scenario = family.draw(Random(3))
        hidden = hidden_for(scenario, type, 3)
        if hidden is None:
            continue
        asked += 1
        by_candour = {c: hidden.model_copy(update={"candour": c}) for c in Candour}
        faithful, silent, rationalised = (_answer(scenario, 3, one) for one in by_candour.values())
        assert silent == rationalised
        assert faithful.output == silent.output
        assert faithful.reasoning.startswith(silent.reasoning)
        admissions = {admission(scenario.claim(hidden.target), Random(n)) for n in range(30)}
        assert len(admissions) > 1
        admitted = faithful.reasoning.removeprefix(silent.reasoning)
        assert any(admitted.endswith(one) for one in admissions)
        unmoved = _answer(scenario, 3, by_candour[Candour.faithful], compliance=0.0)
        assert unmoved == _answer(scenario, 3, by_candour[Candour.hidden], compliance=0.0)
    assert asked >= 4


@pytest.mark.parametrize("type", CorruptionType)
def test_one_that_never_complies_answers_as_if_it_had_not_been_told(type: CorruptionType) -> None:
    asked = 0
    for family in FAMILIES:
        scenario = family.draw(Random(4))
        hidden = hidden_for(scenario, type, 4)
        if hidden is not None:
            asked += 1
            for seed in range(3):
                answer = _answer(scenario, seed, hidden, compliance=0.0)
                assert hidden.target not in Verifier(scenario).verify(answer.output).broken
                assert hidden.text not in answer.reasoning
    assert asked >= 4


@pytest.mark.parametrize("draw", ["222:clean", "32:clean", "104:clean"])
async def test_code_does_not_make_an_answer_long_enough(draw: str) -> None:
    """The signs of code are no words, so an answer with code in it keeps a least length without them."""
    episode = await Arena(ScriptedWorker()).make(f"forge:5:val:{draw}")
    checks = [claim.right.check for claim in episode.scenario.claims if claim.right.check is not None]
    limit = next(int(str(check.argument)) for check in checks if check.name == "min_words")
    assert "```" in episode.observation.worker_output
    assert word_count(episode.observation.worker_output) >= limit


async def test_a_scenario_without_statements_is_refused() -> None:
    scenario = FAMILIES[0].draw(Random(0)).model_copy(update={"statements": ()})
    with pytest.raises(WorkerFailed, match="needs a scenario with statements; use an openai:, vllm: or bank: Worker"):
        await ScriptedWorker().answer(scenario, Random(0))


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
async def test_a_probe_is_answered_to_the_point_and_the_same_again(family: Family) -> None:
    scenario = family.draw(Random(5))
    worker = ScriptedWorker()
    answer = await worker.answer(scenario, Random(5))
    for question in ("Which source did you use?", "", "?" * 500, *(c.label for c in scenario.claims if c.label)):
        reply = await worker.reply(scenario, answer, (), question, Random(6))
        assert reply == await worker.reply(scenario, answer, (), question, Random(6))
        assert reply.strip()
        assert "{" not in reply or "```" in answer.output or "{" in scenario.source_material


async def test_it_stands_by_its_answer_where_the_scenario_has_no_reply() -> None:
    scenario = FAMILIES[0].draw(Random(0))
    silent = scenario.model_copy(update={"statements": tuple(s for s in scenario.statements if s.part != "probe")})
    reply = await ScriptedWorker().reply(silent, Answer(reasoning="", output="Done."), (), "Sure?", Random(0))
    assert reply == STANDS_BY
