"""A probe says what the Worker wrote and where it stands in the source, in one form for right and corrupted answers."""

import re
from functools import cache
from random import Random

import pytest

from forge_arena.episodes import Arena
from forge_arena.types import Answer, CorruptionType, Episode, Form, Split
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker
from forge_arena.workers.replies import LEFT_OUT, STANDS_BY, reply

ARENA = Arena(ScriptedWorker(), secret="replies")
# What stands in the source as a statement: rules for the answer as a whole do not.
IN_THE_SOURCE = [type for type in CorruptionType if type is not CorruptionType.instruction_override]
QUOTED = re.compile(r'(?P<lead>.*) The material has: "(?P<basis>.*)"', re.DOTALL)
EACH = 3


@cache
def drawn(type: CorruptionType) -> tuple[str, ...]:
    """Keys of some draws of a type."""
    keys = (ARENA.key(Split.train, n) for n in range(400))
    return tuple([key for key in keys if ARENA.plan(key).corruption_type is type][:EACH])


async def twins(key: str) -> tuple[Episode, Episode]:
    corrupted, clean = [await ARENA.make(f"{key}:{form}") for form in (Form.corrupted, Form.clean)]
    return corrupted, clean


def words_of(episode: Episode, claim: str) -> str:
    """The words in which the answer makes a claim."""
    output = episode.observation.worker_output
    (finding, *_) = Verifier(episode.scenario).verify(output).of(claim)
    return output[finding.start : finding.end]


def on_one_line(text: str) -> str:
    return " ".join(text.split()).replace('"', "'")


@pytest.mark.parametrize("type", IN_THE_SOURCE)
async def test_asked_about_the_wrong_words_the_worker_stands_by_them_and_quotes_the_source(
    type: CorruptionType,
) -> None:
    for key in drawn(type):
        corrupted, clean = await twins(key)
        answers = []
        for episode in (corrupted, clean):
            asked = episode if type is not CorruptionType.factual_omission else clean
            words = words_of(asked, str(corrupted.truth.target))
            answers.append((await ARENA.probe(episode, (), f'You write "{words}": where is that from?')).answer)
            match = QUOTED.fullmatch(answers[-1])
            assert match is not None, answers[-1]
            assert match["basis"].removesuffix(" …") in on_one_line(episode.observation.source_material)
        if type is not CorruptionType.factual_omission:
            assert answers[0] != answers[1]


@pytest.mark.parametrize("type", IN_THE_SOURCE)
async def test_the_form_of_a_reply_is_that_of_the_twin(type: CorruptionType) -> None:
    """Without quotations, figures and what the claim can be, both say the same."""
    for key in drawn(type):
        corrupted, clean = await twins(key)
        claim = clean.scenario.claim(str(corrupted.truth.target))
        if not claim.about or type is CorruptionType.factual_omission:
            continue
        question = f"Tell me about {claim.about[0][0]}"
        leads = []
        for episode in (corrupted, clean):
            match = QUOTED.fullmatch((await ARENA.probe(episode, (), question)).answer)
            assert match is not None
            lead = re.sub(r'"[^"]*"', '""', match["lead"])
            for form in sorted((f for a in claim.alternatives for f in a.forms), key=len, reverse=True):
                lead = re.sub(re.escape(form), "…", lead, flags=re.IGNORECASE)
            leads.append(lead)
        assert leads[0] == leads[1]


async def test_what_the_answer_leaves_out_is_said_to_be_left_out_in_right_answers_too() -> None:
    left_out = {Form.corrupted: 0, Form.clean: 0}
    for key in drawn(CorruptionType.factual_omission):
        corrupted, clean = await twins(key)
        words = words_of(clean, str(corrupted.truth.target))
        assert not (await ARENA.probe(clean, (), words)).answer.startswith(LEFT_OUT)
        for form, episode in ((Form.corrupted, corrupted), (Form.clean, clean)):
            for claim in episode.scenario.claims:
                if claim.source_spans and claim.about:
                    said = (await ARENA.probe(episode, (), claim.about[0][0])).answer
                    left_out[form] += said.startswith(LEFT_OUT)
    assert min(left_out.values()) > 0


async def test_an_open_question_gets_a_claim_of_the_answer_and_sometimes_tells_twins_apart() -> None:
    alike = 0
    keys = [key for type in IN_THE_SOURCE for key in drawn(type)]
    for key in keys:
        said = [(await ARENA.probe(episode, (), "Are you sure?")).answer for episode in await twins(key)]
        assert all(QUOTED.fullmatch(one) and not one.startswith(LEFT_OUT) for one in said)
        alike += said[0] == said[1]
    assert 0 < alike < len(keys)


async def test_without_a_claim_it_stands_by_its_answer() -> None:
    episode = await ARENA.make(drawn(CorruptionType.temporal_shift)[0])
    bare = episode.scenario.model_copy(update={"claims": (), "statements": ()})
    assert reply(bare, Answer(reasoning="", output="Done."), "Sure?", Random(0)) == STANDS_BY
