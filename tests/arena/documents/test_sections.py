"""The sections of a text by headings of every usual kind, and the stretches of a long document."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_arena.documents.document import Document
from forge_arena.documents.sections import (
    FEWEST_WORDS,
    MOST_WORDS,
    Section,
    citable,
    innermost,
    sections,
    stretches,
    title_of,
)


def outline(text: str) -> list[tuple[int, str | None, str]]:
    return [(section.level, section.number, section.title) for section in sections(text)]


def titles(text: str) -> list[str]:
    return [section.title for section in sections(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("# Tents\n\nText.\n\n## Poles ##\n\nText.\n", [(1, None, "Tents"), (2, None, "Poles")]),
        ("### Only deep\n\nText.\n", [(1, None, "Only deep")]),
        ("Tents\n=====\n\nText.\n\nPoles\n-----\nText.\n", [(1, None, "Tents"), (2, None, "Poles")]),
        (
            "=====\n Big\n=====\n\nText.\n\nLess\n~~~~\n\nText.\n\nMore\n~~~~\nText.\n",
            [(1, None, "Big"), (2, None, "Less"), (2, None, "More")],
        ),
        ("# Book\n\n**Working hours**\n\nEight to six.\n", [(1, None, "Book"), (2, None, "Working hours")]),
        ("POLICY\n# Refunds\n\nText.\n\nORDERS\nText.\n", [(1, None, "POLICY"), (2, None, "Refunds"), (1, None, "ORDERS")]),
        ("## 3. Fees\n\nText.\n\n## 3.1 Late fees\n\nText.\n", [(1, "3", "Fees"), (1, "3.1", "Late fees")]),
        ("## A. Terms\n\nText.\n\n## B. Fees\n\nText.\n", [(1, "A", "Terms"), (1, "B", "Fees")]),
        ("## 12 tips for tents\n\nText.\n", [(1, None, "12 tips for tents")]),
        ("# The [pass](https://pass.example) {#pass}\n\nText.\n", [(1, None, "The pass")]),
        ("# What if I'm *not* happy?\n\nText.\n", [(1, None, "What if I'm not happy?")]),
    ],
)  # fmt: skip
def test_marked_headings(text: str, wanted: list[tuple[int, str | None, str]]) -> None:
    assert outline(text) == wanted


WARRANTY = """\
1. What we promise
We repair or replace a tent whose poles break.

2. Changing your mind
You have 30 days to send back a tent that you do not like.

3. How to claim
To claim, do this:
1. Take a photograph of the fault.
2. Write to the service desk.
3. Wait for the label that we send you.

The label is valid for 14 days.

4. Three years, but two if bought before 1 September 2024
The warranty lasts three years.
"""


def test_numbers_are_sections_where_text_stands_under_them_and_a_list_within_is_none() -> None:
    assert outline(WARRANTY) == [
        (1, "1", "What we promise"),
        (1, "2", "Changing your mind"),
        (1, "3", "How to claim"),
        (1, "4", "Three years, but two if bought before 1 September 2024"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# Moving day\n\nDo this:\n\n1. Close the windows\n2. Turn off the water\n3. Give back the keys\n\nThen sign.\n",
        "# Cards\n## How to apply\n1. Gather your papers\n- card\n- address\n2. Send them\n- by post\n## After\nText.\n",
        "# Cards\n## How to apply\n1. Gather your papers\n   - card\n2. Send them\n   - by post\n## After\nText.\n",
        "# Cards\n## How to apply\n1. Gather your papers\nYou need a card.\n2. Send them\nBy post is best.\n## After\nText.\n",
        "# Block\n\n1. Go to Settings. Choose the tab for cards there.\n2. Press Block. The card is blocked.\n",
        "1. Go to Settings. Choose the tab for cards there.\n2. Press Block. The card is blocked at once.\n",
        "1. Salt\n2. Two eggs\n3. Flour\n\nMix all of it and bake it for an hour in a hot oven.\n",
    ],
)
def test_the_items_of_a_list_are_no_sections(text: str) -> None:
    assert all(section.number is None for section in sections(text))


def test_titles_that_run_into_their_text() -> None:
    contract = (
        "1. Access and Use.  During the term the Customer may use the service for its own business and no other.\n\n"
        "2. Late payment. Interest of four percent a year is due on each invoice that is not paid in thirty days, "
        "unless the Customer has told the Provider why it does not pay.\n\n"
        "3. LIABILITY.  NEITHER PARTY IS LIABLE FOR LOST PROFITS, WHATEVER THE CAUSE OF THE LOSS MAY BE.\n"
    )
    assert outline(contract) == [(1, "1", "Access and Use"), (1, "2", "Late payment"), (1, "3", "LIABILITY")]
    first = sections(contract)[0]
    assert contract[first.body :].startswith("During the term")


def test_one_clause_alone_is_a_section() -> None:
    assert outline("4. Feedback and Usage.  Customer may give feedback, and Provider may use it freely.") == [
        (1, "4", "Feedback and Usage")
    ]


KILN = """\
# Pottery studio: rules for firing

