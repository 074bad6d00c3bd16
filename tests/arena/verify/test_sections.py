"""A section that is cited for what another section says."""

import pytest

from forge_arena.verify import Verifier
from forge_arena.verify.citations import speaks_of_before
from forge_arena.verify.passages import Passages
from forge_arena.verify.sections import Sections

from .test_prose import ALLOTMENT, REST, START

SECTIONS = Sections(Passages(ALLOTMENT))


@pytest.mark.parametrize(
    ("beside", "cited", "misplaced"),
    [
        ("The tap may run for 3 hours a day", ["4.2"], False),
        ("The tap may run for 3 hours a day", ["4.4"], True),
        # In words of the answer's own, the value and one word are enough.
        ("You can leave the tap on for up to 3 hours", ["4.4"], True),
        # Of sections that are cited together, one suffices.
        ("The tap may run for 3 hours a day", ["4.2", "4.4"], False),
        # One word is no evidence, and a section that the source lacks says nothing.
        ("Watch the tap", ["4.4"], False),
        ("The tap may run for 3 hours a day", ["9.9"], False),
    ],
)
def test_what_stands_beside_a_citation_shows_the_section(beside: str, cited: list[str], misplaced: bool) -> None:
    assert SECTIONS.another_says(beside, beside, cited) is misplaced


def test_what_speaks_for_the_cited_section_may_stand_anywhere_in_the_sentence() -> None:
    beside = "the tap runs for 3 hours"
    assert SECTIONS.another_says(beside, beside, ["4.4"])
    assert not SECTIONS.another_says(beside, f"A shed where {beside}", ["4.4"])


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("The tap may run for 3 hours a day (4.2).", set()),
        ("The tap may run for 3 hours a day (4.4).", {"invented:4.4"}),
        ("The tap may run for 3 hours a day (rule 4.4).", {"invented:4.4"}),
        ("- Water: 3 hours a day at the tap, and a meter is read (rules 4.2 and 4.4)", set()),
        # In brackets with other words, a citation stands for these words.
        ("The tap may run for 3 hours a day (as for sheds, 4.4).", set()),
        # A part of a figure or of a version is no citation.
        ("A tap gives 4.4 kg of water in 3 hours of a day.", {"invented:4.4 kg"}),
    ],
)
def test_a_misplaced_section_is_reported_where_no_claim_asks(text: str, broken: set[str]) -> None:
    report = Verifier(ALLOTMENT).verify(f"{START}{text}\n\n{REST}")
    assert report.broken == broken
    assert [value.misplaced for value in report.unsupported if value.words == "4.4"] == [True] * (
        "invented:4.4" in broken
    )


@pytest.mark.parametrize(
    ("ahead", "points_back"),
    [
        ("You find it in ", True),
        ("All of this is in ", True),
        ("You find the rent of the plot in ", False),
        ("The tap runs for 3 hours, as it says in ", False),
    ],
)
def test_a_citation_may_stand_for_the_sentence_before(ahead: str, points_back: bool) -> None:
    assert speaks_of_before(ahead) is points_back
