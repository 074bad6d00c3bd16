"""Other words of the same meaning, in both directions."""

import pytest

from forge_arena.texts.synonyms import other_words


def said_otherwise(text: str) -> set[str]:
    return {text[: other.start] + other.text + text[other.end :] for other in other_words(text)}


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("It is £5 a month.", "It is £5 per month."),
        ("You get the key.", "You receive the key."),
        ("You must ring first.", "You have to ring first."),
        ("Kind regards", "Best regards"),
    ],
)
def test_each_way_of_saying_it_gives_the_other(one: str, another: str) -> None:
    assert another in said_otherwise(one)
    assert one in said_otherwise(another)


@pytest.mark.parametrize(
    "text", ["It renews for a year at a time.", "A minute passed.", "The council must ring first."]
)
def test_words_that_only_look_alike_stay(text: str) -> None:
    assert said_otherwise(text) == set()
