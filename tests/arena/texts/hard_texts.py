"""Texts that are made to be hard to read: for tests of what reads texts."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

PIECES = st.sampled_from(
    ["$", "5", "12", "1,000", ".", "-", "/", " ", "%", "days", "business", "May", "2026", "section", "§", "v", "#", "R-1",
     "twenty", "-one", "hundred", "(", ")", "kg", "Act", "PEP", "million", "to", "and", "\n", "e.g.", "```", "İ", "ß", "٣"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join), st.lists(PIECES, max_size=60).map(" ".join)
)

adverse = pytest.mark.parametrize(
    "piece",
    ["1,", "1.", "5-", "$1 ", "1 to ", "section 1.1", "(a)", "A", "Act ", "The Big Old ", "R-1-", "twenty-", "one (1) ",
     "May ", "1/1/", "e.g. ", "A. ", "v", "#", "```\n", "\n", " ", "Mr. X v. ", "five business ", "§", "١", "I.J.", "\"'”"],
)  # fmt: skip


def assert_linear(read: Callable[[str], Any], piece: str) -> None:
    """Ten times as much of a piece costs ten times as much and some noise, but never the hundred of a square."""

    def cost(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        best = float("inf")
        for attempt in range(2):
            started = time.thread_time()
            read(text + "x" * attempt)  # Another text each time, because a text that was read before is remembered.
            best = min(best, time.thread_time() - started)
        return best

    cost(1_000)
    assert cost(100_000) < max(40 * cost(10_000), 0.5)
    assert cost(100_000) < 6.0
