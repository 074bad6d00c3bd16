"""The frame of a turned clause goes along with its new sense."""

import pytest

from forge_arena.corruptions.announced import announce, surely_said
from forge_arena.texts.fitting import Replacement
from forge_arena.texts.turning import is_turned

BAN = ("A guest must not take two", "A guest may take two")
DENIAL = ("A guest will not get a towel", "A guest will get a towel")
PERMIT = ("A late bill may bring a fee", "A late bill may not bring a fee")


def announced(statements: tuple[str, str], sentence: str, old: str, new: str) -> str | None:
    turned = is_turned(*statements)
    assert turned is not None
    start = sentence.index(old)
    made = announce(sentence, (Replacement(start, start + len(old), new),), turned)
    if made is None:
        return None
    for edit in reversed(made):
        sentence = sentence[: edit.start] + edit.text + sentence[edit.end :]
    return sentence


@pytest.mark.parametrize(
    ("statements", "sentence", "old", "new", "wanted"),
    [
        (
            BAN,
            "A guest can take a towel, but he must not take two.",
            "must not",
            "may",
            "A guest can take a towel, and he may take two.",
        ),
        (
            DENIAL,
            "One caveat: if you are late, you will not get a towel.",
            "will not get",
            "will get",
            "If you are late, you will get a towel.",
        ),
        (
            DENIAL,
            "The good news is that you will not get a towel.",
            "will not get",
            "will get",
            "You will get a towel.",
        ),
        (DENIAL, "Note: you will not get a towel.", "will not get", "will get", "Note: you will get a towel."),
        (PERMIT, "A late bill may bring a fee.", "may", "may not", "A late bill will not bring a fee."),
        (PERMIT, "A member may bring a dog.", "may", "may not", "A member may not bring a dog."),
        (PERMIT, "Dogs may be brought along.", "may", "may not", "Dogs may not be brought along."),
        (BAN, "Towels are free, whereas he must not take two.", "must not", "may", None),
        (BAN, "But he must not take two.", "must not", "may", None),
    ],
)
def test_what_announces_a_clause_announces_its_new_sense(
    statements: tuple[str, str], sentence: str, old: str, new: str, wanted: str | None
) -> None:
    assert announced(statements, sentence, old, new) == wanted


def test_a_statement_of_what_can_happen_is_surely_denied() -> None:
    assert surely_said(*PERMIT) == "A late bill will not bring a fee"
    assert surely_said("A member may swim", "A member may not swim") == "A member may not swim"
