"""What a page shows of a text: emphasis is seen through, and a place in what is shown is a place in the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_arena.texts.emphasis import shown, without_emphasis
from forge_arena.texts.values import mentions

from .hard_texts import assert_linear


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("**4** jars a *week*", "4 jars a week"),
        ("__4__ jars a _week_", "4 jars a week"),
        ("the key `dry_run` is ***off***", "the key dry_run is off"),
        ("**up to *9* jars**", "up to 9 jars"),
        ("a `30`-day loan for $**45**", "a 30-day loan for $45"),
    ],
)
def test_marks_in_pairs_are_not_seen(text: str, seen: str) -> None:
    assert without_emphasis(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "2*3*4 jars, or 2 * 3 * 4",
        "* 4 jars\n* 5 jars",
        "max_size and min_size",
        "A jar costs $4*, a lid $1*.",
        "a fee* of $5 and a cost* of $6",
        r"\*4\* jars",
    ],
)
def test_other_stars_and_underscores_stay(text: str) -> None:
    assert without_emphasis(text) == text


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("at most **4** litres each", "**4** litres"),
        ("at most **4 litres** each", "4 litres"),
        ("**at most 4** litres each", "4** litres"),
        ("a `30`-day loan", "`30`-day"),
        ("from *3* March **2031** on", "*3* March **2031**"),
        ("a fee of $__45__", "$__45__"),
    ],
)
def test_a_value_is_read_through_the_emphasis_of_a_part_of_it(text: str, surface: str) -> None:
    (mention,) = mentions(text)
    assert text[mention.start : mention.end] == surface
    assert mention.value == mentions(without_emphasis(text))[0].value


@given(st.text("*_`a1 \\\n"))
@settings(max_examples=200)
def test_each_character_that_is_shown_stands_at_its_place(text: str) -> None:
    seen = shown(text)
    assert "".join(text[at] for at in seen.origins) == seen.text


@pytest.mark.parametrize("piece", ["*a ", "*a *b* c* ", "`a_b_ ", "**a* ", "_4_ days "])
def test_the_time_is_linear(piece: str) -> None:
    assert_linear(lambda text: shown(text).text, piece)
