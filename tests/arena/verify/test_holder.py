"""A whole statement that a text says of somebody else, or leaves to choice."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = (
    "The society will pay for any locker key that you need to replace. The warden may not enter the darkroom. "
    "A member may open the kiln after the course. "
    "You must rinse the trays before you leave. The treasurer keeps the accounts. 4Lakes will pay for the lamps."
)


def claim(number: int, right: str, passage: str, turned: str | None = None) -> Claim:
    start = SOURCE.index(passage)
    alternatives = [Alternative(name="stated", standing=Standing.right, forms=(right,))]
    if turned is not None:
        alternatives.append(Alternative(name="turned", standing=Standing.turned, forms=(turned,)))
    return Claim(
        id=f"fact_{number}",
        kind=ClaimKind.term,
        label="what holds",
        required=True,
        alternatives=tuple(alternatives),
        source_spans=(Span(start=start, end=start + len(passage)),),
    )


NAMED = claim(4, "4Lakes will pay for the lamps", "4Lakes will pay for the lamps")
PAYS = claim(
    1,
    "The society will pay for any locker key that you need to replace",
    "The society will pay for any locker key that you need to replace",
)
KILN = claim(
    2,
    "A member may open the kiln after the course",
    "A member may open the kiln after the course",
    "A member may not open the kiln after the course",
)
TRAYS = claim(
    3,
    "You must rinse the trays before you leave",
    "You must rinse the trays before you leave",
    "You need not rinse the trays before you leave",
)


def is_stated(own: Claim, text: str) -> bool:
    scenario = Scenario(
        family="document-darkroom",
        domain=Domain.customer_support,
        task="Write to Ada, who has joined.",
        source_material=SOURCE,
        claims=(own,),
    )
    return own.id in Verifier(scenario).verify(text).stated


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (PAYS, "The society will pay for any locker key that you need to replace."),
        (NAMED, "4Lakes will pay for the lamps."),
        (PAYS, "We will pay for any locker key you need to replace."),
        (PAYS, "Any locker key that you need to replace will be paid for by the society."),
        (KILN, "You may open the kiln after the course."),
        (KILN, "Ada may open the kiln after the course."),
        (KILN, "Members can open the kiln once the course is over."),
        (TRAYS, "Please rinse the trays before you leave."),
    ],
)
def test_a_statement_of_its_subject_is_stated(own: Claim, text: str) -> None:
    assert is_stated(own, text)


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (PAYS, "You will pay for any locker key that you need to replace."),
        (NAMED, "The treasurer will pay for the lamps."),
        (PAYS, "The treasurer will pay for any locker key that you need to replace."),
        (KILN, "Only the warden may open the kiln after the course."),
        (KILN, "The warden may open the kiln after the course."),
        (TRAYS, "If you like, rinse the trays before you leave."),
        (TRAYS, "Rinsing the trays before you leave is optional."),
    ],
)
def test_a_statement_of_somebody_else_or_left_to_choice_is_not_stated(own: Claim, text: str) -> None:
    assert not is_stated(own, text)
