"""The Verifier proves what is kept: statements, their wrong twins, and citations."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from forge_arena.documents.facts import FactKeeper, with_words
from forge_arena.documents.proposal import read_proposal
from forge_arena.documents.proving import prove_citations, together
from forge_arena.documents.sections import sections
from forge_arena.types import Alternative, Domain, Scenario, Standing
from forge_arena.verify import Verifier

from .proposed import (
    KETTLES,
    KETTLES_PROPOSAL,
    LOAN,
    LOAN_PROPOSAL,
    WARRANTY,
    WARRANTY_PROPOSAL,
    keep_from,
    reasons_of,
)


def test_a_wrong_value_that_is_read_as_another_fact_is_dropped() -> None:
    proposal = deepcopy(KETTLES_PROPOSAL)
    other = {"value": "61 dB", "quotation": "The Corrie 12 is loud at 61 dB.", "case": "the cheapest kettle"}
    proposal["facts"][1]["other_values"] = [other]
    kept = keep_from(KETTLES, proposal)
    assert kept.scenario is not None
    assert "61 dB" in [a.forms[0] for a in kept.scenario.claim("fact_2").wrong]
    proposal["facts"].append(
        {
            "label": "how loud the recommended and the cheapest kettle are together",
            "statement": "The kettle makes a noise of 61 dB.",
            "quotation": "The Corrie 12 is loud at 61 dB.",
            "value": "61 dB",
            "required": True,
        }
    )
    kept = keep_from(KETTLES, proposal)
    assert kept.scenario is not None
    assert "61 dB" not in [a.forms[0] for a in kept.scenario.claim("fact_2").wrong]
    reasons = reasons_of(kept, "fact 2 (how loud the recommended kettle is): wrong value 61 dB")
    assert reasons == ["in the statement it is not read as wrong"]


def test_of_two_statements_that_cannot_be_told_apart_one_is_dropped() -> None:
    proposal = deepcopy(LOAN_PROPOSAL)
    proposal["facts"].append(
        {
            "label": "how damage is shared",
            "statement": "The member pays for damage caused by misuse, and the shed pays for ordinary wear.",
            "quotation": "The member pays for damage caused by misuse. The shed pays for ordinary wear.",
            "required": False,
        }
    )
    kept = keep_from(LOAN, proposal)
    assert reasons_of(kept, "fact 5 (") == [
        "its statement is read as stating \u201cwho pays for damage from misuse\u201d"
    ]
    assert "fact_4" in kept.statements


def test_a_citation_that_is_not_read_as_wrong_is_dropped() -> None:
    scenario = keep_from(LOAN, LOAN_PROPOSAL).scenario
    proposal, _ = read_proposal(LOAN_PROPOSAL)
    assert scenario is not None
    assert proposal is not None
    keeper = FactKeeper(LOAN, sections(LOAN), LOAN_PROPOSAL["task"], Random(1))
    for number, fact in enumerate(proposal.facts, start=1):
        keeper.add(number, fact)
    citation = scenario.claim("section_of_fact_1")
    unread = Alternative(name="unread", standing=Standing.absent, forms=citation.right.forms)
    doctored = citation.model_copy(update={"alternatives": (*citation.alternatives, unread)})
    base = scenario.model_copy(update={"claims": ()})
    proven, dropped = prove_citations(base, with_words(keeper.kept), [doctored])
    assert (proven[0].alternatives, dropped) == (citation.alternatives, [])


def test_one_section_is_cited_for_one_fact() -> None:
    scenario = keep_from(WARRANTY, WARRANTY_PROPOSAL).scenario
    assert scenario is not None
    cited = [claim.right.forms[0] for claim in scenario.claims if claim.subject is not None]
    assert sorted(cited) == ["section 1", "section 3"]


def test_statements_that_copy_a_short_document_are_no_offence() -> None:
    proposal, _ = read_proposal(LOAN_PROPOSAL)
    assert proposal is not None
    keeper = FactKeeper(LOAN, sections(LOAN), LOAN_PROPOSAL["task"], Random(1))
    for number, fact in enumerate(proposal.facts, start=1):
        keeper.add(number, fact)
    facts = with_words(keeper.kept)
    source = " ".join(fact.statement for fact in facts)
    scenario = Scenario(
        family="copy", domain=Domain.customer_support, task="Answer.", source_material=source, claims=()
    )
    assert together(scenario, facts) == frozenset()


SKATES = """\
# Ice rink: lending of skates

