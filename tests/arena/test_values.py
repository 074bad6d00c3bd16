"""Values compare by what they mean: every kind, in many spellings, and never an exception or a slow text."""

import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_arena.respell import respell
from forge_arena.text import is_whole, lower, sentences
from forge_arena.types import ClaimKind
from forge_arena.values import mentions, value_of

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


# --- spelling one value as another ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "like", "kind", "wanted"),
    [
        ("2027-03-03", "14 November 2026", ClaimKind.date, "3 March 2027"),
        ("2027-03-03", "November 14, 2026", ClaimKind.date, "March 3, 2027"),
        ("2027-03-03", "Nov 14 2026", ClaimKind.date, "Mar 3 2027"),
        ("3 March 2027", "2026-11-14", ClaimKind.date, "2027-03-03"),
        ("$120", "89.99 USD", ClaimKind.money, "120 USD"),
        ("120 dollars", "$89.99", ClaimKind.money, "$120"),
        ("16%", "15 percent", ClaimKind.percent, "16 percent"),
        ("10 to 14 days", "5-7 days", ClaimKind.duration, "10-14 days"),
        ("10 days", "5-day", ClaimKind.duration, "10-day"),
        ("€120", "$89.99", ClaimKind.money, "€120"),
        ("soon", "$89.99", ClaimKind.money, "soon"),
        ("R-1", "R-2", ClaimKind.identifier, "R-1"),
        ("March 2027", "14 November 2026", ClaimKind.date, "March 2027"),
    ],
)
def test_a_value_is_written_as_another_is(text: str, like: str, kind: ClaimKind, wanted: str) -> None:
    assert respell(text, like, kind) == wanted


def money(amount: Decimal) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [f"${amount}", f"${amount:,}", f"{amount} dollars", f"USD {amount}", f"€{amount}", f"{amount} EUR"]
    )


def day(when: date) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [when.isoformat(), f"{when:%-d %B %Y}", f"{when:%B %-d, %Y}", f"{when:%b %-d %Y}", f"{when:%-d %b %Y}"]
    )


def share(number: Decimal) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{number}%", f"{number} percent", f"{number} per cent", f"{number} percentage points"])


def span(bounds: tuple[int, int]) -> st.SearchStrategy[str]:
    low, more = bounds
    units = st.sampled_from(["days", "business days", "weeks", "months", "hours", "working days", "years"])
    return units.flatmap(
        lambda unit: st.sampled_from(
            [f"{low} {unit}", f"{low} to {low + more} {unit}", f"{low}-{low + more} {unit}", f"{low}-{unit[:-1]}"]
        )
    )


AMOUNTS = st.decimals("0.01", "999999", places=2).flatmap(money)
DATES = st.dates(date(1900, 1, 1), date(2100, 12, 31)).flatmap(day)
SHARES = st.decimals("0.1", "100", places=1).flatmap(share)
SPANS = st.tuples(st.integers(2, 90), st.integers(1, 30)).flatmap(span)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.tuples(st.just(ClaimKind.money), AMOUNTS, AMOUNTS),
        st.tuples(st.just(ClaimKind.date), DATES, DATES),
        st.tuples(st.just(ClaimKind.percent), SHARES, SHARES),
        st.tuples(st.just(ClaimKind.duration), SPANS, SPANS),
    )
)
def test_respelling_never_changes_the_value(drawn: tuple[ClaimKind, str, str]) -> None:
    kind, text, like = drawn
    assert value_of(kind, text) is not None
    assert value_of(kind, respell(text, like, kind)) == value_of(kind, text)


