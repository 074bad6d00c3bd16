"""Whole statements that a text says freely: in fewer words, over two sentences, or in a list under its lead-in."""

import pytest

from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = """\
# Kiln rules

Before a kiln is booked, the studio must obtain the glaze list from the potter and check the list against the register
of unsafe glazes. A kiln can be booked if one of these is true:
- the potter has passed the safety course
- the potter works together with a technician

Shelves are washed once the kiln has cooled to room temperature. The studio may keep sample tiles of fired glazes
for the teaching collection, but is not required to return broken tiles to the potter.
The costs of the studio and the wages of the technician are paid from the members' fees. A change of the firing plan
needs a written notice of Rook Kilns to Heron Glass.
"""


def claim(statement: str, opposite: str | None, passage: str, label: str) -> Claim:
    turned = () if opposite is None else (Alternative(name="turned", standing=Standing.turned, forms=(opposite,)),)
    start = SOURCE.index(passage)
    return Claim(
        id="it",
        kind=ClaimKind.term,
        label=label,
        required=True,
        alternatives=(Alternative(name="stated", standing=Standing.right, forms=(statement,)), *turned),
        source_spans=(Span(start=start, end=start + len(passage)),),
    )


GLAZES = claim(
    "The studio must obtain the glaze list of the potter before a kiln is booked",
    "The studio need not obtain the glaze list of the potter before a kiln is booked",
    "Before a kiln is booked, the studio must obtain the glaze list from the potter",
    "what the studio needs from the potter",
)
COURSE = claim(
    "A kiln can be booked if the potter has passed the safety course",
    "A kiln cannot be booked if the potter has passed the safety course",
    "the potter has passed the safety course",
    "what the safety course means for a booking",
)
SHELVES = claim(
    "Shelves are washed after the kiln has cooled to room temperature",
    "Shelves are washed before the kiln has cooled to room temperature",
    "Shelves are washed once the kiln has cooled to room temperature",
    "the order of washing and cooling",
)
TILES = claim(
    "The studio is not required to return broken tiles to the potter",
    "The studio is required to return broken tiles to the potter",
    "is not required to return broken tiles to the potter",
    "whether broken tiles come back",
)
SAMPLES = claim(
    "The studio may keep sample tiles of fired glazes for the teaching collection",
    "The studio may not keep sample tiles of fired glazes for the teaching collection",
    "The studio may keep sample tiles of fired glazes\nfor the teaching collection",
    "what the studio may keep",
)
PAID = claim(
    "The costs of the studio and the wages of the technician are paid from the fees",
    "The costs of the technician and the wages of the studio are paid from the fees",
    "The costs of the studio and the wages of the technician are paid",
    "what the fees pay for",
)
NOTICE = claim(
    "The firing plan is changed by a written notice of Rook Kilns to Heron Glass",
    "The firing plan is changed by a written notice of Heron Glass to Rook Kilns",
    "A change of the firing plan\nneeds a written notice of Rook Kilns to Heron Glass",
    "who changes the firing plan by telling whom",
)
WAGES = claim(
    "The studio pays the wages of the technician",
    "The potter pays the wages of the technician",
    "the wages of the technician are paid",
    "who pays the technician",
)
LIST = "We can book a kiln for you if one of these is true:\n\n- {item};\n- you work with a technician."


def scenario(of: Claim) -> Scenario:
    return Scenario(
        family="t", domain=Domain.customer_support, task="Say how it is.", source_material=SOURCE, claims=(of,)
    )


def states(of: Claim, text: str) -> bool:
    report = Verifier(scenario(of)).verify(text)
    assert ("it" in report.stated) is not ("it" in report.broken)
    return "it" in report.stated


