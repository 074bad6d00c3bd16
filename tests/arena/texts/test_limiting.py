"""What is cut out must not have limited what stays."""

import pytest

from forge_arena.texts.cutting import cuts
from forge_arena.texts.limiting import limits


def limiting(text: str, piece: str) -> bool:
    at = text.index(piece)
    return limits(text, at, at + len(piece))


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("You may film in the hall, provided that nobody objects.", ", provided that nobody objects"),
        ("Dogs are welcome, as long as they are on a lead; cats stay out.", ", as long as they are on a lead"),
        ("The kiln may be used after the course of Ms Ode.", " after the course of Ms Ode"),
        ("The pass is issued by the warden.", " by the warden"),
        ("The hall is free on weekdays from 7:00 AM (until 6:00 PM).", " (until 6:00 PM)"),
        ("A stall is free (if you are a member).", " (if you are a member)"),
        ("A ruling may be appealed within 9 days.", " within 9 days"),
        ("You may bring a guest, but only on a Sunday.", ", but only on a Sunday"),
        ("You may bring a drone; it must not fly over the tents.", "; it must not fly over the tents"),
        ("You may bring a drone. It must not fly over the tents. Tea is free.", " It must not fly over the tents."),
        ("A drone may be flown. That is only so on the heath. Tea is free.", " That is only so on the heath."),
    ],
)
def test_a_condition_a_time_or_an_agent_limits_what_is_said(text: str, piece: str) -> None:
    assert limiting(text, piece)


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("Tea costs $4 (section 3).", " (section 3)"),
        ("Tea costs $4, as section 3 says, and cake $5.", ", as section 3 says,"),
        ('Tea costs $4 (see "Prices").', ' (see "Prices")'),
        ("Tea costs $4, and the cake weighs 2 kg.", ", and the cake weighs 2 kg"),
        ("The lid weighs 2 kg and has a bolt.", " and has a bolt"),
        ("The minutes were approved (31 votes).", " (31 votes)"),
        ("The hut is shut, because the roof leaks.", ", because the roof leaks"),
        ("The card, a Visa ending 5449, is not valid.", ", a Visa ending 5449,"),
        ("You must ring first. The bell weighs 3 kg. Tea is free.", " The bell weighs 3 kg."),
        ("Tea is free. It comes with 2 biscuits. Ring first.", " It comes with 2 biscuits."),
    ],
)
def test_an_addition_limits_nothing(text: str, piece: str) -> None:
    assert not limiting(text, piece)


def cut_at(text: str, words: str) -> set[str]:
    at = text.index(words)
    return {text[: cut.start] + cut.text + text[cut.end :] for cut in cuts(text, at, at + len(words))}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The lodger could ask the board for a pass; that costs $7 and has to be filed early.", "$7"),
        ("The board says that the pass costs $7 and has to be asked in March.", "$7"),
        ("You need 7 spoons of jam and, for the top, one of your 5 plums.", "5 plums"),
        ("The pass is issued by the warden.", "the warden"),
        ("A third visit is dear, and the fee for it is $35 (a second one would be $15).", "$35"),
        ("A vote can be contested within 30 minutes after it, and only in the hall.", "30 minutes"),
        ("The old valves are worn out and scheduled for removal in 2031.", "2031"),
    ],
)
def test_no_cut_leaves_words_without_what_they_belong_to(text: str, words: str) -> None:
    whole = {"The lodger could ask the board for a pass.", "A third visit is dear."}
    assert cut_at(text, words) <= whole


def test_a_subject_of_two_verbs_keeps_either() -> None:
    assert "The lid has a bolt." in cut_at("The lid weighs 2 kg and has a bolt.", "2 kg")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We give three prizes: $25 (gold), $15 (silver) and $5 (tin).", "$25"),
        ("There are four things to know:\n\n- Tea costs $4.\n- Cake costs $5.\n- Ring first.\n- Come early.", "$5"),
        ("Here are the 3 rules for guests.\n\n1. Ring first.\n2. Come early.\n3. Leave by 9 pm.", "9 pm"),
    ],
)
def test_no_item_goes_that_was_counted(text: str, words: str) -> None:
    assert cut_at(text, words) == set()


def test_an_item_that_nobody_counted_goes() -> None:
    text = "Some things to know for your visit:\n\n- Tea costs $4.\n- Cake costs $5.\n- Ring first.\n- Come early."
    assert cut_at(text, "$5") == {text.replace("\n- Cake costs $5.", "")}
