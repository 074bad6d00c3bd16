"""A reader sees every character of a text, or its number."""

import pytest

from forge_arena.texts.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay \u202eyad 5\u202c now", "pay [U+202E]yad 5[U+202C] now"),
        ("\u2066a\u2069\u200f\u061c", "[U+2066]a[U+2069][U+200F][U+061C]"),
        ("a\u200bb\ufeff\x1b[2J\x00\x9b", "a[U+200B]b[U+FEFF][U+001B][2J[U+0000][U+009B]"),
        ("half \ud83d, \U000e0041 tag", "half [U+D83D], [U+E0041] tag"),
    ],
)
def test_what_has_no_picture_is_shown_by_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["a\tb\r\nc", "für €5 – ≤ 2", "שלום עולם", "👩\u200d🔬 می\u200cخواهم", ""])
def test_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
