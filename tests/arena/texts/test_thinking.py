"""The marks around a model's thoughts: which there are, which belong together, and what only looks like one."""

import time

import pytest

from forge_arena.texts.thinking import marks, thoughts_end


@pytest.mark.parametrize("name", ["think", "Thinking", "THOUGHT", "thoughts", "reasoning", "reflection", "scratchpad"])
@pytest.mark.parametrize(
    ("opens", "closes"),
    [("<{}>", "</{}>"), ("◁{}▷", "◁/{}▷"), ("<|begin_of_{}|>", "<|end_of_{}|>"), ("<|START_{}|>", "<|END_{}|>")],
)
def test_a_tag_is_a_bracket_and_a_name_in_any_case(name: str, opens: str, closes: str) -> None:
    text = f"a{opens.format(name)}b{closes.format(name.upper())}c"
    first, last = marks(text)
    assert (first.closes, last.closes) == (False, True)
    assert (text[: first.start], text[first.end : last.start], text[last.end :]) == ("a", "b", "c")
    assert thoughts_end(text, first) == last.end


@pytest.mark.parametrize(
    "text",
    ["[Analysis]", "[reasoning] it says", "<thin>", "<thinker>", "`<think>`", "'</think>'", "an analysis", "<channel>"],
)
def test_what_only_looks_like_a_mark_is_none(text: str) -> None:
    assert list(marks(text)) == []


def test_thoughts_end_with_a_mark_of_the_same_kind() -> None:
    text = "<think>a</reasoning>b[/THINK]c"
    opening = next(marks(text))
    assert thoughts_end(text, opening) == text.index("c")
    assert thoughts_end(text[:-10], opening) is None


@pytest.mark.parametrize(
    "unit", ["<", "<|", "[", "◁", "<think>", "</think>", "<|channel|>", "<|end|>", " ", "a:", "Here is my "]
)
def test_a_flood_costs_linear_time(unit: str) -> None:
    flood = unit * (500_000 // len(unit))
    began = time.thread_time()
    sum(1 for _ in marks(flood))
    assert time.thread_time() - began < 2.0
