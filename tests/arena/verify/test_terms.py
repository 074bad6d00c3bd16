"""Terms in other words, with the denials and exchanged roles that change their meaning."""

from random import Random

import pytest

from forge_arena.types import Alternative, Case, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify.passages import Passages
from forge_arena.verify.terms import Terms, Window

SOURCE = """The shed has a lid that closes by itself. The saw has a cracked blade. There is no spare wheel.
The tenant pays rent to the owner. There is a red cover. There is a bell rung by the porters, and a bell heard at night.
A bench may stand in the yard. A licence is needed for each stall. Whoever rents must carry liability insurance.
A list that is empty has the mean 0; the panel asks for one before the first sample.
>>> mean([], 3) raised ZeroDivisionError
"""
EXPLANATION = "A list that is empty has the mean 0; the panel asks for one before the first sample."
CASES = (Case(call="mean([], 3)", returns="0"), Case(call="mean([1, 2], 0)", returns="1"))
TERMS = Terms(
    Passages(Scenario(family="yard", domain=Domain.mixed, task="Write.", source_material=SOURCE, claims=())), CASES
)


def term(
    *forms: str, rivals: tuple[str, ...] = (), standing: Standing = Standing.elsewhere, explanation: str = ""
) -> Claim:
    start = SOURCE.index(explanation)
    right = Alternative(name="it", standing=Standing.right, forms=forms)
    wrong = [Alternative(name=form, standing=standing, forms=(form,)) for form in rivals]
    return Claim(
        id="term",
        kind=ClaimKind.term,
        alternatives=(right, *wrong),
        source_spans=(Span(start=start, end=start + len(explanation)),),
    )


@pytest.mark.parametrize(
    ("form", "sentence", "certain"),
    [
        ("a lid that closes by itself", "Its lid closes all by itself.", True),
        ("a lid that closes by itself", "Its lid never closes by itself.", False),
        ("a cracked blade", "We found that the blade is cracked.", True),
        ("a cracked blade", "The blade is not cracked.", False),
        ("no spare wheel", "One thing is missing: the spare wheel.", True),
        ("no spare wheel", "What it lacks is a wheel to spare.", True),
        ("no spare wheel", "There is a spare wheel.", False),
        ("a lid free of rust", "The lid has no rust.", True),
        ("the tenant pays rent to the owner", "The tenant pays his rent to the owner.", True),
        ("the tenant pays rent to the owner", "The owner pays his rent to the tenant.", False),
        ("a bell rung by the porters", "The porters themselves ring the bell.", True),
        ("a red cover", "The cover is blue, and red is sold out.", True),
        ("carry liability insurance", "Whoever rents must have liability insurance.", True),
        ("a note with a signature", "Hand in a signed note.", True),
        ("no reminder for unpaid dues", "What it lacks is a reminder for dues that have not been paid.", True),
        ("coach 7, seat 76", "You had seat 76 in coach 7.", True),
        ("coach 7, seat 76", "You had seat 7 in coach 76.", False),
    ],
)
def test_a_form_in_other_words(form: str, sentence: str, certain: bool) -> None:
    claim = term(form)
    saying = TERMS.says(sentence, claim, claim.right, is_about=True)
    assert saying is not None
    assert saying.certain is certain


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("a lid that closes by itself", "The lid is made of glass."),
        ("a cracked blade", "The blade was sharpened; much later, when somebody had used the saw on wet timber in the yard "
         "behind the house where the old shed stood, a handle cracked."),
        ("by hand", "The clock has hands of brass."),
    ],
)  # fmt: skip
def test_what_a_sentence_does_not_say(form: str, sentence: str) -> None:
    claim = term(form)
    assert TERMS.says(sentence, claim, claim.right, is_about=False) is None


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("The bell is in the care of the porters.", True),
        ("There is a bell.", False),
        ("There is a bell that one hears at night.", False),
        ("A horn is blown by the porters.", False),
    ],
)
def test_a_term_needs_what_sets_it_apart_from_each_wrong_alternative(sentence: str, said: bool) -> None:
    claim = term("a bell rung by the porters", rivals=("a bell heard at night", "a horn blown by the porters"))
    assert (TERMS.says(sentence, claim, claim.right, is_about=True) is not None) is said


