"""Rules on how an answer is written are broken as its author would have broken them."""

from random import Random

import pytest

from forge_arena.corruptions.draft import apply, draft_of
from forge_arena.corruptions.house_rules import break_rule
from forge_arena.types import Alternative, Check, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import Verifier

SCENARIO = Scenario(
    family="ferry", domain=Domain.mixed, task="Answer the guest.", source_material="The ferry sails at noon.", claims=()
)


def broken(text: str, check: Check, other: Check) -> str | None:
    rule = Claim(
        id="rule",
        kind=ClaimKind.constraint,
        label="how the answer is written",
        alternatives=(
            Alternative(name="right", standing=Standing.right, check=check),
            Alternative(name="wrong", standing=Standing.absent, check=other),
        ),
    )
    edits = break_rule(draft_of(Verifier(SCENARIO), text, Random(0)), rule, rule.wrong[0], Random(0))
    return None if edits is None else apply(text, edits)[0]


@pytest.mark.parametrize(
    ("greeting", "name", "other", "wanted"),
    [
        ("Hi Ada,", "Ada", "Ms Lund", "Dear Ms Lund,"),
        ("Hello Ada,", "Ada", "Ms Lund", "Hello Ms Lund,"),
        ("Dear Ada,", "Ada", "Ms Lund", "Dear Ms Lund,"),
        ("Dear Ms Lund,", "Ms Lund", "Ada", "Dear Ada,"),
        ("Hi Ms Lund,", "Ms Lund", "Dr Roe", "Hi Dr Roe,"),
    ],
)
def test_a_greeting_is_of_one_register(greeting: str, name: str, other: str, wanted: str) -> None:
    checks = [Check(name="greets_by", argument=(one,)) for one in (name, other)]
    assert broken(f"{greeting}\n\nthe ferry sails at noon.", *checks) == f"{wanted}\n\nthe ferry sails at noon."


NO_LIST, LIST = Check(name="no_bullets"), Check(name="bullets", argument=3)
POINTS = ["The ferry sails at noon.", "A dog sails free of charge.", "The way back is at ten."]


def test_thanks_are_no_point_of_a_list() -> None:
    text = f"Dear guest,\n\nThank you for your letter. {' '.join(POINTS)}\n\nThe crew"
    wanted = f"Dear guest,\n\nThank you for your letter.\n\n- {chr(10).join(POINTS).replace(chr(10), f'{chr(10)}- ')}"

    assert broken(text, NO_LIST, LIST) == f"{wanted}\n\nThe crew"


def test_a_paragraph_that_ends_in_thanks_becomes_no_list() -> None:
    assert broken(f"Dear guest,\n\n{' '.join(POINTS)} We hope to see you soon.\n\nThe crew", NO_LIST, LIST) is None
