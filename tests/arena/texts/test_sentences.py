"""Sentences end where a reader ends them, positions survive lower case, and whole words are told from parts of words."""

import pytest
from hypothesis import given, settings

from forge_arena.texts.sentences import contains_whole, is_whole, lower, sentences, whole_starts_of

from .hard_texts import TEXTS, adverse, assert_linear


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
        ("for 10,000 loans", "10", False),
        ("for 10,000 loans", "000", False),
        ("for 10,000 loans", "10,000", True),
        ("in 3,4 and 5", "3", True),
        ("in 2030, 400 loans", "2030", True),
    ],
)
def test_whole_words_numbers_and_citations(text: str, part: str, whole: bool) -> None:
    at = text.index(part)
    assert is_whole(text, at, at + len(part)) is whole


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


@adverse
def test_the_cost_is_linear_in_an_adverse_text(piece: str) -> None:
    assert_linear(sentences, piece)


def test_whole_words_are_found_at_every_place_but_not_inside_longer_ones() -> None:
    text = "a voucher, vouchers and one voucher; section 3.2 and section 3.21"
    assert list(whole_starts_of(text, "voucher")) == [2, text.rindex("voucher")]
    assert contains_whole(text, "section 3.2")
    assert not contains_whole(text, "section 3")
    assert not contains_whole(text, "refund")
