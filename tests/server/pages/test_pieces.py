"""Texts in pieces, and the explanation that marks make."""

import pytest

from forge_arena.rewards import quotes_in
from forge_server.pages.pieces import Pieces, explain, quote

LETTER = "Dear Ms Li,\n\nYour refund is $5.00. It takes 3 days (Mr. Ray said so).\n- First item\n\nBye."
REVIEW = "Take this:\n```python\ndef half(n):\n    return n / 2\n\n```\nIt is shorter."


def words(text: str) -> list[str]:
    return [piece.words for piece in Pieces.of(text).pieces]


def test_a_piece_is_a_sentence_or_a_line_of_code() -> None:
    assert words(LETTER) == [
        "Dear Ms Li,",
        "Your refund is $5.00.",
        "It takes 3 days (Mr. Ray said so).",
        "- First item",
        "Bye.",
    ]
    assert words(REVIEW) == ["Take this:", "def half(n):", "return n / 2", "It is shorter."]


def test_what_says_nothing_is_no_piece() -> None:
    assert words("One.\n---\n+\n```\n}\n```\nTwo.") == ["One.", "Two."]


@pytest.mark.parametrize(
    "text", [LETTER, REVIEW, "", "\n\n", "no stop", "  indented\r\nand \u2028 odd \u00e9\u0301 ends \n"]
)
def test_the_pieces_and_what_stands_between_them_are_the_whole_text(text: str) -> None:
    cut = Pieces.of(text)
    assert "".join(piece.before + piece.words for piece in cut.pieces) + cut.after == text
    assert [piece.number for piece in cut.pieces] == list(range(1, len(cut.pieces) + 1))


def test_marks_are_quoted_by_their_numbers_and_a_number_without_a_piece_marks_nothing() -> None:
    assert Pieces.of(LETTER).marked({2, 5, 77}) == ["Your refund is $5.00.", "Bye."]


@pytest.mark.parametrize("words", ["3 days", 'the "new" rule', "he said \u201cno\u201d", 'both "a" and \u201cb\u201d'])
def test_the_grader_reads_a_quotation_as_the_words(words: str) -> None:
    assert list(quotes_in(f"it says {quote(words)}; not so")) == [words.strip('"\u201c\u201d')]


def test_an_explanation_says_the_type_and_quotes_the_marks() -> None:
    made = explain("temporal_shift", ["It takes 3 days."], ['"Since May" 5 days.'])
    assert made == 'temporal_shift: the answer says "It takes 3 days"; the source says \u201c"Since May" 5 days\u201d.'
    assert explain("", ["One."], []) == 'The answer says "One".'
    assert explain("bias_injection", [], []) == "bias_injection."
    assert explain("", [], []) == ""
