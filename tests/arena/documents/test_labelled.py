"""Without an author: labels that a person would use are found, and documents without them are refused."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from forge_arena.documents.document import Document
from forge_arena.documents.keeping import Kept, keep
from forge_arena.documents.labelled import find_labelled, propose
from forge_arena.documents.proposal import Proposal
from forge_arena.documents.sections import sections, stretches
from forge_arena.types import ClaimKind, Domain
from forge_arena.verify import Verifier

STORAGE = """\
# Harbour Storage price list

Valid from 1 March 2026. Units are on Dock Road and may be visited at any time.

| Unit | Monthly fee | Notice period |
|:-----|------------:|---------------|
| Locker | $18 | 7 days |
| Small unit | $64 | 14 days |
| Large unit | $142 | 30 days |

## Late payment

- Late fee: $15
- **Grace period:** 5 days
- Note: fees are reviewed within 2 years.

## Key deposit

A deposit of $25 is taken for each key.
"""


def labels_of(text: str) -> dict[str, str]:
    return {fact.label: fact.value for fact in find_labelled(text, sections(text))}


def proposed(text: str, *, task: str | None = None, domain: Domain | None = None, **row: object) -> Proposal | str:
    return propose(stretches(Document("list.md", text, domain, task, **row))[0])  # type: ignore[arg-type]


def kept(text: str, *, task: str | None = None, domain: Domain | None = None) -> Kept:
    stretch = stretches(Document("list.md", text, domain, task))[0]
    proposal = propose(stretch)
    assert isinstance(proposal, Proposal), proposal
    return keep(stretch, proposal)


def test_cells_lines_and_headings_give_values_their_labels() -> None:
    assert labels_of(STORAGE) == {
        "monthly fee for the locker unit": "$18",
        "notice period for the locker unit": "7 days",
        "monthly fee for the small unit": "$64",
        "notice period for the small unit": "14 days",
        "monthly fee for the large unit": "$142",
        "notice period for the large unit": "30 days",
        "Late fee": "$15",
        "Grace period": "5 days",
        "Key deposit": "$25",
    }


def test_the_scenario_asks_for_labels_that_stand_in_the_document_and_takes_a_right_answer() -> None:
    scenario = kept(STORAGE).scenario
    assert scenario is not None
    assert scenario.task.startswith("A colleague has to know the figures of \u201cHarbour Storage price list\u201d")
    required = [claim for claim in scenario.claims if claim.required and claim.subject is None]
    assert 2 <= len(required) <= 4
    said = [f"{claim.label[0].upper()}{claim.label[1:]} is {claim.right.forms[0]}." for claim in required]
    cited = [
        f'See section "{c.right.forms[0].split(chr(34))[1]}".' for c in scenario.claims if c.required and c.subject
    ]
    report = Verifier(scenario).verify("\n".join(f"- {line}" for line in (*said, *cited)))
    assert report.clean, report.broken


@pytest.mark.parametrize(
    "line",
    [
        "Note: up to 30 days",
        "How long it takes: 30 days",
        "Example: $30",
        "Your fee: $30",
        "Opening the account: 5 days",
        "Fee: $30 or $40",
        "Fee: $30*",
        "Fee: customers pay $30 after the first month of use",
        "Fee: none",
        "Confirm capacity: you can keep 275 cards",
        "  - Fee: $30",
        "fee: $30",
    ],
)
def test_a_line_is_no_label_with_its_value(line: str) -> None:
    assert labels_of(f"Something else stands here.\n\n{line}\n") == {}


@pytest.mark.parametrize(
    "line", ["Fee: $30", "- Fee: $30", "* **Fee**: $30", "**Fee:** up to $30.", "Fee:  about $30 a month"]
)
def test_a_line_gives_its_value_a_label(line: str) -> None:
    assert labels_of(f"Something else stands here.\n\n{line}\n") == {"Fee": "$30"}


@pytest.mark.parametrize(
    ("heading", "body"),
    [
        ("Insurance", "Insurance of goods up to $2,000 is included."),
        ("Late fee", "Customers pay $15 once they are behind."),
        ("Late fee", "The late fee is $15, and $30 the second time."),
        ("What is the late fee?", "The late fee is $15."),
    ],
)
def test_a_heading_is_no_label_where_its_text_says_more_or_something_else(heading: str, body: str) -> None:
    assert labels_of(f"# Terms\n\nThese are all our terms.\n\n## {heading}\n\n{body}\n") == {}


def test_two_columns_without_a_name_take_the_label_from_the_row() -> None:
    text = "# Sauna\n\n| Feature | Details |\n|---|---|\n| Day ticket | $12 |\n| Annual Ticket | $180 |\n"
    assert labels_of(text) == {"Day ticket": "$12", "Annual Ticket": "$180"}


@pytest.mark.parametrize(
    ("column", "row", "label"),
    [
        ("Ticket", "Day", "the day ticket"),
        ("Card Tier", "Gold", "the gold card tier"),
        ("Unit", "Large unit", "the large unit"),
        ("Customers", "New accounts", "new accounts"),
        ("Room", "Room 3", "room 3"),
        ("Withdrawals", "Up to two a month", "up to two a month"),
    ],
)
def test_a_row_is_named_as_a_person_would_name_it(column: str, row: str, label: str) -> None:
    text = f"# Sauna\n\nWe are glad of a gold day.\n\n| {column} | Price |\n|---|---|\n| {row} | $12 |\n"
    assert labels_of(text) == {f"price for {label}": "$12"}


def test_a_label_that_stands_twice_says_of_what() -> None:
    text = (
        "# Cards of our bank\n\nTwo cards are offered to everybody who has an account with us for a year or longer.\n\n"
        "## Copper Card\n\nAnnual fee: $30\n\nGrace period: 21 days\n\n## Brass Card\n\nAnnual fee: $55\n\nGrace period: 28 days\n"
    )
    proposal = proposed(text)
    assert isinstance(proposal, Proposal)
    assert [fact.label for fact in proposal.facts] == [
        "the annual fee of Copper Card",
        "the grace period of Copper Card",
        "the annual fee of Brass Card",
        "the grace period of Brass Card",
    ]


def test_a_value_that_answers_two_questions_is_left_out() -> None:
    text = STORAGE.replace("- Late fee: $15", "- Late fee: $18")
    proposal = proposed(text)
    assert isinstance(proposal, Proposal)
    assert not {"the late fee", "the monthly fee for the locker unit"} & {fact.label for fact in proposal.facts}


PLANS = (
    "# Plans of the swimming club\n\nEach plan begins on the first of a month and goes on until somebody ends it in "
    "writing.\n\n| Plan | Notice period | Guest fee |\n|---|---|---|\n| Lane | 14 days | $6 |\n| Pool | 14 days | $6 |\n"
)
PROSE = (
    "We lend tools to members for three weeks. A late return costs \u00a33 a day, and after six of them we stop. " * 3
)


@pytest.mark.parametrize(
    ("text", "row", "reason"),
    [
        (PROSE, {}, "no values are labelled in it (in tables"),
        (PLANS, {}, "4 values are labelled in it, but no values are there once only"),
        (
            STORAGE,
            {"task": "Ms Ito lost her parcel in the mail and is upset. Write to her."},
            "no values are labelled in it with words of its task",
        ),
        (STORAGE, {"domain": Domain.product_recommendation}, "needs a task of its own"),
        (STORAGE, {"domain": Domain.code_review}, "needs a task of its own"),
        (
            STORAGE,
            {"domain": Domain.product_recommendation, "task": "Recommend a unit from the Harbour Storage price list."},
            "its task asks for a choice",
        ),
    ],
)
def test_what_has_no_plain_labels_for_its_task_is_refused_with_what_to_do(
    text: str, row: dict[str, object], reason: str
) -> None:
    refused = proposed(text, **row)  # type: ignore[arg-type]
    assert isinstance(refused, str)
    assert reason in refused
    assert "--author" in refused


def test_a_task_of_a_row_gets_the_facts_that_it_names() -> None:
    task = "A tenant is behind with the rent and asks for the late fee and the grace period. Write the reply."
    proposal = proposed(STORAGE, task=task)
    assert isinstance(proposal, Proposal)
    assert {fact.label for fact in proposal.facts} == {"the late fee", "the grace period"}


def test_a_row_that_names_its_options_and_the_one_that_fits_has_a_choice() -> None:
    task = "A tenant stores a single box and asks which unit of the Harbour Storage price list to take. Recommend one."
    row = {"options": ("Locker", "Large unit"), "fitting_option": "Locker"}
    proposal = proposed(STORAGE, task=task, domain=Domain.product_recommendation, **row)
    assert isinstance(proposal, Proposal)
    assert proposal.choice is not None
    assert {option.name: option.fits for option in proposal.choice.options} == {"Locker": True, "Large unit": False}


def test_the_same_document_gives_the_same_scenario_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "list.md").write_text(STORAGE, encoding="utf-8")
    script = (
        "import sys; from pathlib import Path\n"
        "from forge_arena.documents.importing import make_without_author, plan, read_all\n"
        "run = plan(read_all([Path(sys.argv[1])])); make_without_author(run)\n"
        "for _, scenario in run.wanted(): print(scenario.model_dump_json())"
    )
    said = set()
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        said.add(done.stdout)
    assert len(said) == 1
    assert "Harbour" in said.pop()


PIERS = """\
# Ferries and baggage guide

