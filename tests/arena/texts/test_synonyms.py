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


@pytest.mark.parametrize(
    "text",
    [
        "A ladder must be tied.",
        "Before dusk, the loan of two ladders must be ended.",
        "If it rains, your tent must be dried.",
    ],
)
def test_a_verb_changes_where_its_subject_is_surely_one(text: str) -> None:
    assert text.replace("must be", "has to be") in said_otherwise(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ladders must be tied.",
        "Ladders on a wall must be tied.",
        "- On a Sunday, tents must be dried.",
        "The ladder and the rope must be tied.",
        "The ladders, and any rope, must be tied.",
        "The two ladders must be tied.",
        "All of the glass must be tied.",
        "A lot of tents must be dried.",
        "The tents that a guest must be lent come first.",
        "Those who borrow it must ring first.",
        "The tents cost £4 each and weigh little.",
        "You pay for each of them.",
    ],
)
def test_a_verb_stays_where_its_subject_may_be_many(text: str) -> None:
    assert said_otherwise(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "The valve is in effect shut.",
        "The police came out in force that night.",
        "Offers are accepted by post.",
        "The debt is settled in cash.",
        "The meeting is held in May.",
        "Nine of every ten seeds sprout.",
        "Six of each ten seeds sprout.",
        "Make every effort to come.",
        "Turn it every four hours.",
        "Get the train to Leeds.",
        "You get the hang of it.",
        "Two riders at once are too heavy.",
        "We pay for all of it at once.",
        "Settle the full rent immediately.",
        "They each hold a key.",
        "The partners each hold a key.",
        "You can save $5 on it.",
        "The lamp may be damaged.",
        "We have checked that it works.",
        "Stop immediately after the bell.",
        "It ended without just cause.",
        "Do not drive while tired.",
        "Hold it while we look.",
        "The train is due at noon.",
        "We would like to thank you for the tea.",
        "Many thanks for the tea.",
        "We are sorry for your loss.",
        "Back in a few days.",
        "He came in time.",
        "You may feel sick.",
        "The road runs for 5 miles.",
        "The dog calls for a bone.",
    ],
)
def test_a_fixed_phrase_and_another_sense_stay(text: str) -> None:
    assert said_otherwise(text) == set()


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("The rule is in force.", "The rule is in effect."),
        ("The rule is in force from May.", "The rule is in effect from May."),
        ("Every member has a key.", "Each member has a key."),
        ("You receive a refund.", "You get a refund."),
        ("Ring us at once.", "Ring us immediately."),
        ("To join, simply write to us.", "To join, just write to us."),
        ("Tea is free, while cake costs $3.", "Tea is free, whereas cake costs $3."),
        ("The rent is due on Monday.", "The rent is payable on Monday."),
        ("A copy is kept for a year.", "A copy is held for a year."),
        ("Thank you for the tea.", "Thanks for the tea."),
        ("It lasts 3 hours.", "It runs for 3 hours."),
    ],
)
def test_the_plain_sense_is_still_said_otherwise(one: str, another: str) -> None:
    assert another in said_otherwise(one)
    assert one in said_otherwise(another)


@pytest.mark.parametrize(
    "text",
    [
        "No reason has to be given.",
        "No reason must be given.",
        "Nothing can be renewed.",
        "There is nothing that you can take.",
        "You must not park there.",
        "Neither the owner, if absent, nor a guest has to be asked.",
        "It is not open to anyone who swims.",
    ],
)
def test_what_demands_or_allows_stays_beside_a_denial(text: str) -> None:
    assert said_otherwise(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "You may forfeit the deposit.",
        "You may lose a finger.",
        "The deposit may be forfeited.",
        "Trains may be delayed.",
        "One rower from each member club rows.",
        "Each half is paid in cash.",
        "Every part weighs a kilo.",
        "Do you have to pay in cash?",
        "Do you need to pay in cash?",
        "You must also pay in cash.",
        "Hello Ms Lund,",
        "We might as well.",
        "It is too hot.",
        "On the whole it is hot.",
        "Tea is not free of charge.",
    ],
)
def test_a_risk_a_part_and_a_question_stay(text: str) -> None:
    assert said_otherwise(text) == set()


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("A reason has to be given.", "A reason must be given."),
        ("She must ring first.", "She has to ring first."),
        ("You need to ring first.", "You have to ring first."),
        ("The list leaves out the tea.", "The list omits the tea."),
        ("Hi Ada,\n", "Hello Ada,\n"),
        ("All the best,\nAda", "Best wishes,\nAda"),
        ("Please note that tea is hot.", "Note that tea is hot."),
        ("If you have questions, ring.", "Should you have questions, ring."),
        ("It is hot too.", "It is hot as well."),
        ("Tea is free of charge.", "Tea is at no charge."),
        ("You may cancel by post.", "You can cancel by post."),
        ("Seats may be cancelled by post.", "Seats can be cancelled by post."),
        ("Each visitor pays in cash.", "Every visitor pays in cash."),
        ("No fee is charged, and you must ring.", "No fee is charged, and you have to ring."),
    ],
)
def test_what_nothing_denies_is_said_otherwise(one: str, another: str) -> None:
    assert another in said_otherwise(one)
    assert one in said_otherwise(another)
