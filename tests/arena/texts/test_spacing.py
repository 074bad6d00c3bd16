"""Spaces and line breaks that change nothing."""

import pytest

from forge_arena.texts.spacing import exchanged, plain_spaces, unwrapped
from forge_arena.verify import Verifier

from ..verify.test_prose import ALLOTMENT, REST, START

LONG = "This line is so long that whoever wrote it broke it at a"


@pytest.mark.parametrize(
    ("text", "plain"), [("5\u00a0days\r\n", "5 days \n"), ("R\u20111", "R-1"), ("5 days\n", "5 days\n")]
)
def test_odd_spaces_and_hyphens_become_plain_ones(text: str, plain: str) -> None:
    assert plain_spaces(text) == plain


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (f"{LONG}\nplace between two words.", False),
        (f"{LONG}\n26 June, which is a day.", False),
        (f"{LONG}.\nA new sentence.", True),
        (f"{LONG}\n- an item", True),
        (f"{LONG}\n2. an item", True),
        (f"{LONG}\n\nA new paragraph.", True),
        ("A short heading\nA sentence.", True),
    ],
)
def test_only_a_wrapped_line_is_joined(text: str, same: bool) -> None:
    joined = unwrapped(text)
    assert (joined == text) is same
    assert len(joined) == len(text)


def test_an_answer_with_odd_spaces_and_wrapped_lines_is_read_as_any_other() -> None:
    answer = START + REST.replace("6 weeks", "6\u00a0weeks").replace(
        ". You", ". In all the rest of the year you"
    ).replace(" to let", "\nto let")
    report = Verifier(ALLOTMENT).verify(answer.replace("\n", "\r\n"))
    assert report.clean, report.broken


def test_signs_are_exchanged_one_for_one() -> None:
    assert exchanged("\u201cno\u201d \u2013 no", {"\u201c": '"', "\u201d": '"', "\u2013": "-"}) == '"no" - no'
