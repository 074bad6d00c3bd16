"""Right values in answers to documents that used to be read as wrong, and wrong ones beside them."""

import pytest

from forge_arena.types import Alternative, Authority, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import ClaimReport, Verifier

SOURCE = """# Quarry rules

## Section 1: Noise

By day a saw may not exceed 62 decibels (dBA) at the fence. By night the limit is 41 decibels (dBA).

## Section 2: Drills

Drills 4 and 9 are no longer allowed since the flood. Dust masks are exempt from the levy.

## Section 3: Visits

The next visit is in March of 2028. A visit takes 50 minutes."""


def fact(number: int, kind: ClaimKind, label: str, about: str, right: str, passage: str, *wrong: str) -> Claim:
    start = SOURCE.index(passage)
    return Claim(
        id=f"fact_{number}",
        kind=kind,
        label=label,
        about=(tuple(about.split()),),
        required=True,
        alternatives=(
            Alternative(name="stated", standing=Standing.right, forms=(right,)),
            *(Alternative(name=f"elsewhere_{form}", standing=Standing.elsewhere, forms=(form,)) for form in wrong),
        ),
        source_spans=(Span(start=start, end=start + len(passage)),),
    )


DAY = fact(
    1,
    ClaimKind.quantity,
    "the limit at the fence by day",
    "saw fence limit day",
    "62 decibels",
    "By day a saw may not exceed 62 decibels (dBA) at the fence",
    "41 decibels",
)
DRILLS = fact(
    2,
    ClaimKind.term,
    "the drills that are no longer allowed",
    "drill allow longer",
    "4 and 9",
    "Drills 4 and 9 are no longer allowed since the flood",
)
VISIT = fact(
    3, ClaimKind.term, "when the next visit is", "next visit", "March of 2028", "The next visit is in March of 2028"
)
SECTION = Claim(
    id="section_of_fact_1",
    kind=ClaimKind.citation,
    label="the section on the limit at the fence by day",
    about=(("limit", "fence", "drill"),),
    required=False,
    subject="fact_1",
    alternatives=(
        Alternative(name="stated", standing=Standing.right, forms=("section 1",)),
        Alternative(name="elsewhere_0", standing=Standing.elsewhere, forms=("section 2",)),
        Alternative(name="elsewhere_1", standing=Standing.elsewhere, forms=("section 3",)),
    ),
)  # fmt: skip


def report(text: str, *claims: Claim) -> ClaimReport:
    scenario = Scenario(
        family="document-quarry",
        domain=Domain.legal_summarisation,
        task="Sum up the rules for the new foreman.",
        source_material=SOURCE,
        claims=claims,
        authorities=tuple(Authority(forms=(f"section {number}",)) for number in (1, 2, 3)),
    )
    return Verifier(scenario).verify(text)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (DAY, "By day a saw at the fence may not be louder than 62 dBA."),
        (DAY, "The limit for a saw by day is 62 decibels. It is laxer than the 41 decibels of the limit by night."),
        (DRILLS, "Drills 4 and 9 are no longer allowed."),
        (DRILLS, "The quarry no longer allows drills 4 and 9."),
        (VISIT, "The next visit is in March 2028."),
    ],
)
def test_a_right_value_is_clean(claim: Claim, text: str) -> None:
    assert report(text, claim).clean


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (DAY, "By day a saw at the fence may not be louder than 61 dBA."),
        (DAY, "The limit for a saw at the fence by day is 41 decibels."),
        (VISIT, "The next visit is in March 2029."),
    ],
)
def test_a_wrong_value_is_not(claim: Claim, text: str) -> None:
    assert not report(text, claim).clean


def test_a_section_that_is_cited_for_something_else_contradicts_no_citation() -> None:
    text = "The limit for a saw at the fence by day is 62 decibels. Drills are not on the list of section 2."
    assert not report(text, DAY, SECTION).contradicted


def test_a_wrong_section_behind_its_fact_contradicts_the_citation() -> None:
    text = "The limit for a saw at the fence by day is 62 decibels (section 3)."
    assert report(text, DAY, SECTION).contradicted == {SECTION.id}
