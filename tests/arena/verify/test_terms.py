"""Terms and options in other words, with the denials and exchanged roles that change their meaning."""

import pytest

from forge_arena.types import Alternative, Standing
from forge_arena.verify.terms import denies, says, says_option, supposes


def alternative(*forms: str) -> Alternative:
    return Alternative(name="it", standing=Standing.right, forms=forms)


@pytest.mark.parametrize(
    ("form", "sentence", "certain"),
    [
        ("a lid that closes by itself", "Its lid closes all by itself.", True),
        ("a lid that closes by itself", "Its lid never closes by itself.", False),
        ("a cracked blade", "We found that the blade is cracked.", True),
        ("no spare wheel", "One thing is missing: the spare wheel.", True),
        ("the tenant pays rent to the owner", "The tenant pays his rent to the owner.", True),
        ("the tenant pays rent to the owner", "The owner pays his rent to the tenant.", False),
        ("a red cover", "The cover is blue, and red is sold out.", True),
    ],
)
def test_a_form_in_other_words(form: str, sentence: str, certain: bool) -> None:
    saying = says(sentence, alternative(form), is_about=True)
    assert saying is not None
    assert saying.certain is certain


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("a lid that closes by itself", "The lid is made of glass."),
        ("a cracked blade", "The blade was sharpened; much later, when somebody had used the saw on wet timber, a handle cracked."),
        ("by hand", "The hand of the clock is bent."),
    ],
)  # fmt: skip
def test_what_a_sentence_does_not_say(form: str, sentence: str) -> None:
    assert says(sentence, alternative(form), is_about=False) is None


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("We are repairing the pump this week.", True),
        ("You could repair the pump.", True),
        ("Repairing it costs more than the sum up to which we repair.", False),
        ("It takes 6 days, repairing 8 pumps.", False),
    ],
)
def test_an_option_of_one_word_is_named_by_an_act(sentence: str, named: bool) -> None:
    assert (says_option(sentence, alternative("a repair")) is not None) is named


@pytest.mark.parametrize(
    ("sentence", "words", "denied"),
    [
        ("We cannot offer a swap.", "a swap", True),
        ("We offer a swap.", "a swap", False),
        ("A swap is ruled out.", "A swap", True),
        ("We pay rather than a swap.", "a swap", True),
        ("We don't repair, but a swap is fine.", "a swap", False),
    ],
)
def test_an_option_may_be_turned_down(sentence: str, words: str, denied: bool) -> None:
    at = sentence.index(words)
    assert denies(sentence, at, at + len(words)) is denied


def test_a_case_that_is_supposed_is_no_act() -> None:
    assert supposes("If the pump were new, there would be a swap.")
    assert not supposes("There is a swap.")
