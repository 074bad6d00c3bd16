"""What an answer says beside a fact: true values of other matters, and another case, unit or measure of the fact."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier
from forge_arena.verify.report import ClaimReport

SOURCE = """# The tool library

If the rating of a tool is less than 95% but not less than 80%, the discount is 10% of the monthly fee.

If the rating of a tool is less than 80%, the discount is 25%.

After 60 days, a cleaning fee of $12 is added. The first catalogue came out in June 2019. The offer for saws ends in May 2021.

A saw that is not collected within 3 days goes to the next member. Only 2 members may use the lathe at a time.

Members shall receive a prorated refund of the fee. You will not receive a refund if you leave the club.

The repair costs are deducted from the bond. A loan is paid by the end of the second month.

If you cancelled a course before it began, we refund the charge."""


def claim(
    number: int,
    kind: ClaimKind,
    label: str,
    about: str,
    right: str,
    passage: str,
    elsewhere: str = "",
    turned: str = "",
) -> Claim:
    start = SOURCE.index(passage)
    alternatives = [Alternative(name="stated", standing=Standing.right, forms=(right,))]
    if elsewhere:
        alternatives.append(Alternative(name="elsewhere_1", standing=Standing.elsewhere, forms=(elsewhere,)))
    if turned:
        alternatives.append(Alternative(name="turned", standing=Standing.turned, forms=(turned,)))
    return Claim(
        id=f"fact_{number}",
        kind=kind,
        label=label,
        about=(tuple(about.split()),),
        required=True,
        alternatives=tuple(alternatives),
        source_spans=(Span(start=start, end=start + len(passage)),),
    )


FACTS = {
    "discount": claim(
        1, ClaimKind.percent, "the discount for a rating of 90%", "discount", "10%",
        "If the rating of a tool is less than 95% but not less than 80%, the discount is 10% of the monthly fee", "25%",
    ),
    "cleaning": claim(
        2, ClaimKind.money, "the cleaning fee", "clean", "$12", "After 60 days, a cleaning fee of $12 is added",
    ),
    "offer": claim(
        3, ClaimKind.date, "until when the offer for saws holds", "offer hold end saw", "May 2021",
        "The offer for saws ends in May 2021", "June 2019",
    ),
    "saw": claim(
        4, ClaimKind.duration, "how long a saw waits for its member", "collect saw", "3 days",
        "A saw that is not collected within 3 days goes to the next member",
    ),
    "lathe": claim(
        5, ClaimKind.quantity, "how many may use the lathe", "lathe", "2 members", "Only 2 members may use the lathe",
    ),
    "refund": claim(
        6, ClaimKind.term, "whether there is a refund", "refund", "Members shall receive a prorated refund of the fee",
        "Members shall receive a prorated refund of the fee", turned="Members shall not receive a prorated refund of the fee",
    ),
    "leaving": claim(
        7, ClaimKind.term, "what leaving does", "leav", "You will not receive a refund if you leave the club",
        "You will not receive a refund if you leave the club", turned="You will receive a refund if you leave the club",
    ),
    "bond": claim(
        8, ClaimKind.term, "what the bond is for", "bond", "The repair costs are deducted from the bond",
        "The repair costs are deducted from the bond", turned="The repair costs are not deducted from the bond",
    ),
    "paid": claim(
        9, ClaimKind.term, "when a loan is paid", "loan paid", "the end of the second month",
        "A loan is paid by the end of the second month",
    ),
    "charge": claim(
        10, ClaimKind.term, "what a cancelled course costs", "cancel course",
        "If you cancelled a course before it began, we refund the charge",
        "If you cancelled a course before it began, we refund the charge",
        turned="If you cancelled a course before it began, we do not refund the charge",
    ),
}  # fmt: skip


def read(name: str, text: str) -> ClaimReport:
    return Verifier(
        Scenario(
            family="document-tools",
            domain=Domain.customer_support,
            task="Write to Mr Lund, whose saw is 5 days late.",
            source_material=SOURCE,
            claims=(FACTS[name],),
        )
    ).verify(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("discount", "The discount is 10% of the fee, and below 80% the discount is 25%."),
        ("discount", "The discount is 10%. Had the rating been lower, the discount would have been 25%."),
        ("offer", "The club's catalogue of saws first came out in June 2019. The offer ends in May 2021."),
        ("cleaning", "After 60 days we add a cleaning fee of $12."),
        ("cleaning", "Once 60 days have gone by, a cleaning fee of $12 is added."),
        ("cleaning", "After 5 days nothing happens. After 60 days a cleaning fee of $12 is added."),
        ("leaving", "Bear in mind that you will not receive a refund if you leave the club."),
        ("bond", "From the bond we deduct the repair costs."),
        ("paid", "The loan has to be paid by the end of the second month."),
    ],
)
def test_a_right_answer_may_say_more(name: str, text: str) -> None:
    report = read(name, text)
    assert FACTS[name].id in report.stated
    assert not report.contradicted


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("discount", "The discount is 10% of the annual fee."),
        ("discount", "For a rating of more than 95% the discount is 10%."),
        ("discount", "The discount is 10% (page 4), or 25% if you ask."),
        ("cleaning", "After 30 days a cleaning fee of $12 is added."),
        ("cleaning", "Before 60 days are over a cleaning fee of $12 is added."),
        ("cleaning", "The cleaning fee is $12 an hour."),
        ("cleaning", "The cleaning fee is $12 for each drill."),
        ("saw", "A saw that is not collected within 3 days, or 5 if you call, goes to the next member."),
        ("offer", "The offer for saws holds from May 2021 on."),
        ("paid", "The loan is not paid before the end of the second month."),
        ("refund", "Members shall receive a full refund of the fee."),
        ("refund", "Members shall receive half of a prorated refund of the fee."),
        ("leaving", "You will not receive a refund if your brother leaves the club."),
    ],
)
def test_a_value_or_statement_of_another_case_unit_or_measure_states_nothing(name: str, text: str) -> None:
    assert FACTS[name].id not in read(name, text).stated


def test_the_clause_with_the_word_that_carries_a_statement_decides() -> None:
    assert (
        FACTS["charge"].id in read("charge", "You cancelled a course before it began, and we refund the charge.").stated
    )
    text = "You cancelled a course before it began, and we do not refund the charge."
    assert FACTS["charge"].id not in read("charge", text).stated


def test_a_wrong_value_alone_is_wrong_whatever_stands_beside_it() -> None:
    for text in (
        "The discount is 25%.",
        "For a rating below 95% the discount is 25%.",
        "The offer for saws ends in June 2019.",
    ):
        name = "offer" if "offer" in text else "discount"
        assert FACTS[name].id in read(name, text).contradicted
