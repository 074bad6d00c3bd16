"""The nearest known name is suggested, and nothing if none is near."""

from enum import StrEnum

import pytest

from forge_arena.suggest import did_you_mean


class Colour(StrEnum):
    red = "red"
    green = "green"


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("rule", " Did you mean 'rules'?"),
        ("always_claen", " Did you mean 'always_clean'?"),
        ("techer", " Did you mean 'teacher'?"),
        ("qqq", ""),
        ("", ""),
    ],
)
def test_the_nearest_known_name_is_suggested(name: str, suggestion: str) -> None:
    assert did_you_mean(name, ("teacher", "always_clean", "rules")) == suggestion


def test_members_of_an_enum_are_names() -> None:
    assert did_you_mean("gren", Colour) == " Did you mean 'green'?"


def test_nothing_known_suggests_nothing() -> None:
    assert did_you_mean("rules", ()) == ""
