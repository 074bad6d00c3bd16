"""What can stand in the place of a right value: English, false, and possible."""

import pytest

from forge_arena.documents.standing_in import Place
from forge_arena.documents.values import Value, value_in
from forge_arena.types import Span


def value(words: str) -> Value:
    return value_in(words, Span(start=0, end=len(words)), words)


def place(statement: str, words: str, task: str = "Answer the member.") -> Place:
    return Place(statement, task, "the point", statement, value_in(statement, Span(start=0, end=len(statement)), words))


@pytest.mark.parametrize(
    ("statement", "words", "other", "reason"),
    [
        ("A loan lasts 3 weeks.", "3 weeks", "1 to 2 weeks", "it is a range"),
        ("A loan lasts 7 to 14 days.", "7 to 14 days", "30 days", "it is a single value"),
        ("You pay it back over 12 or 18 months.", "12 or 18 months", "24 months", "it is a single value"),
        ("Rent is due on 1 May 2026.", "1 May 2026", "15 June", "other parts of a date"),
        ("Give at least 72 hours but no more than 10 days of notice.", "72 hours", "90 days", "the other end"),
        ("Give at least 72 hours but no more than 10 days of notice.", "10 days", "2 days", "the other end"),
    ],
)
def test_a_value_that_cannot_stand_there_is_none(statement: str, words: str, other: str, reason: str) -> None:
    assert reason in (place(statement, words).why_not(value(other)) or "")


@pytest.mark.parametrize(
    ("task", "statement", "words", "other", "fits"),
    [
        ("The saw is 50 days late.", "After 42 days you pay for the saw.", "42 days", "84 days", False),
        ("The saw is 50 days late.", "After 42 days you pay for the saw.", "42 days", "21 days", True),
        ("He writes on July 18.", "A ticket can be handed on until July 22.", "July 22", "July 15", False),
        ("He writes on July 18.", "A ticket can be handed on until July 22.", "July 22", "July 29", True),
        ("He wants two days off.", "A leave lasts up to 72 hours.", "72 hours", "24 hours", False),
        ("He has 5 guests.", "After 42 days you pay for the saw.", "42 days", "84 days", True),
    ],
)
def test_no_value_of_the_task_lies_between_a_right_and_a_wrong_value(
    task: str, statement: str, words: str, other: str, fits: bool
) -> None:
    assert (place(statement, words, task).why_not(value(other)) is None) is fits


@pytest.mark.parametrize(
    ("statement", "words", "others", "wanted"),
    [
        ("Logs are kept for at least 6 months.", "6 months", ["2 months", "9 months"], ["9 months"]),
        ("Logs are kept for 2 years at the most.", "2 years", ["3 years", "1 year"], ["1 year"]),
        ("A loan lasts 3 weeks.", "3 weeks", ["2 weeks", "5 weeks"], ["2 weeks", "5 weeks"]),
        ("Give at least 6 weeks of notice.", "6 weeks", ["2 weeks"], ["2 weeks"]),
    ],
)
def test_a_bound_moves_to_the_side_that_contradicts_it(
    statement: str, words: str, others: list[str], wanted: list[str]
) -> None:
    chosen = place(statement, words).contradicting_first(value(other) for other in others)
    assert [other.surface for other in chosen] == wanted
