"""An edit that tears a text is known by what it leaves: half a bracket, half a number, two signs in a row."""

import re

import pytest

from forge_arena.texts.seams import END, WORDS, tears

CLEAN = 'You get a gift card, since it was lost (6.7). We "hold" 2.5 kg of it (see 6.8), i.e. a box; write `a, , b`.'


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (", since it was lost (6", ""),
        ("a box; ", "a box;; "),
        ("card, since", "card,, since"),
        ("see 6.8", ""),
        ('"hold"', '"hold'),
        ("gift card,", "gift gift card,"),
        (" kg of it", "  kg of it"),
        (", since it was lost (6.7)", ". since it was lost"),
    ],
)
def test_a_tear_is_seen(words: str, instead: str) -> None:
    assert words in CLEAN
    assert tears(CLEAN, CLEAN.replace(words, instead))


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("a gift card, since it was lost", "a refund"),
        (" (6.7)", ""),
        ("6.7", "section 6.19"),
        ('"hold"', "hold"),
        ("`a, , b`", "`b, , a`"),
        ("You get", "1. You get"),
    ],
)
def test_a_whole_edit_tears_nothing(words: str, instead: str) -> None:
    assert words in CLEAN
    assert not tears(CLEAN, CLEAN.replace(words, instead))


def test_what_was_torn_before_is_the_authors() -> None:
    assert not tears("a) first, , then", "a) first, , now")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("since it was lost (6.7). We wait.", "since it was lost"),
        ("since rule 6.7 says so. We wait.", "since rule 6.7 says so"),
        ("since it runs on 3.9; a loop waits.", "since it runs on 3.9"),
        ("since 4.2 kg (see 6.7) are lost.", "since 4.2 kg (see 6.7) are lost"),
    ],
)
def test_words_end_at_the_end_of_the_sentence(text: str, words: str) -> None:
    match = re.match(rf"{WORDS}{END}", text)

    assert match is not None
    assert match[0] == words
