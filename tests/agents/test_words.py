"""Counts and reasons in words."""

import pytest

from forge_agents.words import common_reasons, counted


@pytest.mark.parametrize(("count", "words"), [(0, "0 families"), (1, "1 family"), (2, "2 families")])
def test_a_count_has_its_noun_in_the_right_number(count: int, words: str) -> None:
    assert counted(count, "family", "families") == words
    assert counted(count, "day") == words.replace("families", "days").replace("family", "day")


def test_the_commonest_reasons_come_first_and_nothing_is_said_without_a_reason() -> None:
    assert (
        common_reasons(["away", None, "busy", "away", "", "cut", "cut", "cut", "slow"]) == "cut (3), away (2), busy (1)"
    )
    assert common_reasons([None, ""]) == ""
