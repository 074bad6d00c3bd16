"""A choice that an author makes in words of their own, or does not mention, can be made otherwise without a seam."""

from contextlib import suppress
from random import Random

import pytest

from forge_arena.corruptions import inject
from forge_arena.errors import CannotCorrupt
from forge_arena.placebos import edit_harmlessly
from forge_arena.types import (
    Alternative,
    Answer,
    Authority,
    Case,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Placebo,
    Scenario,
    Span,
    Standing,
    Statement,
)
from forge_arena.verify import Verifier

SOURCE = (
    "Orchard rules. 2.1 The gate closes at 8 in winter. A key costs £6 and comes back within 4 days. "
    "2.2 Each member waters the saplings of its own row; the warden does not. "
    "2.3 A ladder is lent for 3 days. Juice from the common press is split evenly among all."
)


def alternatives(right: str, wrong: str) -> tuple[Alternative, ...]:
    return (
        Alternative(name="right", standing=Standing.right, forms=(right,)),
        Alternative(name="wrong", standing=Standing.unfit, forms=(wrong,)),
    )


def spans_of(words: str) -> tuple[Span, ...]:
    start = SOURCE.index(words)
    return (Span(start=start, end=start + len(words)),)


def value(id: str, kind: ClaimKind, form: str, about: str) -> Claim:
    right = Alternative(name="current", standing=Standing.right, forms=(form,))
    return Claim(
        id=id, kind=kind, label=id, about=((about,),), alternatives=(right,), required=True, source_spans=spans_of(form)
    )


WATERING = Claim(
    id="watering",
    kind=ClaimKind.option,
    label="who waters the saplings",
    about=(("water",),),
    alternatives=alternatives("a task for every member alone", "a task for the warden alone"),
    source_spans=spans_of("Each member waters the saplings of its own row; the warden does not"),
)
ORCHARD = Scenario(
    family="orchard",
    domain=Domain.customer_support,
    task="Tell the new member what holds in the orchard.",
    source_material=SOURCE,
    claims=(
        value("key", ClaimKind.money, "£6", "key"),
        value("back", ClaimKind.duration, "4 days", "back"),
        value("ladder", ClaimKind.duration, "3 days", "ladder"),
        WATERING,
    ),
    authorities=(
        Authority(forms=("rule 2.2",), supports=("watering",)),
        Authority(forms=("rule 2.3",), supports=("ladder",)),
    ),
    statements=(
        Statement(text="The watering of saplings is {watering}.", says=("watering",)),
        Statement(text="To my mind, watering is {watering}.", says=("watering",)),
    ),
)
BASIS = "Welcome to the orchard.\n\nA key costs £6 (2.1). You give the key back within 4 days.\n\n"
END = "\n\nUntil soon at the gate."


def corrupted(text: str, scenario: Scenario = ORCHARD, seed: int = 0) -> str:
    assert Verifier(scenario).verify(text).clean
    answer = Answer(reasoning="", output=text)
    return inject(Verifier(scenario), answer, CorruptionType.bias_injection, 3, Random(seed)).answer.output


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            "A ladder is lent for 3 days. Each member waters the saplings of its own row (2.2).",
            "A ladder is lent for 3 days. The watering of saplings is a task for the warden alone (2.2).",
        ),
        (
            "A ladder is lent for 3 days, and each member waters the saplings of its own row (2.2).",
            "A ladder is lent for 3 days, and the watering of saplings is a task for the warden alone (2.2).",
        ),
        (
            "A ladder is lent for 3 days. Saplings: each member waters the ones in its own row (2.2).",
            "A ladder is lent for 3 days. Saplings: a task for the warden alone (2.2).",
        ),
        (
            "A ladder is lent for 3 days. Watering the saplings of its row is for each member (2.2). It gets a can.",
            None,
        ),
        (
            "A ladder is lent for 3 days. Every member keeps the saplings of its row in water (2.2). It gets a can.",
            "A ladder is lent for 3 days. The watering of saplings is a task for the warden alone (2.2). "
            "Every member gets a can.",
        ),
        (
            "Saplings of a row are watered by the member (2.2), and so it has been. A ladder is lent for 3 days.",
            "The watering of saplings is a task for the warden alone (2.2). A ladder is lent for 3 days.",
        ),
    ],
    ids=["sentence", "clause", "label", "subject unknown", "subject for it", "citation moved"],
)
def test_a_statement_takes_the_place_of_the_part_that_speaks_of_the_choice(said: str, wanted: str | None) -> None:
    text = BASIS + said + END
    if wanted is None:
        with pytest.raises(CannotCorrupt):
            corrupted(text)
    else:
        assert corrupted(text) == BASIS + wanted + END


