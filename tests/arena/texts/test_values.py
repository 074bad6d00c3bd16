"""Values compare by what they mean: every kind, in many spellings, and never an exception or a slow text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_arena.texts.values import mentions, value_of
from forge_arena.types import ClaimKind

from .hard_texts import TEXTS, adverse, assert_linear

SAME: dict[ClaimKind, tuple[tuple[str, ...], ...]] = {
    ClaimKind.money: (
        ("$89.99", "89.99 dollars", "USD 89.99", "US$89.99", "89.99 USD", "$ 89.99"),
        ("$1,250", "$1250", "$1,250.00", "1,250 dollars", "USD 1250"),
        ("$2.5 million", "$2,500,000", "USD 2.5 million", "2.5 million dollars"),
        ("€40", "EUR 40", "40 euros", "40 €", "40.00 EUR"),
        ("£9.50", "GBP 9.50", "9.50 pounds sterling"),
        ("50 cents", "50 cent"),
    ),
    ClaimKind.percent: (
        ("15%", "15 %", "15 percent", "15 per cent", "fifteen percent", "15.0%"),
        ("2 percentage points", "two percentage points"),
        ("0.5%", "0.50 percent"),
    ),
    ClaimKind.date: (
        (
            *("14 November 2026", "November 14, 2026", "Nov 14 2026", "2026-11-14", "14th of November 2026"),
            *("14 Nov. 2026", "14/11/2026", "11/14/2026", "2026-11-14T09:30:00Z"),
        ),
        ("3 September 2024", "Sept 3, 2024", "Sep 3 2024", "2024-09-03"),
        ("5 May 2025", "May 5th, 2025", "05/05/2025"),
        ("March 2027", "Mar 2027"),
        ("7 June", "June 7th"),
    ),
    ClaimKind.duration: (
        ("5 days", "five days", "5-day", "five (5) days", "5 calendar days", "5 consecutive days"),
        ("two weeks", "14 days", "a 2-week"[2:], "one fortnight", "fourteen days"),
        ("5 to 7 business days", "5-7 working days", "5 – 7 business days", "five to seven business days"),
        ("1 year", "12 months", "twelve months", "4 quarters"),
        ("2 hours", "120 minutes", "2 hrs", "120 mins", "7200 seconds"),
        ("ninety days", "90 days"),
        ("twenty-one days", "21 days", "3 weeks"),
    ),
    ClaimKind.quantity: (
        ("1.5 kg", "1500 g", "1.5 kilograms", "1500 grams"),
        ("2 TB", "2000 GB", "2,000,000 MB"),
        ("30 cm", "0.3 m", "300 mm"),
        ("19 mpg", "19mpg"),
        ("5,000 mAh", "5 Ah"),
    ),
    ClaimKind.identifier: (
        ("R-58213", "#R-58213", "r-58213"),
        ("version 3.11", "v3.11"),
        ("2.10.3", "v2.10.3"),
        ("#W2378156", "W2378156"),
    ),
    ClaimKind.citation: (
        ("section 3.2", "Section 3.2", "§ 3.2", "§3.2", "sec. 3.2", "Sections 3.2"),
        ("clause 4(b)", "Clause 4(b)", "clauses 4(B)"),
        ("PEP 8", "pep 8"),
        ("CVE-2024-12345", "cve-2024-12345".upper()),
        ("Smith v. Jones", "Smith v Jones"),
        ("para. 7", "paragraph 7"),
    ),
}
DIFFERENT = (
    (ClaimKind.money, "$10", "€10"),
    (ClaimKind.money, "$10", "$10.01"),
    (ClaimKind.money, "$2 million", "$2 billion"),
    (ClaimKind.percent, "2%", "2 percentage points"),
    (ClaimKind.percent, "15%", "1.5%"),
    (ClaimKind.date, "14 November 2026", "14 November 2025"),
    (ClaimKind.date, "14 November 2026", "November 2026"),
    (ClaimKind.date, "03/04/2026", "3 April 2026"),
    (ClaimKind.duration, "5 days", "5 business days"),
    (ClaimKind.duration, "5 days", "5 to 7 days"),
    (ClaimKind.duration, "30 days", "1 month"),
    (ClaimKind.quantity, "5 GB", "5 GiB"),
    (ClaimKind.quantity, "5 kg", "5 lb"),
    (ClaimKind.identifier, "R-58213", "R-58214"),
    (ClaimKind.citation, "section 3.2", "clause 3.2"),
    (ClaimKind.citation, "section 3.2", "section 3.2(a)"),
    (ClaimKind.citation, "Privacy Act 1974", "Privacy Act 1988"),
)
SPELLINGS = [(kind, same[0], other) for kind, groups in SAME.items() for same in groups for other in same[1:]]


@pytest.mark.parametrize(("kind", "one", "other"), SPELLINGS)
def test_spellings_of_one_value_are_the_same_value(kind: ClaimKind, one: str, other: str) -> None:
    value = value_of(kind, one)
    assert value is not None
    assert value_of(kind, other) == value


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_values_that_differ_are_different(kind: ClaimKind, one: str, other: str) -> None:
    assert value_of(kind, one) is not None
    assert value_of(kind, one) != value_of(kind, other)


@pytest.mark.parametrize(("kind", "surface"), [(kind, same[0]) for kind, groups in SAME.items() for same in groups])
def test_a_value_is_found_whole_in_a_sentence(kind: ClaimKind, surface: str) -> None:
    text = f"As agreed, {surface}, and nothing else."
    (mention,) = (m for m in mentions(text) if m.kind is kind)
    assert text[mention.start : mention.end] == surface
    assert mention.value == value_of(kind, surface)


@pytest.mark.parametrize(
    "text",
    ["Call 555 today.", "There are 3 of them.", "It may march on.", "See the rule.", "He said so in May.", "2 + 2 = 4",
     "a day", "the second of the two", "Mr A", "no. 7", "", "the 5th element"],
)  # fmt: skip
def test_bare_numbers_and_words_are_no_mention(text: str) -> None:
    assert mentions(text) == ()


@pytest.mark.parametrize("kind", [ClaimKind.money, ClaimKind.percent, ClaimKind.date, ClaimKind.duration])
@pytest.mark.parametrize("text", ["", "soon", "30 February 2025", "13/13/2025", "$", "%", "days"])
def test_what_is_no_value_has_none(kind: ClaimKind, text: str) -> None:
    assert value_of(kind, text) is None


@pytest.mark.parametrize("kind", [ClaimKind.term, ClaimKind.option, ClaimKind.constraint])
def test_a_kind_without_a_parser_compares_letters(kind: ClaimKind) -> None:
    assert value_of(kind, " The Voucher ") == value_of(kind, "the voucher") == "the voucher"


def test_kinds_share_no_characters() -> None:
    text = "Under section 3.2, $40 (5%) is due within 30 days of 3 May 2025 for case R-58213 and 2 kg of it."
    assert [m.kind for m in mentions(text)] == [
        *(ClaimKind.citation, ClaimKind.money, ClaimKind.percent, ClaimKind.duration, ClaimKind.date),
        *(ClaimKind.identifier, ClaimKind.quantity),
    ]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_mentions_lie_inside_in_order_and_never_overlap(text: str) -> None:
    at = 0
    for mention in mentions(text):
        assert at <= mention.start < mention.end <= len(text)
        at = mention.end


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(ClaimKind))
def test_nothing_raises_on_any_text(text: str, kind: ClaimKind) -> None:
    value_of(kind, text)


@adverse
def test_the_cost_is_linear_in_an_adverse_text(piece: str) -> None:
    assert_linear(mentions, piece)


@pytest.mark.parametrize(
    "text",
    ["See section 3.2.", "\u017fection 3.2 says so.", "Clause B of 2", "§ 4 and ISO/IEC 27001", "PEP 8, RFC 29"],
)
def test_a_citation_is_the_same_beside_a_name(text: str) -> None:
    """Most texts have no name such as the one behind, and are read by a pattern that knows no names."""
    named = mentions(f"{text} Roe v. Wade")
    assert mentions(text) == tuple(mention for mention in named if mention.end <= len(text))
    assert len(named) == len(mentions(text)) + 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Four months ago you suspended my account.", (4, 4, "month")),
        ('She writes: "Four months ago it was open."', (4, 4, "month")),
        ("- Ten days are left.", (10, 10, "day")),
        ("**Twenty-one days** are left.", (21, 21, "day")),
        ("The term is Thirty (30) days.", (30, 30, "day")),
        ("Ten to twelve days are usual.", (10, 12, "day")),
        ("They said “ten days”.", (10, 10, "day")),
    ],
)
def test_a_number_word_may_have_a_capital_letter_where_a_sentence_begins_and_before_its_digits(
    text: str, value: tuple[int, int, str]
) -> None:
    assert [mention.value for mention in mentions(text)] == [value]


@pytest.mark.parametrize("name", ["The Seven Days shop is open.", "Dine at the Four Seasons.", "Ask at Platform Nine."])
def test_a_number_word_within_a_name_is_no_number(name: str) -> None:
    assert mentions(name) == ()