@pytest.mark.parametrize(
    ("form", "first", "said"),
    [
        ("claims about taxes", "No time limit applies to claims about taxes.", False),
        ("claim taxes", "The buyer has to claim taxes.", True),
        ("process taxes", "The buyer has to process taxes.", True),
    ],
)
def test_a_plural_after_to_is_no_verb(form: str, first: str, said: bool) -> None:
    """A verb weighs half, so the rest of the form says the form alone."""
    source = f"{first} Claims are brought within a year. Claims are small. Processes differ. The seller waits."
    terms = Terms(
        Passages(Scenario(family="deed", domain=Domain.mixed, task="Write.", source_material=source, claims=()))
    )
    claim = term(form)
    assert (terms.says("The line about taxes stays out.", claim, claim.right, is_about=False) is not None) is said


def test_two_sentences_say_a_term_with_nearly_all_of_its_words() -> None:
    claim = term("a lid that closes by itself over the red bench")
    text = "There is a bench, and it is red. Its lid closes by itself."
    assert TERMS.says(text, claim, claim.right, is_about=True, neighbours=True) is not None
    assert TERMS.says("There is a bench. It has a lid.", claim, claim.right, is_about=True, neighbours=True) is None


def test_a_term_is_said_by_most_words_of_its_explanation() -> None:
    claim = term("an empty list", rivals=("a window of 0",), standing=Standing.unfit, explanation=EXPLANATION)
    assert TERMS.explains("The panel asks for a mean before there is a sample on its list.", claim) is not None
    assert TERMS.explains("With a window of 0 the panel asks for the mean before the first sample.", claim) is None
    assert TERMS.explains("The panel is grey.", claim) is None


def test_a_term_is_shown_by_the_example_of_the_source() -> None:
    claim = term("an empty list", rivals=("a window of 0",), standing=Standing.unfit)
    assert TERMS.shows("It fails on `mean( [], 3 )`.", claim) is not None
    assert TERMS.shows("It fails on `mean([1, 2], 0)`.", claim) is None
    assert TERMS.shows("It fails on `mean([], 3)`.", term("an empty list")) is None


def test_a_name_is_no_phrase() -> None:
    claim = term("store.fetch").model_copy(update={"kind": ClaimKind.identifier})
    assert TERMS.says("Call `fetch` of the store.", claim, claim.right, is_about=True) is not None
    assert (
        TERMS.says(
            "You fetch the bench today, and tomorrow the key is kept in the store.", claim, claim.right, is_about=True
        )
        is None
    )


@pytest.mark.parametrize(
    ("form", "text", "may"),
    [
        ("a cracked blade", "We looked at the saw. The blade is cracked.", True),
        ("a cracked blade", "We looked at the saw. The blade is fine.", False),
        ("a cracked blade", "We looked at the lid.", False),
        ("no reminder for unpaid dues", "What it lacks is a reminder. Dues have not been paid.", True),
        ("1464.0", "It comes to 1,464.00 in all.", True),
    ],
)
def test_a_text_without_most_words_of_a_term_cannot_say_the_term(form: str, text: str, may: bool) -> None:
    assert TERMS.may_say(Window(text), term(form).right) is may


def test_what_may_not_be_said_is_said_nowhere() -> None:
    words = [
        "a",
        "red",
        "cover",
        "bell",
        "rung",
        "by",
        "the",
        "porters",
        "no",
        "spare",
        "wheel",
        "lid",
        "closes",
        "itself",
        "tenant",
        "pays",
        "rent",
        "owner",
    ]
    rng = Random(5)
    forms = [
        "a red cover",
        "a bell rung by the porters",
        "no spare wheel",
        "a lid",
        "the tenant pays rent to the owner",
    ]
    said = 0
    for _ in range(400):
        text = " ".join(rng.sample(words, 6)).capitalize() + "."
        for form in forms:
            claim = term(form)
            saying = TERMS.says(text, claim, claim.right, is_about=True)
            said += saying is not None
            assert saying is None or TERMS.may_say(Window(text), claim.right)
    assert said > 50
