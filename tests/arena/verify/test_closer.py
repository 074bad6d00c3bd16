"""In the arena's own families, the words around a right value may turn, weaken or widen it. Right ones stay right."""

import pytest

from forge_arena.revision import objections
from forge_arena.types import Alternative, Authority, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import ClaimReport, Verifier

RIGHT, SUPERSEDED, UNFIT = Standing.right, Standing.superseded, Standing.unfit
SOURCE = """Boat club, rules for guests

7.12 Boats
The shortest hire is 3 hours; until 1 March 2025 it was 2 hours. A crew may have at most 6 people. A boat is hired for £45 for each day.
A late return costs £20; the price was £12 before the rules of 1 March 2025. Students pay 40% less.

7.13 Damage
Damage must be reported within 18 hours of its discovery. The harbour master signs the report. The examination of a boat takes 25 minutes, and afterwards the guest waits in the shed for 50 minutes.

7.14 Money back
Of the deposit, 70% is returned if a guest gives up early. A deposit is paid back as a credit to the card, never by voucher.

7.15 Letters
A letter states all of this.
"""


def claim(id: str, kind: ClaimKind, label: str, about: str, right: str, mark: str, former: str = "") -> Claim:
    start = SOURCE.index(mark)
    alternatives = [Alternative(name="current", standing=RIGHT, forms=(right,))]
    if former:
        alternatives.append(Alternative(name="former", standing=SUPERSEDED, forms=(former,)))
    return Claim(
        id=id,
        kind=kind,
        label=label,
        about=((about,),),
        required=True,
        alternatives=tuple(alternatives),
        source_spans=(Span(start=start, end=start + len(mark)),),
    )


CLAIMS = {
    c.id: c
    for c in (
        claim(
            "hire",
            ClaimKind.duration,
            "the shortest hire",
            "hire",
            "3 hours",
            "The shortest hire is 3 hours",
            "2 hours",
        ),
        claim("crew", ClaimKind.quantity, "the size of a crew", "crew", "6 people", "A crew may have at most 6 people"),
        claim("price", ClaimKind.money, "the price of a boat", "boat", "£45", "A boat is hired for £45"),
        claim("late", ClaimKind.money, "the charge for a late return", "late", "£20", "A late return costs £20", "£12"),
        claim("students", ClaimKind.percent, "what students save", "student", "40%", "Students pay 40% less"),
        claim("damage", ClaimKind.duration, "the time for a report", "damage", "18 hours", "reported within 18 hours"),
        claim(
            "signer", ClaimKind.term, "who signs the report", "sign", "the harbour master", "The harbour master signs"
        ),
        claim("exam", ClaimKind.duration, "how long the examination takes", "examin", "25 minutes", "takes 25 minutes"),
        claim("wait", ClaimKind.duration, "the wait in the shed", "shed", "50 minutes", "the shed for 50 minutes"),
        claim("refund", ClaimKind.percent, "the refund on giving up", "deposit", "70%", "70% is returned"),
        Claim(
            id="manner",
            kind=ClaimKind.option,
            label="how a deposit is paid back",
            about=(("credit", "voucher"),),
            required=True,
            alternatives=(
                Alternative(name="card", standing=RIGHT, forms=("as a credit to the card",)),
                Alternative(name="voucher", standing=UNFIT, forms=("by gift voucher",)),
            ),
            source_spans=(Span(start=SOURCE.index("A deposit is paid"), end=SOURCE.index("7.15") - 2),),
        ),
    )
}


def read(claim_id: str, text: str) -> ClaimReport:
    scenario = Scenario(
        family="boat_club",
        domain=Domain.customer_support,
        task="Write to the guest.",
        source_material=SOURCE,
        claims=(CLAIMS[claim_id], *((CLAIMS["exam"],) if claim_id == "wait" else ())),
        authorities=tuple(Authority(forms=(f"section {n}", f"rule {n}")) for n in ("7.12", "7.13", "7.14", "7.15")),
    )
    return Verifier(scenario).verify(text)