# --- any text ---------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["$", "5", "12", "1,000", ".", "-", "/", " ", "%", "days", "business", "May", "2026", "section", "§", "v", "#", "R-1",
     "twenty", "-one", "hundred", "(", ")", "kg", "Act", "PEP", "million", "to", "and", "\n", "e.g.", "```", "İ", "ß", "٣"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join), st.lists(PIECES, max_size=60).map(" ".join)
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_mentions_lie_inside_in_order_and_never_overlap(text: str) -> None:
    at = 0
    for mention in mentions(text):
        assert at <= mention.start < mention.end <= len(text)
        at = mention.end


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(ClaimKind))
def test_nothing_raises_on_any_text(text: str, like: str, kind: ClaimKind) -> None:
    value_of(kind, text)
    assert isinstance(respell(text, like, kind), str)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_sentences_cover_all_but_space_and_never_overlap(text: str) -> None:
    at = 0
    for start, end in sentences(text):
        assert at <= start < end <= len(text)
        assert text[at:start].strip() == ""
        assert text[start:end].strip() == text[start:end] or "```" in text[start:end]
        at = end
    assert text[at:].strip() == ""


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_lower_keeps_positions(text: str) -> None:
    low = lower(text)
    assert len(low) == len(text)
    assert all(c == b or b.lower() == c for c, b in zip(low, text, strict=True)) or low == text.lower()


@pytest.mark.parametrize(
    "piece",
    ["1,", "1.", "5-", "$1 ", "1 to ", "section 1.1", "(a)", "A", "Act ", "The Big Old ", "R-1-", "twenty-", "one (1) ",
     "May ", "1/1/", "e.g. ", "A. ", "v", "#", "```\n", "\n", " ", "Mr. X v. ", "five business ", "§", "١", "I.J.", "\"'”"],
)  # fmt: skip
@pytest.mark.parametrize("find", [mentions, sentences])
def test_the_cost_is_linear_in_an_adverse_text(find: Any, piece: str) -> None:
    def cost(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        best = float("inf")
        for attempt in range(2):
            started = time.process_time()
            find(text + "x" * attempt)  # Another text each time: what was read before is remembered.
            best = min(best, time.process_time() - started)
        return best

    cost(1_000)
    # Ten times the text: ten times the cost and some noise, but never the hundred of a square.
    assert cost(100_000) < max(40 * cost(10_000), 0.5)
    assert cost(100_000) < 6.0


# --- sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It is due. Pay now!", ["It is due.", "Pay now!"]),
        ("Ask Dr. Smith, e.g. today. Then go.", ["Ask Dr. Smith, e.g. today.", "Then go."]),
        ("In Smith v. Jones the court held. So did Roe.", ["In Smith v. Jones the court held.", "So did Roe."]),
        ("See sec. 3.2 of it. Done.", ["See sec. 3.2 of it.", "Done."]),
        ("It costs $3.50. $4 is more.", ["It costs $3.50.", "$4 is more."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("Made in the U.S. Senate. Ok.", ["Made in the U.S. Senate.", "Ok."]),
        ("J. R. Hartley wrote it. He did.", ["J. R. Hartley wrote it.", "He did."]),
        ("- one item\n- another\n\nA line", ["- one item", "- another", "A line"]),
        ("Really? Yes! (Truly.) So.", ["Really?", "Yes!", "(Truly.)", "So."]),
        ("no capital. follows here", ["no capital. follows here"]),
        ("Use it:\n```python\nx = 1. \nY = 2\n```\nDone. Go.", ["Use it:", "```python\nx = 1. \nY = 2\n```", "Done.", "Go."]),
        ("```\nnever closed. It runs on.", ["```\nnever closed. It runs on."]),
        ("  \n ", []),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_would_end_them(text: str, wanted: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == wanted


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part", "whole"),
    [
        ("see section 3.2 there", "section 3.2", True),
        ("see section 3.2.", "section 3.2", True),
        ("see section 3.2, (b)", "section 3.2", True),
        ("see section 3.21", "section 3.2", False),
        ("see section 3.2.1", "section 3.2", False),
        ("see section 3.2-4", "section 3.2", False),
        ("see section 3.2(b)", "section 3.2", False),
        ("subsection 3.2", "section 3.2", False),
        ("(voucher)", "voucher", True),
        ("vouchers", "voucher", False),
        ("voucher", "voucher", True),
        ("a #r-1 b", "#r-1", True),
        ("a #r-12 b", "#r-1", False),
    ],
)
def test_whole_words_numbers_and_citations(text: str, part: str, whole: bool) -> None:
    at = text.index(part)
    assert is_whole(text, at, at + len(part)) is whole
