"""Sections are found as an author names them, cited in the ways that people cite them, and never wrongly wrong."""

import re
from random import Random

import pytest

from forge_arena.documents.section_names import citation_forms, find_section, is_citable, wrong_sections
from forge_arena.documents.sections import Section, sections
from forge_arena.texts.words import content
from forge_arena.types import Span, Standing

NUMBERED = """\
Article 1. Scope

This agreement covers all deliveries of seed to the northern farms of the union.

Article 2. Payment

2.1 Invoices fall due after receipt, and the union pays them by transfer.

2.2 Late sums bear interest from the day on which they fell due.
"""
TITLED = """\
# Lockers

## Rent

A locker costs a fee for each term, and the fee is paid in advance.

## Keys

A key that is lost is replaced at the cost of the pupil who had it.

## Clearing

Lockers are emptied before the summer, and what is left goes to the office.
"""


def at(text: str, words: str) -> Span:
    start = text.index(words)
    return Span(start=start, end=start + len(words))


def named(text: str, name: str, words: str) -> Section:
    section, reason = find_section(sections(text), name, at(text, words))
    assert section is not None, reason
    return section


@pytest.mark.parametrize("name", ["2.1", "section 2.1", "\u00a7 2.1", "Clause 2.1", "Article 2.1"])
def test_a_numbered_section_is_found(name: str) -> None:
    assert named(NUMBERED, name, "Invoices fall due").number == "2.1"


@pytest.mark.parametrize("name", ["Keys", "## Keys", "section \u201cKeys\u201d", "the section Keys", "keys"])
def test_a_titled_section_is_found(name: str) -> None:
    assert named(TITLED, name, "A key that is lost").title == "Keys"


def test_a_part_holds_the_passages_of_its_parts() -> None:
    assert named(NUMBERED, "Article 2", "Late sums bear").title == "Payment"


@pytest.mark.parametrize(
    ("text", "name", "words", "reason"),
    [
        (NUMBERED, "9", "Invoices", "the document has no section \u201c9\u201d"),
        (NUMBERED, "2.2", "Invoices", "the section \u201c2.2\u201d does not hold the quotation"),
        (TITLED, "Rent", "A key that", "the section \u201cRent\u201d does not hold the quotation"),
        ("# Rent\n\nIt is low here.\n", "Rent", "It is low", "the document has no other section"),
        (
            f"{TITLED}\n## Keys\n\nKeys are blue.\n",
            "Keys",
            "Keys are blue",
            "the section \u201cKeys\u201d has no number or title",
        ),
    ],
)
def test_a_section_that_cannot_be_cited(text: str, name: str, words: str, reason: str) -> None:
    section, given = find_section(sections(text), name, at(text, words))
    assert section is None
    assert given.startswith(reason)


def test_the_word_of_the_document_comes_first() -> None:
    forms = citation_forms(named(NUMBERED, "Article 1", "This agreement"))
    assert forms[:3] == ("article 1", "section 1", "clause 1")


def test_a_title_is_cited_in_quotes_or_beside_a_word_and_not_alone() -> None:
    forms = citation_forms(named(TITLED, "Rent", "A locker costs"))
    assert {'section "Rent"', "Rent section", '"Rent"', "under Rent", "(Rent)"} <= set(forms)
    assert "Rent" not in forms


def test_a_title_is_cited_with_other_quotation_marks() -> None:
    text = "## The \u201cCity\u201d card\u2019s fee\n\nThe card costs a fee for each year.\n\n## Loss\n\nA lost card is replaced.\n"
    forms = citation_forms(named(text, "The \u201cCity\u201d card\u2019s fee", "The card costs"))
    assert {'section The "City" card\'s fee', "section \"The 'City' card's fee\""} <= set(forms)


def test_the_same_way_of_citing_stands_at_the_same_place() -> None:
    one, other = (citation_forms(s) for s in sections(TITLED) if s.title in ("Rent", "Keys"))
    assert [form.replace("Rent", "Keys") for form in one] == list(other)


def test_wrong_sections_are_others_of_the_same_depth_and_inventions() -> None:
    found = sections(NUMBERED)
    wrong = wrong_sections(named(NUMBERED, "2.1", "Invoices"), found, (), NUMBERED, Random(2))
    assert [a.forms[0] for a in wrong if a.standing is Standing.elsewhere] == ["section 2.2"]
    absent = [a.forms[0] for a in wrong if a.standing is Standing.absent]
    assert len(absent) == 2
    assert all(form.startswith("section 2.") and form.split()[1] not in NUMBERED for form in absent)


def test_what_says_the_same_is_not_wrong() -> None:
    found = sections(TITLED)
    right = named(TITLED, "Rent", "A locker costs")
    keys = named(TITLED, "Keys", "A key that")
    wrong = [form for a in wrong_sections(right, found, [keys], TITLED, Random(2)) for form in a.forms]
    assert 'section "Clearing"' in wrong
    assert 'section "Keys"' not in wrong
    assert 'section "Lockers"' not in wrong


