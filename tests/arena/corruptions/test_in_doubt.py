"""A claim that another sentence may still make: then nothing is missing, and the corruption is refused."""

from contextlib import suppress
from random import Random

import pytest

from forge_arena.corruptions import injections
from forge_arena.corruptions.draft import Edit, draft_of
from forge_arena.corruptions.in_doubt import is_left_in_doubt
from forge_arena.errors import CannotCorrupt
from forge_arena.types import Alternative, Answer, Claim, ClaimKind, CorruptionType, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = (
    "# Boats\n\nA boat can be hired again unless the open bill comes to $40 or more. A late boat costs $20 a day. "
    "The jetty is closed in winter."
)


def _claim(id: str, label: str, right: str, wrong: str) -> Claim:
    return Claim(
        id=id,
        kind=ClaimKind.money,
        label=label,
        required=True,
        alternatives=(
            Alternative(name="right", standing=Standing.right, forms=(right,)),
            Alternative(name="wrong", standing=Standing.absent, forms=(wrong,), stealth=1),
        ),
        source_spans=(Span(start=SOURCE.index(right), end=SOURCE.index(right) + len(right)),),
    )


BILL = _claim("fact_1", "from what open bill on no boat can be hired again", "$40", "$90")
BOATS = Scenario(
    family="boats",
    domain=Domain.customer_support,
    task="Mr Aas kept a boat two days too long. Tell him what he owes and whether he can hire one again.",
    source_material=SOURCE,
    claims=(BILL, _claim("fact_2", "what a late boat costs for each day", "$20", "$60")),
)
CHANCE = "so you owe us $40 for the two days"
IN_DOUBT = "A boat can be hired again if the open bill comes to less than $40, so not today."
ANSWER = (
    f"Dear Mr Aas,\n\nA late boat costs $20 a day, {CHANCE}. The jetty opens in spring. {IN_DOUBT} "
    "We look forward to spring.\n\nThe jetty"
)


def test_a_chance_mention_of_the_value_is_no_place_while_the_real_sentence_is_in_doubt() -> None:
    verifier = Verifier(BOATS)
    draft = draft_of(verifier, ANSWER, Random(0))
    start = ANSWER.index(CHANCE)

    assert draft.report.clean
    assert {f.claim for f in draft.report.findings if f.start >= start} == {"fact_1"}
    assert is_left_in_doubt(verifier, draft, BILL, [Edit(start - 2, start + len(CHANCE), "")])


@pytest.mark.parametrize(
    ("answer", "wanted"), [(ANSWER, set()), (ANSWER.replace(IN_DOUBT, "Ask us then."), {"fact_1"})]
)
def test_an_omission_is_made_only_where_nothing_is_left_in_doubt(answer: str, wanted: set[str]) -> None:
    verifier = Verifier(BOATS)
    made: set[str] = set()
    with suppress(CannotCorrupt):
        for injection in injections(
            verifier, Answer(reasoning="", output=answer), CorruptionType.factual_omission, 1, Random(0)
        ):
            made.add(injection.target)

    assert made & {"fact_1"} == wanted
