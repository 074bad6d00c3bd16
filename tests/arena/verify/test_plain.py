"""Right statements in a frame or a turn of English: they are stated, and their opposites contradicted."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Standing
from forge_arena.verify import Verifier
from forge_arena.verify.whole_statements.plain import parts_of, plainly

DOGS = (
    "Visitors must not bring dogs or cats into the glasshouse",
    "Visitors may bring dogs or cats into the glasshouse",
)
SEEDS = ("No seed is sold after the autumn fair", "Seed is sold after the autumn fair")
TICKET = ("You don't need a ticket to photograph the ferns", "You need a ticket to photograph the ferns")
LABELS = ("You write the labels before moving any pot", "You write the labels after moving any pot")
FEED = ("You feed the orchids after the water has drained", "You feed the orchids before the water has drained")


def read(pair: tuple[str, str], text: str) -> str:
    claim = Claim(
        id="fact_1",
        kind=ClaimKind.term,
        label="what holds",
        required=True,
        alternatives=(
            Alternative(name="stated", standing=Standing.right, forms=(pair[0],)),
            Alternative(name="turned", standing=Standing.turned, forms=(pair[1],)),
        ),
    )
    scenario = Scenario(
        family="document-garden",
        domain=Domain.customer_support,
        task="Write to a visitor.",
        source_material=f"{pair[0]}. The garden opens at nine.",
        claims=(claim,),
    )
    report = Verifier(scenario).verify(text)
    return "stated" if report.stated else "contradicted" if report.contradicted else "not found"


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (DOGS, "No dogs or cats may be brought into the glasshouse."),
        (SEEDS, "Remember that no seed is sold after the autumn fair."),
        (SEEDS, "Please note that no seed is sold after the autumn fair."),
        (TICKET, "As a day visitor you don't need a ticket to photograph the ferns."),
        (TICKET, "As an annual member you do not need a ticket to photograph the ferns."),
        (LABELS, "Write the labels before moving any pot, and refrain from using pencils."),
        (LABELS, "Write the labels before moving any pot and do not lean on the glass."),
        (FEED, "Wait until the water has drained, and then feed the orchids."),
    ],
)
def test_right_statements_are_stated(pair: tuple[str, str], text: str) -> None:
    assert read(pair, text) == "stated"


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (DOGS, "Dogs or cats may be brought into the glasshouse by visitors."),
        (SEEDS, "Remember that seed is sold after the autumn fair."),
        (TICKET, "As a day visitor you need a ticket to photograph the ferns."),
        (LABELS, "Write the labels after moving any pot, and refrain from using pencils."),
        (FEED, "Feed the orchids before the water has drained."),
    ],
)
def test_turned_statements_are_contradicted(pair: tuple[str, str], text: str) -> None:
    assert read(pair, text) == "contradicted"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Remember that no dog is let in.", "no dog is let in."),
        ("2. No dogs or cats may enter.", "2. dogs or cats may not enter."),
        ("No dogs but guide dogs or cats may enter.", "No dogs but guide dogs or cats may enter."),
        ("Wait until the paint has dried, and then sand it.", "After the paint has dried, then sand it."),
        ("As a day guest you may enter.", "you may enter."),
        ("As we said, you may enter.", "As we said, you may enter."),
        ("We wait until nine.", "We wait until nine."),
        ("You remember the date.", "You remember the date."),
    ],
)
def test_a_sentence_is_said_more_plainly(text: str, plain: str) -> None:
    assert plainly(text) == plain


def test_a_role_that_a_statement_names_is_kept() -> None:
    assert plainly("As the tenant you pay.", ("tenant",)) == "As the tenant you pay."


def test_what_somebody_shall_do_besides_is_a_part_of_its_own() -> None:
    assert parts_of("Lock the door, and do not prop it open.") == ["Lock the door", "do not prop it open."]
    assert parts_of("Lock the door and the gate.") == ["Lock the door and the gate."]
