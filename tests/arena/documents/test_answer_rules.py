"""Rules for the form of an answer: from the menu, within limits, without contradiction, and with a way to be broken."""

from typing import Any

import pytest

from forge_arena.documents.rules import MENU
from forge_arena.types import Check, Standing
from forge_arena.verify import checks

from .proposed import (
    KETTLES,
    KETTLES_PROPOSAL,
    RELEASE,
    RELEASE_PROPOSAL,
    WARRANTY,
    WARRANTY_PROPOSAL,
    keep_from,
    reasons_of,
    with_rules,
)

SIGNED = {"rule": "signs_with", "argument": "The Workshop Desk", "instead": "The Sales Desk"}


def test_every_rule_of_the_menu_has_a_check() -> None:
    assert set(MENU) <= set(checks.names())


def test_a_rule_becomes_a_constraint_with_what_would_break_it() -> None:
    scenario = keep_from(WARRANTY, with_rules(SIGNED)).scenario
    assert scenario is not None
    claim = scenario.claim("rule_signs_with")
    assert claim.right.check == Check(name="signs_with", argument=("The Workshop Desk",))
    assert [(a.standing, a.check) for a in claim.wrong] == [
        (Standing.unfit, Check(name="signs_with", argument=("The Sales Desk",)))
    ]
    assert scenario.task.endswith("Sign as The Workshop Desk.")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"rule": "rhymes"}, "the menu has no such rule"),
        ({"rule": "max_words", "argument": 20}, "its argument must be a number from 60 to 300, got 20"),
        ({"rule": "max_words", "argument": "many"}, "its argument must be a number from 60 to 300, got 'many'"),
        ({"rule": "max_words", "argument": 60}, "60 words are too few for what the answer must state"),
        ({"rule": "bullets", "argument": 8}, "8 points are too many for what the answer must state"),
        ({"rule": "signs_with", "argument": "The Desk"}, "it needs a phrase as its replacement"),
        ({"rule": "signs_with", "instead": "The Desk"}, "it needs a phrase as its argument"),
        ({**SIGNED, "instead": "The Workshop Desk"}, "\u201cThe Workshop Desk\u201d does not break it"),
        ({**SIGNED, "argument": "Desk 24 of 30 days"}, "its argument holds a value"),
        ({**SIGNED, "argument": "x" * 61}, "its argument has more than 60 characters"),
        ({"rule": "greets_by", "argument": "Ms Roe", "instead": "Ana"}, "neither the task nor the document speaks of"),
        ({**SIGNED, "quotation": "Sign every letter."}, "the document does not hold its quotation"),
    ],
)
def test_a_rule_that_cannot_be_asked_is_dropped(rule: dict[str, Any], reason: str) -> None:
    further = {"rule": "opens_with", "argument": "Good day", "instead": "Hello"}
    kept = keep_from(WARRANTY, with_rules(rule, further))
    assert reasons_of(kept, f"rule {rule['rule']}")[0].startswith(reason)
    assert kept.scenario is not None
    assert [claim.id for claim in kept.scenario.claims if claim.id.startswith("rule_")] == ["rule_opens_with"]


def test_rules_that_contradict_each_other_are_dropped() -> None:
    kept = keep_from(WARRANTY, with_rules({"rule": "no_bullets"}, {"rule": "bullets", "argument": 2}))
    assert reasons_of(kept, "rule bullets") == ["it contradicts or repeats the rule on lists"]


def test_a_rule_of_the_document_wins() -> None:
    own = {"rule": "first_person_plural", "quotation": "Release notes are written in the first person plural."}
    kept = keep_from(RELEASE, with_rules({"rule": "first_person_singular"}, own, proposal=RELEASE_PROPOSAL))
    assert kept.scenario is not None
    claim = kept.scenario.claim("rule_first_person_plural")
    assert claim.source_spans[0].of(RELEASE) == "Release notes are written in the first person plural"
    assert reasons_of(kept, "rule first_person_singular") == [
        "it contradicts or repeats the person in which the writer speaks"
    ]


def test_no_dates_cannot_be_asked_where_a_fact_is_a_date() -> None:
    rules = [{"rule": "no_calendar_date"}, {"rule": "no_bullets"}]
    assert reasons_of(keep_from(RELEASE, with_rules(*rules, proposal=RELEASE_PROPOSAL)), "rule no_cal") == [
        "a fact is a date"
    ]
    assert reasons_of(keep_from(KETTLES, with_rules(*rules, proposal=KETTLES_PROPOSAL)), "rule no_cal") == [
        "neither the task nor the document has a date"
    ]


def test_whoever_is_greeted_is_addressed() -> None:
    rules = [WARRANTY_PROPOSAL["rules"][0], {"rule": "no_second_person"}]
    kept = keep_from(WARRANTY, with_rules(*rules))
    assert reasons_of(kept, "rule no_second_person") == ["an answer that greets its reader addresses somebody"]
