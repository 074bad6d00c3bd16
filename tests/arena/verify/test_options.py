"""Options that are named in other forms, turned down, or merely described."""

import pytest

from forge_arena.types import Alternative, Standing
from forge_arena.verify.options import commits, denies, is_only_imagined, option_in, supposes


def alternative(*forms: str) -> Alternative:
    return Alternative(name="it", standing=Standing.right, forms=forms)


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("We are repairing the pump this week.", True),
        ("You could repair the pump.", True),
        ("As the pump is ours, we repair it.", True),
        ("We gladly repair it.", True),
        ("Repairing it costs more than the sum up to which we repair.", False),
        ("It takes 6 days, repairing 8 pumps.", False),
    ],
)
def test_an_option_of_one_word_is_named_by_an_act(sentence: str, named: bool) -> None:
    assert (option_in(sentence, alternative("a repair")) is not None) is named


@pytest.mark.parametrize(
    ("sentence", "words", "denied"),
    [
        ("We cannot offer a swap.", "a swap", True),
        ("We offer a swap.", "a swap", False),
        ("A swap is ruled out.", "A swap", True),
        ("We pay rather than a swap.", "a swap", True),
        ("We don't repair, but a swap is fine.", "a swap", False),
        ("No other pump is as quiet: the next best, the Halden, reaches 40 dB.", "Halden", True),
        ("The second-quietest is the Halden.", "Halden", True),
        ("The Halden is the best, and the next best is too loud.", "Halden", False),
    ],
)
def test_an_option_may_be_turned_down(sentence: str, words: str, denied: bool) -> None:
    at = sentence.index(words)
    assert denies(sentence, at, at + len(words)) is denied


@pytest.mark.parametrize(
    ("sentence", "words", "commitment"),
    [
        ("You will get a swap.", "a swap", True),
        ("We offer you a swap.", "a swap", True),
        ("A swap was thought too dear.", "A swap", False),
        ("The shop down the road would offer a swap.", "a swap", False),
    ],
)
def test_writer_and_reader_commit(sentence: str, words: str, commitment: bool) -> None:
    assert commits(sentence, sentence.index(words)) is commitment


@pytest.mark.parametrize(
    ("sentence", "imagined"),
    [
        ("A swap would cost more.", True),
        ("A swap of the pump could take weeks.", True),
        ("I would offer a swap.", False),
        ("A swap is due.", False),
    ],
)
def test_what_an_option_would_do_is_only_imagined(sentence: str, imagined: bool) -> None:
    assert is_only_imagined(sentence, sentence.index("swap") + 4) is imagined


def test_a_case_that_is_supposed_is_no_act() -> None:
    assert supposes("If the pump were new, there would be a swap.")
    assert not supposes("There is a swap.")