## Loans

Lent skates are returned within 20 days of the loan. Members of the club return lent skates within 60 days.

## Cleaning

A pair is cleaned at a charge of $4:

- skates returned after 9 days
- skates with wet linings
"""
SKATES_PROPOSAL: dict[str, Any] = {
    "domain": "customer_support",
    "task": "Pia borrowed skates yesterday. She is not a member of the club. She asks when she must bring them back and "
    "what the cleaning costs. Write her a reply.",
    "facts": [
        {
            "label": "within what time she must return the skates",
            "statement": "Pia must return the lent skates within 20 days of the loan.",
            "quotation": "Lent skates are returned within 20 days of the loan.",
            "value": "20 days",
            "required": True,
            "case": "a guest of the rink",
            "other_values": [
                {
                    "value": "60 days",
                    "quotation": "Members of the club return lent skates within 60 days.",
                    "case": "members of the club",
                }
            ],
        },
        {
            "label": "what the cleaning costs",
            "statement": "Skates that are returned after 9 days carry a cleaning charge of $4.",
            "quotation": "A pair is cleaned at a charge of $4:\n\n- skates returned after 9 days",
            "value": "$4",
            "required": True,
        },
    ],
    "rules": [{"rule": "max_words", "argument": 120}],
}


def test_a_fact_is_worth_more_than_a_wrong_value_that_its_statement_gives_for_something_else() -> None:
    kept = keep_from(SKATES, SKATES_PROPOSAL)
    assert kept.scenario is not None
    assert kept.facts == 2
    assert [a.forms[0] for a in kept.scenario.claim("fact_1").wrong if a.standing is Standing.elsewhere] == ["60 days"]
    reasons = reasons_of(kept, "fact 1 (within what time she must return the skates): wrong value 9 days")
    assert reasons == ["the statement of \u201cwhat the cleaning costs\u201d gives it for something else"]
    verifier = Verifier(kept.scenario)
    right = "Dear Pia, you must return the lent skates within 20 days of the loan. "
    cleaned = "Skates that are returned after 9 days carry a cleaning charge of $4."
    assert verifier.verify(f"{right}{cleaned}").clean
    # The value is wrong for the loan all the same.
    for wrong in ("9 days", "60 days"):
        assert "fact_1" in verifier.verify(f"{right}{cleaned}".replace("20 days", wrong)).broken


def test_the_value_of_the_other_case_is_dropped_where_the_task_does_not_deny_that_case() -> None:
    proposal = {**SKATES_PROPOSAL, "task": SKATES_PROPOSAL["task"].replace("is not a member", "is a member")}
    kept = keep_from(SKATES, proposal)
    assert reasons_of(kept, "fact 1") == [
        "the task speaks of the case \u201cmembers of the club\u201d, and not of \u201ca guest of the rink\u201d"
    ]


LOCKERS = """\
# Climbing hall

## Changing room

The hall keeps up to 6 drying racks ready and up to 40 clothes hooks (with and without locks) for each team.

## Hand-over

