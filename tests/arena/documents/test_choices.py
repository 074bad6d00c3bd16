"""A choice is kept if the document settles it: one option fits, and each other one is ruled out by its own passage."""

from copy import deepcopy
from typing import Any

import pytest

from forge_arena.types import ClaimKind, Standing

from .proposed import KETTLES, KETTLES_PROPOSAL, keep_from, reasons_of

HESPER, SMALL, LARGE = KETTLES_PROPOSAL["choice"]["options"]


def with_options(*options: dict[str, Any], label: str = "which kettle suits the customer") -> dict[str, Any]:
    return {**deepcopy(KETTLES_PROPOSAL), "choice": {"label": label, "options": list(options)}}


def test_the_options_become_a_claim() -> None:
    scenario = keep_from(KETTLES, KETTLES_PROPOSAL).scenario
    assert scenario is not None
    claim = scenario.claim("choice")
    assert (claim.kind, claim.required) == (ClaimKind.option, True)
    assert [(a.forms[0], a.standing) for a in claim.alternatives] == [
        ("Hesper", Standing.right),
        ("Corrie 12", Standing.unfit),
        ("Corrie 17", Standing.unfit),
    ]
    assert claim.source_spans[0].of(KETTLES) == "The Hesper is the only kettle below 50 dB"
    assert "which kettle suits the customer" in scenario.task


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        (with_options(HESPER, {**SMALL, "fits": True}, LARGE), "2 options fit, and exactly one must"),
        (with_options({**HESPER, "fits": False}, SMALL), "0 options fit, and exactly one must"),
        (with_options({**HESPER, "because": "It whistles."}, SMALL), "the option that fits, \u201cHesper\u201d: the"),
        (with_options({**HESPER, "name": "Vesper"}, SMALL), "the option that fits, \u201cVesper\u201d: the document"),
        (with_options(HESPER), "no other option is ruled out by a passage of its own"),
        (with_options(HESPER, {**SMALL, "because": HESPER["because"]}), "no other option is ruled out"),
        (with_options(HESPER, SMALL, label="why to take the Hesper"), "the label gives the choice away"),
    ],
)
def test_a_choice_that_is_not_settled_is_dropped(proposal: dict[str, Any], reason: str) -> None:
    kept = keep_from(KETTLES, proposal)
    assert reasons_of(kept, "choice (")[0].startswith(reason)
    assert kept.scenario is not None
    assert "choice" not in {claim.id for claim in kept.scenario.claims}


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({**LARGE, "name": "Corrie 90"}, "the document does not name it"),
        ({**LARGE, "because": "The Corrie 17 is ugly."}, "the document does not hold its quotation"),
        ({**LARGE, "because": HESPER["because"]}, "the passage that rules it out is the one for which the other fits"),
        ({**LARGE, "name": "the Corrie 12"}, "its name has the words of \u201cCorrie 12\u201d"),
        ({**SMALL, "because": LARGE["because"]}, "its name has the words of \u201cCorrie 12\u201d"),
    ],
)
def test_an_option_that_is_not_ruled_out_is_dropped(option: dict[str, Any], reason: str) -> None:
    kept = keep_from(KETTLES, with_options(HESPER, SMALL, option))
    assert reasons_of(kept, f"option {option['name']}") == [reason]
    assert kept.scenario is not None
    assert [a.forms[0] for a in kept.scenario.claim("choice").wrong] == ["Corrie 12"]


def test_a_task_that_names_only_the_fitting_option_gives_it_away() -> None:
    task = "A customer is after a quiet kettle and has seen the Hesper. Recommend one."
    kept = keep_from(KETTLES, {**deepcopy(KETTLES_PROPOSAL), "task": task})
    assert reasons_of(kept, "choice (") == ["the task names the option that fits, and no other"]


def test_a_fact_that_names_the_fitting_option_says_nothing_more() -> None:
    proposal = deepcopy(KETTLES_PROPOSAL)
    proposal["facts"].append(
        {
            "label": "the quietest kettle",
            "statement": "The Hesper is the only kettle below 50 dB.",
            "quotation": "The Hesper is the only kettle below 50 dB.",
            "value": "Hesper",
            "required": True,
        }
    )
    assert reasons_of(keep_from(KETTLES, proposal), "fact 4 (") == ["the choice says the same"]