def test_a_statement_is_added_where_a_silent_answer_speaks_of_near_things() -> None:
    text = f"{BASIS}A ladder is lent for 3 days (2.3).{END}"

    assert corrupted(text) == text.replace(
        "back within 4 days.", "back within 4 days. The watering of saplings is a task for the warden alone (2.2)."
    )


def test_nothing_is_added_between_a_sentence_and_what_goes_on_with_it() -> None:
    basis = BASIS.replace("back within 4 days.", "back within 4 days. The first, made of brass, is lent on Sunday.")
    text = f"{basis}A ladder is lent for 3 days (2.3).{END}"
    assert Verifier(ORCHARD).verify(text).clean

    with suppress(CannotCorrupt):
        assert "back within 4 days. The first, made of brass" in corrupted(text)


def test_an_item_with_a_label_is_added_to_a_list_with_labels() -> None:
    items = (
        "- **Key:** a key costs £6 (2.1)\n- **Return:** it goes back within 4 days (2.1)\n- **Ladder:** 3 days (2.3)"
    )
    text = f"Welcome to the orchard.\n\n{items}{END}"

    added = "\n- **Watering of saplings:** a task for the warden alone (2.2)"
    assert corrupted(text) == text.replace("4 days (2.1)", f"4 days (2.1){added}")


def test_a_paragraph_with_a_label_is_added_among_paragraphs_with_labels() -> None:
    text = (
        "Welcome to the orchard.\n\n**Key.** A key costs £6 (2.1). You give it back within 4 days (2.1).\n\n"
        f"**Ladder.** A ladder is lent for 3 days (2.3).{END}"
    )

    added = "\n\n**Watering.** The watering of saplings is a task for the warden alone (2.2)."
    assert corrupted(text) == text.replace("within 4 days (2.1).", f"within 4 days (2.1).{added}")


@pytest.mark.parametrize(
    "said",
    [
        "A ladder is lent for 3 days. Waterproof boots stay at the gate.",
        "A ladder is lent for 3 days. The saplings want water. Each member waters its own row.",
    ],
    ids=["a word like that of the choice", "two sentences"],
)
def test_where_nothing_tells_which_words_speak_of_the_choice_there_is_no_place(said: str) -> None:
    with pytest.raises(CannotCorrupt):
        corrupted(BASIS + said + END)


def test_a_statement_in_another_person_is_not_taken() -> None:
    only_mine = ORCHARD.model_copy(update={"statements": (ORCHARD.statements[1],)})

    with pytest.raises(CannotCorrupt):
        corrupted(f"{BASIS}A ladder is lent for 3 days (2.3).{END}", only_mine)


def test_a_name_that_the_author_does_not_use_is_not_brought_in() -> None:
    watering = WATERING.model_copy(
        update={"alternatives": alternatives("a task for every member alone", "a task for the Lessor alone")}
    )
    scenario = ORCHARD.model_copy(update={"claims": (*ORCHARD.claims[:3], watering)})

    with pytest.raises(CannotCorrupt):
        corrupted(f"{BASIS}A ladder is lent for 3 days (2.3).{END}", scenario)


@pytest.mark.parametrize("seed", range(4))
def test_a_placebo_brings_in_the_statement_for_the_right_option(seed: int) -> None:
    verifier = Verifier(ORCHARD)
    answer = Answer(reasoning="", output=f"{BASIS}A ladder is lent for 3 days (2.3).{END}")
    edit = edit_harmlessly(
        verifier, answer, CorruptionType.bias_injection, "watering", Random(seed), lambda wording: ORCHARD
    )

    assert edit.kind is Placebo.paraphrase
    assert "The watering of saplings is a task for every member alone (2.2)." in edit.answer.output
    assert verifier.verify(edit.answer.output).clean


LOOP = "def first(words, size):\n    out = []\n    for word in words[:size]:\n        out.append(word)\n    return out"
SLICE = "def first(words, size):\n    return words[:size]"
SHELF = Scenario(
    family="shelf",
    domain=Domain.code_review,
    task="Write the function `first`.",
    source_material="House style: the head of a list is taken with a plain slice, because a reader sees at once what is meant.",
    claims=(
        Claim(
            id="way",
            kind=ClaimKind.option,
            label="how a head is taken",
            about=(("head",),),
            alternatives=alternatives("a plain slice", "an explicit loop"),
            source_spans=(Span(start=13, end=66),),
        ),
        Claim(
            id="code",
            kind=ClaimKind.behaviour,
            label="the function",
            required=True,
            alternatives=(Alternative(name="cuts", standing=Standing.right, forms=(SLICE, LOOP)),),
            cases=(Case(call="first([1, 2, 3], 2)", returns="[1, 2]"),),
        ),
    ),
    statements=(
        Statement(text=f"Take this:\n\n```python\n{SLICE}\n```", says=("code",), when={"way": "right"}),
        Statement(text=f"Take this:\n\n```python\n{LOOP}\n```", says=("code",), when={"way": "wrong"}),
    ),
)


