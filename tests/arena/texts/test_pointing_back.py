"""Words that have a sense only behind what stands before them."""

import pytest

from forge_arena.texts.cutting import cuts
from forge_arena.texts.ordering import reorderings
from forge_arena.texts.pointing_back import leaves_unknown, points_back


@pytest.mark.parametrize(
    "text",
    [
        "We answer such letters within a week.",
        "There is no charge on top of that.",
        "You keep both of them.",
        "For anything heavier than a cat we charge more.",
        "For stays that are longer, ask us.",
        "The rest is paid back.",
        "Each half is paid in May.",
        "Just send the form to us.",
    ],
)
def test_a_reader_would_ask_which(text: str) -> None:
    assert points_back(text)


@pytest.mark.parametrize(
    "text",
    [
        "The pass is no longer valid.",
        "Groups of ten or more pay less than half.",
        "The rest of the fee is paid back.",
        "Bring things such as a towel.",
        "Just in case, bring a towel.",
        "Each guest brings a towel.",
        "Please ask for more information.",
    ],
)
def test_a_sentence_that_says_which_stands_alone(text: str) -> None:
    assert not points_back(text)


def test_a_sentence_on_which_another_leans_is_not_cut() -> None:
    text = (
        "Dear guest,\n\nThe pool is open. Letters go to the desk by noon. We answer such letters within a week.\n\nBye"
    )
    start = text.index("by noon")

    assert not any("Letters" not in text[: c.start] + text[c.end :] for c in cuts(text, start, start + len("by noon")))


def test_two_clauses_keep_their_order_if_the_second_points_back() -> None:
    assert list(reorderings("The deposit is £90, and the rest is paid back.")) == []


@pytest.mark.parametrize(
    ("known", "wanted"), [("What happens at the pool?", True), ("How do I write a request?", False)]
)
def test_a_thing_that_only_the_cut_introduced_is_unknown(known: str, wanted: bool) -> None:
    text = "Hello. A request goes to the desk by noon. The request must name the pool."
    start, end = text.index("A request"), text.index("The request")

    assert leaves_unknown(text, [(start, end)], known) is wanted


def test_a_thing_that_is_named_with_what_it_is_of_is_known() -> None:
    text = "Hello. A request goes to the desk by noon. The request of a guest counts."
    start, end = text.index("A request"), text.index("The request")

    assert not leaves_unknown(text, [(start, end)], "What happens at the pool?")