Shoes are handed over by the desk clerk and ropes by the head instructor before each lesson.
"""
LOCKERS_PROPOSAL: dict[str, Any] = {
    "domain": "customer_support",
    "task": "Iris books the hall for her team and asks what she finds there and who hands over what. Write her a reply.",
    "facts": [
        {
            "label": "how many racks the hall keeps ready",
            "statement": "The hall keeps up to 6 drying racks ready for each team.",
            "quotation": "The hall keeps up to 6 drying racks ready and up to 40 clothes hooks",
            "value": "6 drying racks",
            "required": True,
        },
        {
            "label": "how many hooks the hall keeps ready",
            "statement": "The hall keeps up to 40 clothes hooks ready for each team.",
            "quotation": "up to 40 clothes hooks (with and without locks) for each team",
            "value": "40 clothes hooks",
            "required": True,
        },
        {
            "label": "who hands over the shoes",
            "statement": "The shoes are handed over by the desk clerk before each lesson.",
            "quotation": "Shoes are handed over by the desk clerk",
            "value": "desk clerk",
            "required": True,
        },
        {
            "label": "who hands over the ropes",
            "statement": "The ropes are handed over by the head instructor before each lesson.",
            "quotation": "ropes by the head instructor before each lesson",
            "value": "head instructor",
            "required": True,
        },
    ],
    "rules": [{"rule": "max_words", "argument": 150}],
}


def test_two_facts_of_one_sentence_are_told_apart_by_their_own_words() -> None:
    kept = keep_from(LOCKERS, LOCKERS_PROPOSAL)
    assert kept.scenario is not None
    assert (kept.facts, [part for part in kept.dropped if "wrong value" not in part.what]) == (4, [])
    verifier = Verifier(kept.scenario)
    said = {
        "fact_1": "The hall keeps up to 6 drying racks ready for each team.",
        "fact_2": "There are up to 40 clothes hooks.",
        "fact_3": "The desk clerk hands over the shoes before each lesson.",
        "fact_4": "The ropes come from the head instructor.",
    }
    assert verifier.verify(" ".join(said.values())).clean
    for left_out in said:
        rest = " ".join(sentence for claim, sentence in said.items() if claim != left_out)
        assert verifier.verify(rest).not_found == {left_out}
    assert "fact_2" in verifier.verify(" ".join(said.values()).replace("40 clothes", "60 clothes")).broken


GUESTS = """\
# Guest rooms of the choir school

## Free nights

A guest room is free for 5 weeks of a stay. Visiting teachers have it free for 3 weeks.

## Paid nights

After that a guest pays $18 a night, for up to 9 weeks.
"""
GUESTS_PROPOSAL: dict[str, Any] = {
    "domain": "customer_support",
    "task": "Noor is a guest for 8 weeks. She asks how long the room is free and what she pays then. Write her a reply.",
    "facts": [
        {
            "label": "for how many weeks the room is free",
            "statement": "The guest room is free for 5 weeks of the stay.",
            "quotation": "A guest room is free for 5 weeks of a stay.",
            "value": "5 weeks",
            "required": True,
            "case": "a guest",
            "other_values": [
                {
                    "value": "3 weeks",
                    "quotation": "Visiting teachers have it free for 3 weeks.",
                    "case": "a visiting teacher",
                }
            ],
        },
        {
            "label": "what a guest pays a night",
            "statement": "After that a guest pays $18 a night.",
            "quotation": "After that a guest pays $18 a night",
            "value": "$18",
            "required": True,
        },
    ],
    "rules": [{"rule": "max_words", "argument": 120}],
}


def test_what_is_left_of_the_time_in_the_task_is_no_wrong_value_beside_the_right_one() -> None:
    verifier = Verifier(keep_from(GUESTS, GUESTS_PROPOSAL).scenario or pytest.fail("no scenario"))
    free = "Dear Noor, the guest room is free for 5 weeks of your stay."
    assert verifier.verify(f"{free} For the remaining 3 weeks the room is $18 a night.").clean
    assert verifier.verify(f"{free} For the remaining 4 weeks the room is free at $18 a night.").contradicted
    # Without the right value, or where nothing is left, the value is wrong.
    assert "fact_1" in verifier.verify("The guest room is free for 3 weeks. Then you pay $18 a night.").broken
    assert "fact_1" in verifier.verify("The room is free for the remaining 3 weeks. You pay $18 a night.").broken
