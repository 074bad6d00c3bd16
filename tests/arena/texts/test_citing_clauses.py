"""A citation goes with the clause whose subject or object it is, or nothing goes."""

import pytest

from forge_arena.texts.citing_clauses import clause_cuts, is_governed
from forge_arena.texts.cutting import cuts

CITATION = 'section "Fees"'


def without_citation(text: str) -> set[str]:
    start = text.index(CITATION)
    return {text[: cut.start] + cut.text + text[cut.end :] for cut in cuts(text, start, start + len(CITATION))}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            'Good morning. Tea costs $3 on weekdays, as the section "Fees" says, and has a biscuit.',
            "Good morning. Tea costs $3 on weekdays, and has a biscuit.",
        ),
        ('Good morning. Tea costs, as the section "Fees" has it, $3.', "Good morning. Tea costs $3."),
        ('Good morning. As the section "Fees" says, tea costs $3.', "Good morning. Tea costs $3."),
        ('Good morning. Tea costs $3, as section "Fees" says.', "Good morning. Tea costs $3."),
    ],
)
def test_a_clause_that_only_cites_goes_as_a_whole(text: str, wanted: str) -> None:
    assert without_citation(text) == {wanted}


@pytest.mark.parametrize(
    "text",
    [
        'Good morning. You can read this in the section "Fees", which also gives the hours.',
        'Good morning. If you look at the section "Fees", you will see that tea costs $3.',
        'Good morning. The price of tea is laid down for all in the section "Fees".',
        'Good morning. You find the price of it in the section "Fees".',
    ],
)
def test_what_wants_a_place_keeps_it(text: str) -> None:
    assert without_citation(text) == set()


def test_a_preposition_of_its_own_is_no_object() -> None:
    text = 'Tea costs $3 under the section "Fees".'
    span, start, end = (0, len(text)), text.index(" under"), text.index(".")

    assert not is_governed(text, span, start, end)
    assert list(clause_cuts(text, span, text.index(CITATION), end)) == []