## 4. Bookings

{bullet}4.1. The kiln is booked at the desk, and a booking is held for 36 hours.
{bullet}4.2. Who books and does not come pays $18.

## 5. Firing

{bullet}5.1. A firing is begun by the warden alone, and the shelves are loaded from below.
{deeper}5.1.1. A biscuit firing takes 9 hours, and the door stays shut for 14 hours more.
{deeper}5.1.2. A glaze firing takes 12 hours, and the door stays shut for 20 hours more.
{bullet}5.2. Pieces that are not fetched within 3 weeks are thrown away.
"""


@pytest.mark.parametrize(
    ("bullet", "deeper"), [("", ""), ("- ", "- "), ("* ", "  * "), ("- ", "    - "), ("\u2022 **", "\u2022 **")]
)
def test_a_clause_with_a_number_of_its_section_is_one_also_as_the_item_of_a_list(bullet: str, deeper: str) -> None:
    text = KILN.format(bullet=bullet, deeper=deeper)
    text = "\n".join(f"{line}**" if "**" in line else line for line in text.split("\n"))
    found = sections(text)
    numbered = [(section.level, section.number) for section in found[1:]]
    assert numbered == [
        *((2, "4"), (3, "4.1"), (3, "4.2")),
        *((2, "5"), (3, "5.1"), (4, "5.1.1"), (4, "5.1.2"), (3, "5.2")),
    ]
    (glaze,) = [section for section in found if section.number == "5.1.2"]
    assert "20 hours" in text[glaze.start : glaze.end]
    assert "3 weeks" not in text[glaze.start : glaze.end]


@pytest.mark.parametrize(
    "text",
    [
        "# Jugs\n\n- 1.5 Litre jug\n- 1.6 Litre jug\n- 2.0 Litre jug\n\nAll jugs are of glass.\n",
        "# Jugs\n\n## Sizes\n\n- 3. Small\n- 4. Large\n\n## Lids\n\nText.\n",
    ],
)
def test_an_item_that_begins_with_another_number_is_no_section(text: str) -> None:
    assert all(section.number is None for section in sections(text))


def test_a_title_above_lettered_clauses() -> None:
    text = "6. Survival.\n        a. Sections 1 and 2 survive the end of the term.\n        b. Nothing else survives.\n"
    assert outline(text) == [(1, "6", "Survival")]


def test_numbered_paragraphs_are_the_sections_of_a_text_that_is_made_of_them() -> None:
    paragraphs = "\n\n".join(
        f"{n}. Readers show their card at the desk when they come in, and leave bags and coats in the {n} lockers "
        "beside the door until they go."
        for n in range(1, 5)
    )
    assert [section.number for section in sections(f"Rules of the room\n\n{paragraphs}\n")] == ["1", "2", "3", "4"]
    assert [section.number for section in sections(f"# Rules\n\nText.\n\n## Desk\n\n{paragraphs}\n")] == [None, None]


AGREEMENT = """\
SERVICES AGREEMENT

This agreement is made between Alder Ltd and Birch GmbH.

ARTICLE I
DEFINITIONS

1.1 "Services" means the cleaning of the rooms in Schedule 1.
1.2 "Fee" means the amount in section 2.1.

ARTICLE II: FEES

2.1 Fee. Birch pays Alder 400 euros a month, within 14 days of the invoice.
2.2 Late payment. Interest of 4% a year is due on what is late.
2.2.1 No interest is due on an invoice that Birch disputes.

SCHEDULE 1
Rooms

