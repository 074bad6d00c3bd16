"""Values that are said without a number."""

import pytest

from forge_arena.texts.values import same_amount, value_of
from forge_arena.types import ClaimKind
from forge_arena.verify.spoken import spoken_values, units_of


@pytest.mark.parametrize(
    ("words", "kind", "numbers"),
    [
        ("for a year", ClaimKind.duration, "12 months"),
        ("within a fortnight", ClaimKind.duration, "14 days"),
        ("half an hour", ClaimKind.duration, "30 minutes"),
        ("half a year", ClaimKind.duration, "6 months"),
        ("half a day", ClaimKind.duration, "12 hours"),
        ("a whole day", ClaimKind.duration, "1440 minutes"),
        ("half of it", ClaimKind.percent, "50%"),
        ("three quarters of the price", ClaimKind.percent, "75%"),
    ],
)
def test_words_mean_the_same_as_numbers(words: str, kind: ClaimKind, numbers: str) -> None:
    assert [(value.kind, value.value) for value in spoken_values(words)] == [
        (kind, same_amount(value_of(kind, numbers)))
    ]


@pytest.mark.parametrize(
    "words", ["the halfway house", "a dayroom", "years ago", "£64 a year", "the yearly fee", "each day"]
)
def test_other_words_mean_no_value(words: str) -> None:
    assert spoken_values(words) == ()


def test_a_unit_is_spoken_of_in_any_way() -> None:
    assert units_of("£64 a year") == units_of("a yearly fee") == units_of("each year") != units_of("each day")
