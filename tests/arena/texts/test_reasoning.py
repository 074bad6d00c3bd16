"""Steps of a chain of thought: the unit in which the first corrupted one is named."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_arena.texts.reasoning import steps


def shown(reasoning: str) -> list[str]:
    return [span.of(reasoning) for span in steps(reasoning)]


@pytest.mark.parametrize(
    ("reasoning", "wanted"),
    [
        ("", []),
        (" \n\n ", []),
        ("It is 5 days.", ["It is 5 days."]),
        ("It is 5 days. The fee is $4.50. So be it.", ["It is 5 days.", "The fee is $4.50.", "So be it."]),
        ("1. It is 5 days. Surely.\n2. The fee is $4.50.", ["1. It is 5 days. Surely.", "2. The fee is $4.50."]),
        ("First. And more.\n\nSecond.\n", ["First. And more.", "Second."]),
        ("\nOne line. Two sentences.\n", ["One line.", "Two sentences."]),
    ],
)
def test_steps_are_lines_where_there_are_several_and_else_sentences(reasoning: str, wanted: list[str]) -> None:
    assert shown(reasoning) == wanted


@given(st.text(st.sampled_from("ab .!?\n1$,"), max_size=80))
def test_steps_stand_in_order_hold_something_and_leave_nothing_out(reasoning: str) -> None:
    spans = steps(reasoning)
    assert all(span.of(reasoning).strip() for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert "".join("".join(shown(reasoning)).split()) == "".join(reasoning.split())
