"""Values are found in their quotation, read by what they mean, and come with wrong values in their place."""

import re
from random import Random

import pytest

from forge_arena.documents.alternatives import are_comparable, number_in_digits, wrong_values
from forge_arena.documents.quotations import locate
from forge_arena.documents.values import (
    NoValue,
    Value,
    absent_alternatives,
    absent_values,
    as_alternative,
    comparable_values,
    gives_away,
    may_be_given_as,
    places_of,
    value_in,
)
from forge_arena.texts.values import Mention, value_of
from forge_arena.types import ClaimKind, Span, Standing

TEXT = (
    "The late fee is $30.50, and interest runs at 4%. Rooms are kept for 3 to 5 days. The bond is 0% for members. "
    "Rent is due on 1 May 2026 and each 15 June. Orders are numbered like #W2692684 and #W2692999. Each member has 15 free "
    "visits, and 8 in winter. Deposits: $40, $900, $28. Call the night desk. Use size L. The kiln has 4 cyl. "
    "Refunds follow section 12.21 of the by-laws."
)


def value(quotation: str, proposed: str) -> Value:
    span = locate(TEXT, quotation)
    assert span is not None
    return value_in(TEXT, span, proposed)


@pytest.mark.parametrize(
    ("quotation", "proposed", "kind", "surface"),
    [
        ("The late fee is $30.50", "$30.50", ClaimKind.money, "$30.50"),
        ("interest runs at 4%", "4%", ClaimKind.percent, "4%"),
        ("kept for 3 to 5 days", "3 to 5 days", ClaimKind.duration, "3 to 5 days"),
        ("Rent is due on 1 May 2026", "on 1 May 2026", ClaimKind.date, "1 May 2026"),
        ("and each 15 June", "15 June", ClaimKind.date, "15 June"),
        ("has 15 free visits", "15 free visits", ClaimKind.term, "15 free visits"),
        ("Call the night desk", "night desk", ClaimKind.term, "night desk"),
        ("Refunds follow section 12.21", "12.21", ClaimKind.citation, "section 12.21"),
        ("Deposits: $40, $900", "$40, $900", ClaimKind.term, "$40, $900"),
    ],
)
def test_a_value_is_read(quotation: str, proposed: str, kind: ClaimKind, surface: str) -> None:
    found = value(quotation, proposed)
    assert (found.kind, found.surface, found.span.of(TEXT)) == (kind, surface, surface)


@pytest.mark.parametrize(
    ("quotation", "proposed", "reason"),
    [
        ("kept for 3 to 5 days", "5 days", "is a part of"),
        ("The late fee is $30.50", "$30", "does not hold"),
        ("The late fee is $30.50", "4%", "does not hold"),
        ("Use size L", "L", "too short"),
        ("Call the night desk", "the", "cannot compare"),
    ],
)
def test_no_value_is_read(quotation: str, proposed: str, reason: str) -> None:
    with pytest.raises(NoValue, match=reason):
        value(quotation, proposed)


def absent(found: Value) -> list[tuple[int, str]]:
    return [(a.stealth, a.forms[0]) for a in absent_alternatives(absent_values(TEXT, found, Random(3)))]


@pytest.mark.parametrize(
    ("quotation", "proposed"),
    [
        ("The late fee is $30.50", "$30.50"),
        ("interest runs at 4%", "4%"),
        ("kept for 3 to 5 days", "3 to 5 days"),
        ("Rent is due on 1 May 2026", "1 May 2026"),
        ("numbered like #W2692684", "#W2692684"),
        ("has 15 free visits", "15 free visits"),
        ("and each 15 June", "15 June"),
        ("The kiln has 4 cyl", "4 cyl"),
    ],
)
def test_absent_values_are_others_of_the_same_form(quotation: str, proposed: str) -> None:
    right = value(quotation, proposed)
    wrong = absent(right)
    assert [stealth for stealth, _ in wrong] == [0, 1]
    for _, surface in wrong:
        assert surface not in TEXT
        assert value_of(right.kind, surface) not in (None, right.meaning)
        assert len(surface.split()) == len(proposed.split())


@pytest.mark.parametrize("day", ["June 30", "30 June", "Jan. 1st", "December 31"])
def test_another_day_of_the_year_is_a_day(day: str) -> None:
    right = Value(ClaimKind.date, day, value_of(ClaimKind.date, day), Span(start=0, end=len(day)))
    for seed in range(20):
        wrong = list(wrong_values(right.mention, day, Random(seed)))
        assert {stealth for stealth, _ in wrong} == {0, 1}
        assert all(value_of(ClaimKind.date, other) not in (None, right.meaning) for _, other in wrong)


def test_a_value_that_a_bracket_repeats_is_one_value() -> None:
    text = "A meeting is called by five percent (5%) of the members."
    found = value_in(text, Span(start=0, end=len(text)), "five percent (5%)")
    assert (found.kind, found.surface) == (ClaimKind.percent, "five percent")


def test_a_number_of_several_words_is_one_number() -> None:
    text = "It lasts up to one hundred eighty (180) days."
    found = value_in(text, Span(start=0, end=len(text)), "one hundred eighty (180) days")
    assert found.surface == "one hundred eighty (180) days"
    assert [number_in_digits(words) for words in (found.surface, "two hundred and five days")] == [
        "180 days",
        "205 days",
    ]


@pytest.mark.parametrize(
    ("other", "like", "surface"),
    [
        ("1 and 2 weeks", "3 to 4 weeks", "1 to 2 weeks"),
        ("90-day", "30 days", "90 days"),
        ("1-month", "30 days", "1 month"),
    ],
)
def test_a_value_of_elsewhere_is_spelled_so_that_it_stands_alone(other: str, like: str, surface: str) -> None:
    values = [
        Value(ClaimKind.duration, words, value_of(ClaimKind.duration, words), Span(start=0, end=1))
        for words in (other, like)
    ]
    assert as_alternative("elsewhere", Standing.elsewhere, 2, *values).forms[0] == surface