def test_words_that_nearly_are_a_form_give_way_with_their_consequence_and_their_code() -> None:
    review = (
        "Nearly there.\n\nOur style takes the head with a slice, so the counter goes.\n\n"
        f"```python\n# for the shelf\n{SLICE}\n```\n\nThe rest can go in."
    )

    output = corrupted(review, SHELF)
    assert "Our style takes the head with an explicit loop.\n" in output
    assert f"```python\n# for the shelf\n{LOOP}\n```" in output


def test_a_near_form_stays_if_the_author_speaks_against_the_other_option() -> None:
    review = (
        "Nearly there.\n\nOur style takes the head with a slice. The old loop has to go.\n\n"
        f"```python\n{SLICE}\n```\n\nThe rest can go in."
    )

    with pytest.raises(CannotCorrupt):
        corrupted(review, SHELF)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (" whose bounds are plain; taking words one by one does not meet that.", "."),
        (", a form that all of us know.", "."),
    ],
    ids=["behind a semicolon", "apposition"],
)
def test_what_praises_the_right_option_goes_along(reason: str, kept: str) -> None:
    review = (
        f"Nearly there.\n\nOur style takes the head with a plain slice{reason}\n\n"
        f"```python\n{SLICE}\n```\n\nThe rest can go in."
    )

    assert f"Our style takes the head with an explicit loop{kept}\n" in corrupted(review, SHELF)


TENT_SOURCE = (
    "The club needs a tent for rain. The Alto is tight in rain and costs £90; it has no second door, and help comes by a "
    "phone line run by climbers. The Bora lets water in and costs £70; it has no inner pocket, and help comes by a web page "
    "with drawings."
)


def property_of(id: str, kind: ClaimKind, about: str, fit: str, other: str) -> Claim:
    return Claim(
        id=id,
        kind=kind,
        label=id,
        about=((about,),),
        of="pick",
        alternatives=(
            Alternative(name="fit", standing=Standing.right, forms=(fit,)),
            Alternative(name="wet", standing=Standing.unfit, forms=(other,)),
        ),
        source_spans=(Span(start=TENT_SOURCE.index(fit), end=TENT_SOURCE.index(fit) + len(fit)),),
    )


TENT = Scenario(
    family="tent",
    domain=Domain.product_recommendation,
    task="Recommend a tent to the club.",
    source_material=TENT_SOURCE,
    claims=(
        Claim(
            id="pick",
            kind=ClaimKind.option,
            label="the tent",
            alternatives=(
                Alternative(name="fit", standing=Standing.right, forms=("Alto",)),
                Alternative(name="wet", standing=Standing.unfit, forms=("Bora",)),
            ),
        ),
        property_of("price", ClaimKind.money, "price", "£90", "£70"),
        property_of("gap", ClaimKind.term, "lack", "no second door", "no inner pocket"),
        property_of("help", ClaimKind.term, "help", "a phone line run by climbers", "a web page with drawings"),
    ),
    statements=(Statement(text="For help there is {help}.", says=("help",)),),
)


def test_the_price_beside_an_option_may_be_that_of_the_option() -> None:
    """ "The Bora at £70" states one wrong thing, although no word says that £70 is a price."""
    text = "Dear club,\n\nWe take the Alto at £90. It keeps the rain out.\n\nYours, Ada"

    assert corrupted(text, TENT) == text.replace("Alto at £90", "Bora at £70")


def test_what_is_missing_keeps_its_article() -> None:
    text = "Dear club,\n\nWe take the Alto. One thing is lacking: a second door.\n\nYours, Ada"

    assert corrupted(text, TENT) == text.replace("Alto", "Bora").replace("a second door", "an inner pocket")


def test_a_last_clause_that_says_a_property_in_other_words_is_written_anew() -> None:
    text = "Dear club,\n\nWe take the Alto. The price is £90, and its phone line is run by climbers.\n\nYours, Ada"

    assert corrupted(text, TENT) == text.replace("Alto", "Bora").replace(
        "£90, and its phone line is run by climbers", "£70, and for help there is a web page with drawings"
    )
