"""The Verifier proves what is kept: statements, their wrong twins, and citations."""

from copy import deepcopy
from random import Random

from forge_arena.documents.facts import FactKeeper, with_words
from forge_arena.documents.proposal import read_proposal
from forge_arena.documents.proving import prove_citations, together
from forge_arena.documents.sections import sections
from forge_arena.types import Alternative, Domain, Scenario, Standing

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
