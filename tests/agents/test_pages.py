"""Texts with marked places."""

from forge_agents.pages import pieces
from forge_arena.types import Span


def test_pieces_are_the_text_again_with_its_spans_marked() -> None:
    text = "It takes 5 days."
    assert pieces(text, (Span(start=9, end=15),)) == [("It takes ", False), ("5 days", True), (".", False)]
    assert pieces(text, ()) == [(text, False)]
    assert pieces(text, (Span(start=2, end=2),)) == [("It", False), ("", True), (" takes 5 days.", False)]
    overlapping = (Span(start=9, end=15), Span(start=9, end=10), Span(start=11, end=16))
    assert "".join(piece for piece, _ in pieces(text, overlapping)) == text
