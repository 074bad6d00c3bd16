"""Fair rules: a check that is narrower or wider than its rule's words, or needs what nobody was told, is found."""

from random import Random
from typing import Any

import pytest

from forge_arena.scenarios import Family, fairness, load_families

BY_NAME = {family.name: family for family in load_families()}
CHARGE = BY_NAME["duplicate_charge"]
ROLE = "greeting"


def with_option(family: Family, claim: str, option: str, **changes: Any) -> Family:
    """The family with one option of one rule changed."""
    before = family.spec.claims[claim]
    changed = before.options[option].model_copy(update=changes)
    claims = family.spec.claims | {claim: before.model_copy(update={"options": before.options | {option: changed}})}
    return Family(family.spec.model_copy(update={"claims": claims}), family.vocabulary)


def problems(family: Family) -> list[str]:
    return sorted(set(fairness.problems(family, draws=6)))


def test_a_fair_family_has_no_problem() -> None:
    assert problems(CHARGE) == []


def test_a_check_that_is_narrower_than_its_rule_is_found() -> None:
    narrow = with_option(CHARGE, ROLE, "first_name", check="opens_with", argument=("Hi ${first}", "Hello ${first}"))
    found = problems(narrow)
    assert any(p.startswith("greeting.first_name: allowed by the rule and refused: 'Dear ") for p in found)


def test_a_check_that_is_wider_than_its_rule_is_found() -> None:
    wide = with_option(CHARGE, ROLE, "first_name", check="opens_with", argument=("Dear",))
    found = problems(wide)
    assert any(p.startswith("greeting.first_name: forbidden by the rule and taken: 'Dear ") for p in found)


def test_a_reading_in_the_scripted_workers_words_proves_nothing() -> None:
    own = "Dear ${first}. You need not do anything further for this."
    before = CHARGE.spec.claims[ROLE].options["first_name"].allows
    found = problems(with_option(CHARGE, ROLE, "first_name", allows=(*before, own)))
    assert found
    assert all(p.startswith("greeting.first_name: the scripted Worker's own words: 'Dear ") for p in found)


def test_an_option_without_enough_readings_is_found() -> None:
    before = CHARGE.spec.claims[ROLE].options["formal"]
    few = with_option(CHARGE, ROLE, "formal", allows=before.allows[:2], forbids=())
    assert problems(few) == [
        "greeting.formal: allows has 2 readings, wanted at least 3",
        "greeting.formal: forbids has 0 readings, wanted at least 2",
    ]


def test_a_name_that_nobody_was_told_is_found() -> None:
    secret = with_option(
        CHARGE, ROLE, "formal", check="greets_by", argument=("Archduke ${last}",), allows=(), forbids=()
    )
    assert "greeting: greets_by needs archduke, which task and source do not say" in problems(secret)


def test_one_of_several_phrases_may_be_unsaid() -> None:
    family = BY_NAME["train_delay"]
    assert "We apologize" in family.spec.claims["lead"].options["apology"].argument
    scenarios = [family.draw(Random(seed)) for seed in range(8)]
    assert [fairness.unsaid_names(scenario) for scenario in scenarios] == [[]] * 8


@pytest.mark.parametrize("name", [name for name, family in BY_NAME.items() if family.domain == "code_review"])
def test_code_is_read_by_what_the_code_does(name: str) -> None:
    scenario = BY_NAME[name].draw(Random(7))
    readings = fairness.code_readings(scenario)
    assert {reading.allowed for reading in readings} == {True, False}
    assert fairness.misreadings(scenario, readings) == []


def test_code_that_does_otherwise_is_not_taken_for_right() -> None:
    scenario = BY_NAME["windowed_mean"].draw(Random(7))
    turned = tuple(
        fairness.Reading(reading.claim, reading.option, reading.text, not reading.allowed)
        for reading in fairness.code_readings(scenario)
    )
    assert len(fairness.misreadings(scenario, turned)) == len(turned) == 6


def test_readings_change_nothing_about_a_scenario() -> None:
    alone = CHARGE.draw(Random(3))
    scenario, readings = CHARGE.draw_with_readings(Random(3))
    assert scenario == alone
    assert {reading.claim for reading in readings} == {"greeting", "promise"}
    assert not any("${" in reading.text for reading in readings)


def test_a_reading_may_be_a_number_of_words() -> None:
    scenario, readings = BY_NAME["ledger_plans"].draw_with_readings(Random(3))
    most = next(a.check for a in scenario.claim("size").alternatives if a.name == "small")
    counts = {len(r.text.split()) for r in readings if r.option == "small" and r.text.startswith("word ")}
    assert most is not None
    assert int(str(most.argument)) in counts
    assert int(str(most.argument)) + 1 in counts