Baggage goes with the passenger on the same ferry, and is handed in at the pier.

## Northern Line

- First trunk: $12-$18 (or $11 if paid online)
- Second trunk: $31
- **Last Boarding:** 40 minutes before departure

## Coast Line

- Second trunk: $31-$44 (online) | $50 (pier)
- Trunk refunds: 12 days

## Limits

- Weight: 44 kg
- Late fee: $3
"""


def test_a_label_without_a_measure_becomes_a_question_about_its_section() -> None:
    proposal = proposed(PIERS)
    assert isinstance(proposal, Proposal)
    assert [(fact.label, fact.value, fact.section) for fact in proposal.facts] == [
        ("the amount that \u201cNorthern Line\u201d gives for the second trunk", "$31", None),
        ("the time that \u201cNorthern Line\u201d gives for the last boarding", "40 minutes", None),
        ("the time that \u201cCoast Line\u201d gives for trunk refunds", "12 days", None),
        ("the weight that \u201cLimits\u201d gives", "44 kg", None),
        ("the late fee", "$3", "Limits"),
    ]


def test_the_section_of_another_line_with_the_same_label_is_never_right() -> None:
    scenario = kept(PIERS).scenario
    assert scenario is not None
    for claim in scenario.claims:
        if claim.subject is not None:
            assert not any("Coast Line" in form for form in claim.right.forms)
    assert "Ferries" not in scenario.task.rpartition("\n\n")[2]


def test_two_lines_of_one_section_with_one_label_are_no_question() -> None:
    text = PIERS.replace("- **Last Boarding:**", "- Second trunk: $40-$50 (in summer)\n- **Last Boarding:**")
    proposal = proposed(text)
    assert isinstance(proposal, Proposal)
    assert not any("second trunk" in fact.label for fact in proposal.facts)


def test_a_label_that_another_line_has_without_a_single_value_says_of_what() -> None:
    text = (
        "# Cards of our bank\n\nTwo cards are offered to everybody who has an account with us for a year or longer.\n\n"
        "## Copper Card\n\nAnnual fee: $30\n\nGrace period: 21 days\n\n## Brass Card\n\nAnnual fee: none, and $55 later\n"
    )
    proposal = proposed(text)
    assert isinstance(proposal, Proposal)
    assert [fact.label for fact in proposal.facts] == ["the annual fee of Copper Card", "the grace period"]


DATASHEET = """\
# Data sheet of the tide gauge

The gauge hangs at the quay wall and writes the level of the water to a card once a minute, day and night.

## Electric values

| Parameter | Remark | Value |
|---|---|---|
| Signal HIGH | read as true | 2.5 V |
| Filter | first order | 8 kHz |
| Float rod | with weight | 3 kg |
| Supply voltage | of the board | 12 V |
"""


def test_a_column_without_a_name_is_no_part_of_a_label_and_lists_no_values_of_other_units() -> None:
    proposal = proposed(DATASHEET)
    assert isinstance(proposal, Proposal)
    assert [fact.label for fact in proposal.facts] == [
        "the voltage that \u201cElectric values\u201d gives for signal HIGH",
        "the frequency that \u201cElectric values\u201d gives for the filter",
        "the weight that \u201cElectric values\u201d gives for the float rod",
        "the supply voltage",
    ]
    scenario = kept(DATASHEET).scenario
    assert scenario is not None
    for claim in scenario.claims:
        if claim.kind is ClaimKind.quantity:
            units = {re.sub(r"[\d. ]", "", alternative.forms[0]) for alternative in claim.alternatives}
            assert len(units) == 1, units