The hall, the kitchen and the two offices on the first floor are cleaned.
"""


def test_articles_clauses_and_schedules() -> None:
    assert [(s.level, s.word, s.number, s.title) for s in sections(AGREEMENT)] == [
        (1, "section", None, "SERVICES AGREEMENT"),
        (2, "article", "I", "DEFINITIONS"),
        (3, "section", "1.1", ""),
        (3, "section", "1.2", ""),
        (2, "article", "II", "FEES"),
        (3, "section", "2.1", "Fee"),
        (3, "section", "2.2", "Late payment"),
        (4, "section", "2.2.1", ""),
        (1, "schedule", "1", "Rooms"),
    ]


@pytest.mark.parametrize(
    ("line", "number", "title"),
    [
        ("Section 4 - Term", "4", "Term"),
        ("Section 4: Term", "4", "Term"),
        ("\u00a7 4 Term", "4", "Term"),
        ("Sec. 39.1 Applicability", "39.1", "Applicability"),
        ("**Section 4. Term**", "4", "Term"),
        ("## Section 4 \u2013 Term", "4", "Term"),
    ],
)
def test_sections_that_say_so(line: str, number: str, title: str) -> None:
    found = sections(f"{line}\n\nThe term is one year.\n")
    assert [(s.word, s.number, s.title) for s in found] == [("section", number, title)]


@pytest.mark.parametrize(
    "text",
    [
        "The fee is due under\nSection 4 of this agreement, and no earlier than that.\n",
        "3.5 million people took the ferry last year.\n\n2.50 Euros is what a bicycle costs.\n",
        "The crossing takes\n45. In winter, it is longer.\n",
        "Question of costs\n\nShort.\n",
        "```\n# a comment\nPOLICY\n```\n",
        "Example::\n\n   # a comment\n   x = 1\n",
        "---\ntitle: Leave\nkind: policy\n---\nText without a heading.\n",
        "| FEES | SEATS |\n| --- | --- |\n| 3 | 4 |\n",
        "NOTE\n\nText that is noted.\n",
        "We ship in two days.\n\n---\n\nWe also ship at night.\n",
    ],
)
def test_what_is_no_heading(text: str) -> None:
    assert sections(text) == ()


def test_questions_and_answers() -> None:
    plain = (
        "How long is the pass valid?\n\nThe pass is valid for twelve months from the day on which you buy it.\n\n"
        "Can I lend my pass?\n\nNo, the pass carries your photograph, and only you may use it at the gate.\n"
    )
    assert titles(plain) == ["How long is the pass valid?", "Can I lend my pass?"]
    assert titles(f"# The pass\n\n{plain}")[1:] == titles(plain)
    assert titles("Q: What does it cost?\nA: Nothing.\n\nQ: Who may come?\nA: All of us.\n") == [
        "What does it cost?",
        "Who may come?",
    ]


def test_short_lines_above_paragraphs_are_headings_where_nothing_else_is_marked() -> None:
    text = (
        "Coming late\n\nWhoever comes late waits at the door until the piece that is played has ended.\n\n"
        "Leaving early\n\nWhoever leaves early leaves between two pieces and by the door at the back.\n"
    )
    assert titles(text) == ["Coming late", "Leaving early"]


def test_a_section_holds_its_subsections_and_ends_where_the_next_begins() -> None:
    text = "# A\n\none\n\n## B\n\ntwo\n\n# C\n\nthree\n"
    a, b, c = sections(text)
    assert text[a.start : a.end] == "# A\n\none\n\n## B\n\ntwo\n\n"
    assert text[b.start : b.end] == "## B\n\ntwo\n\n"
    assert c.end == len(text)
    at = text.index("two")
    assert innermost((a, b, c), at, at + 3) == b
    assert innermost((a, b, c), at, text.index("three") + 1) is None


def test_a_title_that_comes_twice_cannot_be_cited() -> None:
    text = "# A\n\n## Notes\n\none\n\n## Fees\n\ntwo\n\n# B\n\n## Notes\n\nthree\n"
    assert [section.title for section in citable(sections(text))] == ["A", "Fees", "B"]


def test_the_title_of_a_document() -> None:
    assert title_of("POLICY\n# Refunds at sea\n\nText.\n") == "Refunds at sea"
    assert title_of("POLICY\n\nText that says what is done.\n") == "POLICY"
    assert title_of("The supplier grants a licence to the bank and all of its branches.") == (
        "The supplier grants a licence to the bank and all"
    )


def words(count: int, seed: int = 0) -> str:
    rng = Random(seed)
    drawn = [rng.choice(("the", "tent", "is", "green", "and", "old")) for _ in range(count)]
    return "\n\n".join(" ".join(drawn[at : at + 60]).capitalize() + "." for at in range(0, count, 60))


def test_a_short_document_is_one_stretch() -> None:
    document = Document("a.md", f"# Tents\n\n{words(900)}\n")
    (stretch,) = stretches(document)
    assert (stretch.text, stretch.name, stretch.sections) == (document.text, "a.md", sections(document.text))


def test_a_long_document_is_cut_where_sections_begin() -> None:
    text = "# Tents\n\n" + "\n\n".join(f"## {n}. Part\n\n{words(500, n)}" for n in range(1, 8))
    cut = stretches(Document("a.md", text))
    assert "".join(stretch.text for stretch in cut) == text
    assert all(stretch.text.startswith(("# Tents", "## ")) for stretch in cut)
    assert all(FEWEST_WORDS <= len(stretch.text.split()) <= MOST_WORDS for stretch in cut)
    assert cut[1].name == f"a.md (part 2 of {len(cut)})"
    for stretch in cut:
        for section in stretch.sections:
            assert stretch.text[section.start :].startswith(("# Tents", f"## {section.number}. Part"))
            assert section.end <= len(stretch.text)


def test_a_section_that_is_too_long_is_cut_at_its_subsections_and_a_text_without_sections_at_paragraphs() -> None:
    deep = "# Tents\n\n" + "\n\n".join(
        f"## Part {n}\n\n### First\n\n{words(900)}\n\n### Second\n\n{words(900)}" for n in (1, 2)
    )
    cut = stretches(Document("a.md", deep))
    assert "".join(stretch.text for stretch in cut) == deep
    assert all(len(stretch.text.split()) <= MOST_WORDS for stretch in cut)
    assert all(stretch.text.lstrip().startswith("#") for stretch in cut)
    plain = words(4_000)
    cut = stretches(Document("a.md", plain))
    assert "".join(stretch.text for stretch in cut) == plain
    assert [stretch.text.strip().endswith(".") for stretch in cut] == [True] * len(cut)
    line = " ".join("The tent is green and old." for _ in range(1_000))
    assert all(len(stretch.text.split()) <= MOST_WORDS for stretch in stretches(Document("a.md", line)))


def test_a_document_with_a_task_is_one_stretch() -> None:
    assert len(stretches(Document("a.jsonl:1", words(4_000), task="Sum it up."))) == 1


def test_a_stretch_says_on_which_pages_it_lies() -> None:
    document = Document("a.pdf", words(600), pages=(0, 500, 1_000))
    assert stretches(document)[0].pages == (1, 3)
    assert stretches(Document("a.md", words(600)))[0].pages is None
    assert [document.page_at(place) for place in (0, 499, 500, 2_000)] == [1, 1, 2, 3]


HARD_LINES = st.sampled_from(
    ["", "# A", "## B", "1. One", "2. Two", "1. Fees. The fee is due.", "3.2 Terms", "ARTICLE II", "POLICY", "===", "---",
     "~~~~", "```", "::", "   # x", "**Bold**", "Why?", "- item", "| a | b |", "Text that goes on and on, and then ends.",
     "I. Scope", "A. Scope", "Section 4", "\u00a7 3.1 Fees", "Q: Why?", "A: So.", "\u2028", "1.", "#", "***"]
)  # fmt: skip


@given(st.lists(HARD_LINES, max_size=30))
def test_whatever_the_lines_sections_are_in_order_and_within_the_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = sections(text)
    assert [section.start for section in found] == sorted({section.start for section in found})
    for section in found:
        assert 0 <= section.start < section.body <= section.end <= len(text)
        assert section.title or section.number
    for first, second in itertools.pairwise(found):
        assert first.end <= second.start or second.end <= first.end
        assert is_within_bounds(first, second)


def is_within_bounds(first: Section, second: Section) -> bool:
    return second.start >= first.end or second.level > first.level


LABELLED = """\
Rules of the regatta

