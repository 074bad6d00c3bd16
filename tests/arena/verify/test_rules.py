"""Rules with the source at hand: what nobody was told is not demanded to the letter."""

import pytest

from forge_arena.types import Check, Domain, Scenario
from forge_arena.verify.passages import Passages
from forge_arena.verify.rules import read_rule

SOURCE = """The letter greets Ms Ana Roe by first name and ends with "Yours truly".
One recommendation is made in it. It speaks as "I".
Phone for replies: 0171 22 33. Our hive is described by the beekeeper."""


def scenario() -> Passages:
    return Passages(
        Scenario(family="f", domain=Domain.customer_support, task="Write.", source_material=SOURCE, claims=())
    )


@pytest.mark.parametrize(
    ("check", "phrases", "text", "kept", "doubtful"),
    [
        # What the phrases have in common is the name; the greeting words are examples.
        ("opens_with", ("Hi Ana", "Hello Ana"), "Good evening, Ana", True, False),
        ("opens_with", ("Hi Ana", "Hello Ana"), "Dear Ms Roe", False, False),
        # What the source says to the letter is demanded to the letter.
        ("closes_with", ("Yours truly",), "It was nice.\nBest wishes", False, False),
        ("closes_with", ("Yours truly",), "It was nice.\nYours truly,\nThe beekeeper", True, False),
        # The words of one line of the source are told as well.
        ("closes_with", ("Phone: 0171 22 33",), "It was nice.", False, False),
        # A name that stands nowhere cannot be demanded.
        ("closes_with", ("Zanele",), "It was nice.\nBest wishes", False, True),
        ("includes_any", ("we recommend", "we suggest"), "My recommendation: paint it.", True, False),
        ("includes_any", ("we recommend", "we suggest"), "Paint it.", False, False),
    ],
)
def test_a_demand(check: str, phrases: tuple[str, ...], text: str, kept: bool, doubtful: bool) -> None:
    reading = read_rule(Check(name=check, argument=phrases), text, scenario())
    assert (reading.kept, reading.doubtful) == (kept, doubtful)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("I looked at our hive.", True), ("I looked at our garden.", False), ("We looked at it, I think.", False)],
)
def test_words_of_the_source_are_not_the_authors_voice(text: str, kept: bool) -> None:
    assert read_rule(Check(name="first_person_singular"), text, scenario()).kept is kept
