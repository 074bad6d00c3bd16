"""The flaws of texts that are no answers."""

from random import Random

import pytest

from forge_arena.flaws import REJECTS, WORDS, Flaw, flaws_of
from forge_arena.scenarios import load_families
from forge_arena.types import Scenario
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker

FRENCH = (
    "Votre commande est arrivée hier et le remboursement sera versé dans les sept jours ouvrés sur la carte que vous avez "
    "utilisée pour le paiement, merci de votre patience et à bientôt dans notre magasin."
)
CHINESE = "退款将在五到七个工作日内到账。 " * 30


@pytest.fixture(scope="module", params=[0, 20, 40])
def scenario(request: pytest.FixtureRequest) -> Scenario:
    families = load_families()
    return families[request.param % len(families)].draw(Random(1))


def shown_by(scenario: Scenario, text: str) -> tuple[Flaw, ...]:
    return flaws_of(scenario, text, clean=Verifier(scenario).verify(text).clean)


def test_each_flaw_shows(scenario: Scenario) -> None:
    assert shown_by(scenario, FRENCH) == (Flaw.foreign,)
    assert shown_by(scenario, CHINESE) == (Flaw.foreign,)
    assert shown_by(scenario, '{"answer": "It takes 5 days."}') == (Flaw.json,)
    assert shown_by(scenario, '```json\n["It takes 5 days."]\n```') == (Flaw.json,)
    assert Flaw.copied in shown_by(scenario, f"Here is the material: {scenario.source_material}")
    assert Flaw.overlong in shown_by(scenario, "It takes long. " * 5_000)
    assert Flaw.unclosed in shown_by(scenario, f"<think>{scenario.task} I think that it takes 5 days.")


def test_an_answer_in_a_fence_is_fenced_unless_code_was_asked_for(scenario: Scenario) -> None:
    has_code = any(claim.cases for claim in scenario.claims)
    assert shown_by(scenario, "```\nIt takes 5 days.\n```") == (() if has_code else (Flaw.fenced,))


@pytest.mark.parametrize("family", load_families(), ids=lambda family: family.name)
async def test_an_answer_in_the_words_of_its_source_has_no_flaw(family: object) -> None:
    for seed in range(3):
        scenario = family.draw(Random(seed))  # type: ignore[attr-defined]
        answer = await ScriptedWorker().answer(scenario, Random(seed))
        assert flaws_of(scenario, answer.output, clean=False) == ()
        assert flaws_of(scenario, f"**In short**\n\n# Answer\n\n{answer.output}", clean=False) == ()


def test_of_a_clean_text_only_the_flaws_that_reject_it_count(scenario: Scenario) -> None:
    assert flaws_of(scenario, FRENCH, clean=True) == ()
    assert set(flaws_of(scenario, scenario.source_material * 9, clean=True)) <= REJECTS


def test_each_flaw_has_two_words_for_counts() -> None:
    assert set(WORDS) == set(Flaw)
    assert all(len(words.reason.split()) == 2 for words in WORDS.values())
    assert all(not words.objection or words.objection.endswith(".") for words in WORDS.values())
