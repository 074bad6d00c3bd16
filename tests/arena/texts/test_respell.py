"""A value takes the spelling of another, and never changes."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_arena.texts.respell import in_digits, respell, rewrite, with_unit_like
from forge_arena.texts.values import value_of
from forge_arena.types import ClaimKind

from .hard_texts import TEXTS


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


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(ClaimKind))
def test_nothing_raises_on_any_text(text: str, like: str, kind: ClaimKind) -> None:
    assert isinstance(respell(text, like, kind), str)


@pytest.mark.parametrize(
    ("old", "new", "surface", "kind", "wanted"),
    [
        ("21 May 2031", "2 June 2031", "21 May", ClaimKind.date, "2 June"),
        ("21 May 2031", "2 June 2032", "May 21st, 2031", ClaimKind.date, "June 2nd, 2032"),
        ("60 days", "30 days", "sixty days", ClaimKind.duration, "thirty days"),
        ("12 months", "9 months", "12-month", ClaimKind.duration, "9-month"),
        ("1 week", "5 weeks", "one week", ClaimKind.duration, "five weeks"),
        ("4 to 6 days", "3 to 9 days", "between 4 and 6 days", ClaimKind.duration, "between 3 and 9 days"),
        ("10 minutes", "3 Minutes", "10 minutes", ClaimKind.duration, "3 minutes"),
        ("45 minutes", "8 min", "45 minutes", ClaimKind.duration, "8 minutes"),
        ("1st July, 2031", "1 August 2031", "1st July, 2031", ClaimKind.date, "1st August, 2031"),
        ("16 GB", "8 GB", "16 gigabytes", ClaimKind.quantity, "8 gigabytes"),
        ("12 months", "9 months", "a year", ClaimKind.duration, None),
        ("12 months", "9 weeks", "12-month", ClaimKind.duration, None),
        ("21 May 2031", "2 June 2031", "22 May", ClaimKind.date, None),
    ],
)
def test_a_value_is_written_in_the_hand_of_its_author_or_not_at_all(
    old: str, new: str, surface: str, kind: ClaimKind, wanted: str | None
) -> None:
    assert rewrite(old, new, surface, kind) == wanted


@pytest.mark.parametrize(
    ("measure", "digits"),
    [("eight weeks", "8 weeks"), ("twenty-one days", "21 days"), ("3 hours", "3 hours"), ("a day", "a day")],
)
def test_a_number_in_words_is_written_in_digits(measure: str, digits: str) -> None:
    assert in_digits(measure) == digits


@pytest.mark.parametrize(
    ("measure", "like", "wanted"),
    [
        ("5 Minutes", "2 hours", "5 minutes"),
        ("8 min", "2 hours", "8 minutes"),
        ("1 hr", "2 days", "1 hour"),
        ("8 min", "2 hrs", "8 min"),
        ("3-4 hours", "40 min", "3-4 hours"),
        ("3 GB", "5 MB", "3 GB"),
        ("20 \u00b0C", "3 hours", "20 \u00b0C"),
    ],
)
def test_a_unit_is_written_as_another_unit_is(measure: str, like: str, wanted: str) -> None:
    assert with_unit_like(measure, like) == wanted