def test_a_title_of_many_words_is_no_name() -> None:
    long = Section(None, "word " * 15, 0, 10, 1, 5)
    assert not is_citable(long, [long, Section(None, "Rent", 10, 20, 1, 15)])


ASKED = """\
# Lockers

## "What does a locker cost?"

A locker costs a fee for each term, and the fee is paid in advance.

## What "lost" means

A key is lost once a pupil has reported it to the office.
"""


def test_a_title_with_quotation_marks_is_quoted_once() -> None:
    cost = citation_forms(named(ASKED, "What does a locker cost?", "A locker costs a fee"))
    lost = citation_forms(named(ASKED, 'What "lost" means', "A key is lost once"))

    assert cost[0] == 'section "What does a locker cost?"'
    assert lost[0] == "section \"What 'lost' means\""
    assert "section \u201cWhat does a locker cost?\u201d" in cost
    for form in (*cost, *lost):
        assert '""' not in form
        assert '\u201c"' not in form


TITLES = """\
# Boats

## Rent

A boat costs a fee for each day, and the fee is paid in advance.

## Any questions?

Ring the harbour if anything is unclear to you or to your crew.

## Here is the procedure for mooring

Moor with the bow to the wind, and wait for the warden.

## Winter storage

A boat may lie in the shed from November on, at the risk of its owner.
"""


def test_no_question_and_no_sentence_is_cited_in_the_place_of_a_name() -> None:
    found = sections(TITLES)
    for seed in range(8):
        wrong = wrong_sections(named(TITLES, "Rent", "A boat costs"), found, (), TITLES, Random(seed))
        assert [a.forms[0] for a in wrong if a.standing is Standing.elsewhere] == ['section "Winter storage"']


def test_an_invented_title_is_made_of_words_of_the_document_that_stand_in_no_title_and_no_fact() -> None:
    text = (
        f"{TITLES}\n## The harbour\n\nThe pick-up slip is signed by the owner. A spare anchor may lie on the deck, and every"
        " mooring line has a tag. The boat fee is due in May, and the life jacket of a guest is lent."
    )
    found = sections(text)
    right = named(text, "Rent", "A boat costs")
    invented = {
        alternative.forms[0]
        for seed in range(20)
        for alternative in wrong_sections(right, found, (), text, Random(seed), content("The boat fee is due in May."))
        if alternative.standing is Standing.absent
    }
    assert invented == {'section "Pick-up slip"', 'section "Spare anchor"', 'section "Life jacket"'}


def test_a_heading_with_nothing_under_it_is_no_wrong_section() -> None:
    text = "# Saw\n\n**Model 24**\n\n**Bed 60 x 30**\n\n## Use\n\nPut on the guard.\n\n## Care\n\nOil the blade.\n"
    found = sections(text)
    for seed in range(8):
        wrong = wrong_sections(named(text, "Use", "Put on the guard"), found, (), text, Random(seed))
        assert {a.forms[0] for a in wrong if a.standing is Standing.elsewhere} == {'section "Care"'}


def test_a_section_that_a_short_document_lacks_has_a_number_near_its_last() -> None:
    text = "\n\n".join(f"Section {n}. Rule {'ABC'[n - 1]}\n\nThe rule of part {n} is long enough." for n in (1, 2, 3))
    found = sections(text)
    right = next(section for section in found if section.number == "2")
    numbers = {
        int(alternative.forms[0].split()[-1])
        for seed in range(30)
        for alternative in wrong_sections(right, found, (), text, Random(seed))
        if alternative.standing is Standing.absent
    }
    assert min(numbers) == 4
    assert max(numbers) <= 10


def test_a_label_of_digits_and_letters_is_found_and_cited_wrongly_as_another() -> None:
    text = "\n".join(
        f"- {n}) Rule {n} says what the crew does on day {at}." for at, n in enumerate(("3a", "3a1", "3b", "3c"))
    )
    found = sections(text)
    right = named(text, "3b", "Rule 3b says")
    wrong = {form for a in wrong_sections(right, found, (), text, Random(1)) for form in a.forms[:1]}
    assert right.number == "3b"
    assert {"section 3a", "section 3c"} < wrong
    assert all(form.startswith("section 3") for form in wrong)


@pytest.mark.parametrize(
    ("titles", "wanted"),
    [
        (("Release 4.1", "Release 4.2", "Release 4.3"), r'section "Release 4\.[4-8]"'),
        (("GUESTS OF THE CLUB", "FEES OF THE CLUB"), r'section "[A-Z ]+"'),
        (("Guests of the club", "Fees of the club"), r'section "[A-Z][a-z ]+"'),
        (("Guests of the Club", "Fees of the Club"), r'section "[A-Z][A-Za-z ]+"'),
    ],
)
def test_an_invented_title_is_written_as_the_others(titles: tuple[str, ...], wanted: str) -> None:
    text = "\n\n".join(f"## {title}\n\nThe text under this title says what holds." for title in titles)
    found = sections(text)
    for seed in range(6):
        wrong = wrong_sections(found[-1], found, (), text, Random(seed))
        assert all(re.fullmatch(wanted, a.forms[0]) for a in wrong if a.standing is Standing.absent)