TURNED = [
    ("hire", "You hire it for at most 3 hours."),
    ("hire", "You hire it for 3 hours, or 2 hours in winter."),
    ("hire", "The shortest hire is 3 hours (2 hours for guests)."),
    ("hire", "I am not sure whether the shortest hire is 3 hours."),
    ("hire", "The shortest hire is, I think, 3 hours."),
    ("crew", "A crew must have at least 6 people."),
    ("crew", "A crew has 6 people, whoever they are, or none at all."),
    ("price", "A boat is hired for £45 for each week."),
    ("price", "A boat is hired for £45 for all days together."),
    ("price", "All but £45 of the price of a boat is waived."),
    ("late", "A late return costs £20 or £12."),
    ("late", "A late return costs £20 a month."),
    ("students", "Students pay only 40%."),
    ("damage", "Damage must be reported within 18 hours of giving the letter back."),
    ("damage", "Damage need not be reported within 18 hours, even if it is grave."),
    ("signer", "The report is signed by the clerk, not by the harbour master."),
    ("signer", "The clerk or the harbour master signs the report."),
    ("wait", "The examination takes 50 minutes; afterwards you wait in the shed for 25 minutes."),
    ("refund", "Of the deposit we keep 70% if you give up early."),
    ("manner", "You get it back as a credit to the card or, if you prefer, as a gift voucher."),
]
KEPT = [
    ("hire", "You hire it for 3 hours or more."),
    ("hire", "You hire it for at least 3 hours; until March it was 2 hours."),
    ("hire", "The shortest hire is 3 hours, and not 2 hours, which is history."),
    ("crew", "A crew of up to 6 people is allowed."),
    ("crew", "A crew may not have more than 6 people."),
    ("price", "A boat costs £45 a day."),
    ("late", "A late return costs £20, up from £12."),
    ("late", "A late return costs £20; the £12 of the old print no longer apply."),
    ("students", "Students get 40% off."),
    ("damage", "You have 18 hours from the discovery of damage to report it."),
    ("signer", "The report is signed by the harbour master, not by the clerk."),
    ("wait", "The examination takes 25 minutes, and then you wait in the shed for 50 minutes."),
    ("refund", "Of the deposit you get 70% back if you give up early."),
    ("manner", "You get it back as a credit to the card, not as a gift voucher."),
]


@pytest.mark.parametrize(("claim_id", "text"), TURNED)
def test_a_right_value_in_another_sense_states_nothing(claim_id: str, text: str) -> None:
    assert not read(claim_id, text).clean


@pytest.mark.parametrize(("claim_id", "text"), KEPT)
def test_a_right_value_in_other_words_states_its_fact(claim_id: str, text: str) -> None:
    report = read(claim_id, text)
    assert report.clean, report


@pytest.mark.parametrize(
    "cited",
    ["(7.19)", "([7.19])", "(see 7.19)", "(no. 7.19)", "(Part 7.19)", "(7.12; 7.19)", "(section 7.12 and 7.19)"],
)
def test_a_bare_number_of_no_section_is_an_invented_citation(cited: str) -> None:
    assert [value.words for value in read("late", f"A late return costs £20 {cited}.").unsupported] == ["7.19"]


@pytest.mark.parametrize(
    "cited", ["(7.12)", "(see 7.12)", "(it rose to 7.19 in May)", "(7.19%)", "7.19 times", "(0.19)"]
)
def test_what_is_no_section_or_a_known_one_is_not_invented(cited: str) -> None:
    assert not [
        value for value in read("late", f"A late return costs £20 {cited}.").unsupported if value.kind == "citation"
    ]


def test_a_worker_hears_that_a_fact_is_in_doubt_and_not_what_is_right() -> None:
    text = "You hire it for at most 3 hours."
    verifier = Verifier(
        Scenario(
            family="boat_club",
            domain=Domain.customer_support,
            task="Write to the guest.",
            source_material=SOURCE,
            claims=(CLAIMS["hire"],),
        )
    )
    told = " ".join(objections(verifier.scenario, verifier.verify(text), text))
    assert "Not found for certain: the shortest hire" in told
    assert "3 hours" not in told