def test_what_is_free_costs_a_usual_amount_instead() -> None:
    for _, surface in absent(value("The bond is 0% for members", "0%")):
        assert 4 < float(surface.rstrip("%")) < 100


def test_an_identifier_keeps_its_length() -> None:
    assert {len(surface) for _, surface in absent(value("numbered like #W2692684", "#W2692684"))} == {9}


def test_words_alone_have_no_absent_values() -> None:
    assert absent(value("Call the night desk", "night desk")) == []


def test_values_of_like_size_are_comparable() -> None:
    right = value("Deposits: $40", "$40")
    assert {other.surface for other in comparable_values(TEXT, right, Random(1))} == {"$30.50", "$28"}


@pytest.mark.parametrize(
    ("kind", "other", "same"),
    [
        (ClaimKind.duration, "4 days", True),
        (ClaimKind.duration, "three to five days", True),
        (ClaimKind.duration, "96 hours", True),
        (ClaimKind.duration, "6 days", False),
        (ClaimKind.duration, "3 weeks", False),
        (ClaimKind.duration, "4 business days", False),
    ],
)
def test_a_value_within_the_range_is_no_wrong_one(kind: ClaimKind, other: str, same: bool) -> None:
    assert may_be_given_as(value("kept for 3 to 5 days", "3 to 5 days"), value_of(kind, other)) is same


def test_a_bare_number_takes_the_words_of_the_right_value() -> None:
    right, other = value("has 15 free visits", "15 free visits"), value("and 8 in winter", "8")
    assert as_alternative("elsewhere_1", Standing.elsewhere, 3, other, right).forms == ("8 free visits",)


@pytest.mark.parametrize(
    ("words", "gives"),
    [("how soon, within three to five days", True), ("how soon, in 3-5 days", True), ("how soon, in 3 days", False)],
)
def test_words_give_a_value_away_in_whatever_spelling(words: str, gives: bool) -> None:
    assert gives_away(words, value("kept for 3 to 5 days", "3 to 5 days")) is gives


def test_all_places_of_a_value_are_found() -> None:
    text = "Four percent now; later 4 % again, never 14%."
    assert [span.of(text) for span in places_of(text, value("interest runs at 4%", "4%"))] == ["Four percent", "4 %"]


def test_the_same_words_are_no_other_value() -> None:
    right = value("Call the night desk", "night desk")
    assert may_be_given_as(right, "night desk")
    assert not may_be_given_as(right, "day desk")


def test_a_value_with_emphasis_on_a_part_of_it_is_the_value_that_the_page_shows() -> None:
    text = "Keep **6** litres (*1.3* gallons) in the tank, and never more than **9** litres."
    quotation = locate(text, "Keep 6 litres (1.3 gallons) in the tank")
    assert quotation is not None
    found = value_in(text, quotation, "6 litres")
    assert (found.surface, found.span.of(text)) == ("6 litres", "**6** litres")
    assert [other.surface for other in comparable_values(text, found, Random(1))] == ["9 litres"]
    with pytest.raises(NoValue, match=r"is a part of \u201c\*\*6\*\* litres\u201d"):
        value_in(text, quotation, "6")


@pytest.mark.parametrize(
    ("kind", "surface", "step"),
    [
        (ClaimKind.duration, "45 minutes", 5),
        (ClaimKind.duration, "30 minutes", 5),
        (ClaimKind.duration, "48 hours", 24),
        (ClaimKind.duration, "21 days", 7),
        (ClaimKind.money, "$350", 5),
        (ClaimKind.money, "$4,000", 250),
        (ClaimKind.percent, "20%", 5),
        (ClaimKind.quantity, "200 grams", 25),
    ],
)
def test_a_wrong_number_is_as_round_as_the_right_one(kind: ClaimKind, surface: str, step: int) -> None:
    mention = Mention(kind, value_of(kind, surface), 0, len(surface))
    for seed in range(40):
        for _, wrong in wrong_values(mention, surface, Random(seed)):
            number = int(re.sub(r"\D", "", wrong))
            assert number % step == 0
            assert wrong != surface


def test_a_wrong_year_is_a_year() -> None:
    mention = Mention(ClaimKind.term, "spring of 2031", 0, 14)
    for seed in range(40):
        for _, wrong in wrong_values(mention, "spring of 2031", Random(seed)):
            assert 2025 < int(wrong.split()[-1]) < 2036


def test_a_range_from_nothing_stays_one() -> None:
    mention = Mention(ClaimKind.quantity, value_of(ClaimKind.quantity, "0 to 3 points"), 0, 13)
    for seed in range(20):
        for _, wrong in wrong_values(mention, "0 to 3 points", Random(seed)):
            assert re.fullmatch(r"0 to (?:[4-9]|12) points", wrong)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("45 minutes", "8 minutes", False),
        ("45 minutes", "30 minutes", True),
        ("10 minutes", "2 minutes", True),
        ("2 hours", "45 minutes", True),
        ("14 days", "30 days", True),
        ("14 days", "2 hours", False),
    ],
)
def test_a_round_time_is_not_mistaken_for_another(one: str, other: str, alike: bool) -> None:
    mentions = [Mention(ClaimKind.duration, value_of(ClaimKind.duration, text), 0, len(text)) for text in (one, other)]
    assert are_comparable(*mentions) is are_comparable(*reversed(mentions)) is alike