@pytest.mark.parametrize(
    ("of", "text", "is_stated"),
    [
        # A list item says it with the line that introduces the list.
        (COURSE, LIST.format(item="you have passed the safety course"), True),
        (COURSE, LIST.format(item="you have passed the safety course").replace("can", "cannot"), False),
        (COURSE, LIST.format(item="you have not passed the safety course"), False),
        (COURSE, LIST.format(item="you have your own shelf"), False),
        (COURSE, "- you have passed the safety course;\n- you work with a technician.", False),
        # Two neighbours say it together.
        (SHELVES, "First the kiln cools down to room temperature. After that, the shelves are washed.", True),
        (SHELVES, "First the shelves are washed. After that, the kiln cools down to room temperature.", False),
        (SHELVES, "As soon as the kiln is at room temperature, we wash the shelves.", True),
        (SHELVES, "We let the kiln cool to room temperature and then wash the shelves.", True),
        (SHELVES, "We wash the shelves and then let the kiln cool to room temperature.", False),
        (SHELVES, "The shelves of the kiln are washed at room temperature.", False),
        # A duty is a duty.
        (GLAZES, "Before we book the kiln, we have to ask you for your list of glazes, potter by potter.", True),
        (GLAZES, "Before we book the kiln, we need not ask you for your list of glazes, potter by potter.", False),
        (GLAZES, "The studio checks the register before the kiln is cooled.", False),
        # A denial at the end of the sentence frees the beginning.
        (TILES, "The studio can return broken tiles to the potter, but never has to.", True),
        (TILES, "The studio can return broken tiles to the potter, and always has to.", False),
        (TILES, "The studio has to return broken tiles to the potter.", False),
        (SAMPLES, "For its teaching collection the studio is free to keep a sample tile of what was fired.", True),
        (SAMPLES, "For its teaching collection the studio must not keep a sample tile of what was fired.", False),
        (SAMPLES, "For its teaching collection the studio must keep a sample tile of what was fired.", False),
        # A bound that the source does not have.
        (COURSE, "You can book a kiln as a potter with the safety course.", True),
        (COURSE, "You can book a kiln as a potter without the safety course.", False),
        (SAMPLES, "We may keep a tile or two for the teaching collection, without the fired glazes.", False),
        # A question and a title assert nothing.
        (SAMPLES, "May the studio keep sample tiles of fired glazes for the teaching collection?", False),
        (SAMPLES, "See section \u201cThe studio may keep sample tiles for the teaching collection\u201d.", False),
        # Who tells whom.
        (NOTICE, "Rook Kilns can change the firing plan at any time by notifying Heron Glass in writing.", True),
        (NOTICE, "Heron Glass can change the firing plan at any time by notifying Rook Kilns in writing.", False),
        (NOTICE, "To change the firing plan, Heron Glass has to have a written notice from Rook Kilns.", True),
        (NOTICE, "To change the firing plan, Rook Kilns has to have a written notice from Heron Glass.", False),
        (NOTICE, "The firing plan is changed in writing between Heron Glass and Rook Kilns.", False),
        (WAGES, "As for the technician, the wages are a matter for the studio to pay in full.", True),
        (WAGES, "As for the technician, the wages are a matter for the potter to pay in full.", False),
        (WAGES, "Does the potter pay the wages of the technician? The studio has a kiln.", False),
        # A frame, a reason, and what nobody else does.
        (SAMPLES, "Section 3 says that we may keep a sample tile of a fired glaze for teaching.", True),
        (SAMPLES, "I am afraid that we may keep a sample tile of a fired glaze for teaching.", True),
        (SAMPLES, "We are sorry to say that we may not keep a sample tile of a fired glaze for teaching.", False),
        (SAMPLES, "They are afraid that we may keep a sample tile of a fired glaze for teaching.", False),
        (SAMPLES, "We cannot say that we may keep a sample tile of a fired glaze for teaching.", False),
        (SAMPLES, "One tile is missing, because we may keep a sample tile of a fired glaze for teaching.", True),
        (SAMPLES, "One tile is missing, because we may not keep a sample tile of a fired glaze for teaching.", False),
        (SAMPLES, "It is agreed so that the studio may keep sample tiles of fired glazes for teaching.", True),
        (SAMPLES, "It is agreed so that the studio may not keep sample tiles of fired glazes for teaching.", False),
        # What belongs to whom.
        (PAID, "The fees pay for both the studio's costs and the wages of the technician.", True),
        (PAID, "The fees pay for both the technician's costs and the wages of the studio.", False),
    ],
)
def test_a_statement_is_found_in_a_free_text(of: Claim, text: str, is_stated: bool) -> None:
    assert states(of, text) is is_stated


def test_a_stretch_that_says_the_opposite_outweighs_another_one() -> None:
    right, wrong = "You may keep a few sample tiles for teaching.", "Sample tiles may not be kept for the teaching."
    assert not states(SAMPLES, f"{right} {wrong}")
    # The second sentence is too free to contradict the statement, and still says that the first one is not all.
    assert states(SHELVES, "The kiln cools to room temperature, and then we wash the shelves.")
    other = "We wash the shelves, and then the kiln cools to room temperature."
    assert not states(SHELVES, f"The kiln cools to room temperature, and then we wash the shelves. {other}")


@pytest.mark.parametrize("of", [GLAZES, COURSE, SHELVES, TILES, SAMPLES, PAID, NOTICE, WAGES])
def test_the_opposite_is_never_stated_and_a_text_without_the_point_neither(of: Claim) -> None:
    assert not states(of, of.wrong[0].forms[0])
    assert not states(of, "The studio has a kiln, shelves, tiles and a technician for every potter.")
    assert states(of, of.right.forms[0])


def test_a_reader_points_and_the_sense_must_still_be_right() -> None:
    text = "What comes out in pieces stays with us: nobody is obliged to hand you broken tiles."
    wrong = "What comes out in pieces goes to you: we are obliged to hand you broken tiles."
    for words, is_right in ((text, True), (wrong, False), ("Our kiln has three shelves.", False)):
        assert not states(TILES, words)
        place = Verifier(scenario(TILES)).place_of_statement(words, TILES, Span(start=0, end=len(words)))
        assert (place is not None) is is_right


@pytest.mark.parametrize(
    ("text", "quotation", "is_right"),
    [
        # The rest of the sentence denies something else.
        (
            "We keep a few sample tiles for teaching and will not sell them.",
            "We keep a few sample tiles for teaching",
            True,
        ),
        ("We need not return broken tiles and keep them for a year.", "We need not return broken tiles", True),
        ("Once they are fired, we may keep a few sample tiles for teaching.", "we may keep a few sample tiles", True),
        # What is left out decides.
        ("In no case may we keep sample tiles for teaching.", "we keep sample tiles for teaching", False),
        ("We may keep sample tiles for teaching in no case.", "We may keep sample tiles for teaching", False),
        ("If we may keep sample tiles for teaching, ask us.", "we may keep sample tiles for teaching", False),
        ("It is not true that we may keep sample tiles for teaching.", "we may keep sample tiles for teaching", False),
        ("We may keep sample tiles for teaching unless you object.", "We may keep sample tiles for teaching", False),
        ("May we keep sample tiles for teaching?", "we keep sample tiles for teaching", False),
        ("We may not keep sample tiles for teaching.", "keep sample tiles for teaching", False),
    ],
)
def test_a_quotation_is_read_alone_if_what_is_left_out_changes_nothing(
    text: str, quotation: str, is_right: bool
) -> None:
    of = TILES if "broken" in text else SAMPLES
    start = text.index(quotation)
    place = Verifier(scenario(of)).place_of_statement(text, of, Span(start=start, end=start + len(quotation)))
    assert (place is not None) is is_right