- 3a) A crew enters by letter.
    - 3a1) The letter names the helm.
        - 3a1b) A helm under sixteen sails with a guardian.
- 3d) A protest is raised within one hour.
    - 3d2) The jury decides on the same day.
"""


def test_labels_of_digits_and_letters_are_sections_within_each_other() -> None:
    assert outline(LABELLED) == [(1, "3a", ""), (2, "3a1", ""), (3, "3a1b", ""), (1, "3d", ""), (2, "3d2", "")]


@pytest.mark.parametrize(
    "text",
    [
        "What is right?\n\n1a) the helm\n1b) the crew\n",
        "We sat in rows.\n\n- 4c) the last\n- 2b) the first\n- 3a) the one between\n",
    ],
)
def test_few_labels_and_labels_out_of_order_are_no_sections(text: str) -> None:
    assert outline(text) == []


def test_attributes_behind_a_title_are_no_part_of_it() -> None:
    text = "#### REPORT FOR 2031 {.text-center}\n\nIt was a good year.\n\n#### Fees {#fees .wide}\n\nThey stay.\n\n## Sets {a, b}\n\nNone."
    assert [title for _, _, title in outline(text)] == ["REPORT FOR 2031", "Fees", "Sets {a, b}"]


def test_a_section_may_be_left_out_between_two_others() -> None:
    text = "\n\n".join(
        f"{number}.  Title {number[-1]}\n\nThe text of it." for number in ("4.5", "4.5.1", "4.5.2", "4.5.5")
    )
    assert [number for _, number, _ in outline(text)] == ["4.5", "4.5.1", "4.5.2", "4.5.5"]
