"""Values of other things, and other spellings of values: what states nothing wrong of a claim, and what does."""

import pytest

from forge_arena.texts.values import mentions
from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = """\
| Boat | Sail area | Gears |
|---|---|---|
| Gannet | 21 kg of canvas, winch 3-spd | price 812.40, oars 55.10 |
| Plover | 17 kg of canvas, winch 2-spd | price 640.00, oars 48.25 |
"""
TASK = "A sailor who has 950 kg of cargo and $700 asks how heavy the canvas of the Plover is."


def scenario(kind: ClaimKind, right: str, label: str, about: str) -> Scenario:
    start = SOURCE.index(right)
    return Scenario(
        family="t",
        domain=Domain.product_recommendation,
        task=TASK,
        source_material=SOURCE,
        claims=(
            Claim(
                id="it",
                kind=kind,
                label=label,
                about=((about,),),
                required=True,
                alternatives=(Alternative(name="stated", standing=Standing.right, forms=(right,)),),
                source_spans=(Span(start=start, end=start + len(right)),),
            ),
        ),
    )


CANVAS = scenario(ClaimKind.quantity, "17 kg", "the weight of the canvas of the Plover", "canvas")


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("The canvas of the Plover weighs 17 kg.", set()),
        ("The canvas of the Plover weighs 21 kg.", {"it"}),
        ("The canvas of the Plover weighs 19 kg.", {"it"}),
        # A difference, and the value of the others.
        ("The canvas of the Plover weighs 17 kg. That of the Gannet is 21 kg, so the canvas is 4 kg lighter.", set()),
        ("The canvas of the Plover weighs 17 kg. That of the Gannet is 21 kg, so the canvas is 6 kg lighter.",
         {"invented:6 kg"}),
        ("The canvas of the Plover weighs 17 kg. The canvas of the other boat weighs 21 kg.", set()),
        # Another unit is no value of the claim, and a shorter spelling of a unit is no invention.
        ("The canvas of the Plover weighs 17 kg and is hoisted by a two-speed winch.", set()),
        ("The canvas of the Plover weighs 17 kg and is hoisted by a 3-speed winch.", set()),
        ("The canvas of the Plover weighs 17 kg and is hoisted by a 9 volt motor.", {"invented:9 volt"}),
        # What the task names.
        ("The canvas of the Plover weighs 17 kg. Your 950 kg will not fit under it.", set()),
        ("The canvas of the Plover weighs 17 kg, and those two weigh 21 and 17 kg.", set()),
        ("The canvas of the Plover weighs 17 kg, and those two weigh 21 and 18 kg.", {"invented:18 kg"}),
        # Amounts that the record writes without a currency, and their sum.
        ("The canvas of the Plover weighs 17 kg. The boat costs $640, with oars $688.25.", set()),
        ("The canvas of the Plover weighs 17 kg. The boat costs $640, with oars $690.25.", {"invented:$690.25"}),
    ],
)  # fmt: skip
def test_values_of_other_things_break_nothing(text: str, broken: set[str]) -> None:
    assert Verifier(CANVAS).verify(text).broken == broken


def test_the_speaker_is_no_number_of_a_rule() -> None:
    text = "The rules I have say that the canvas of the Plover weighs 17 kg, and the rules I'd quote say so too."
    assert Verifier(CANVAS).verify(text).clean
    assert [m.kind for m in mentions("Rule I covers 3 days.")] == [ClaimKind.citation, ClaimKind.duration]
    assert [m.kind for m in mentions("The rules I have cover 3 days.")] == [ClaimKind.duration]


def test_a_part_of_a_title_states_nothing() -> None:
    source = "## Returning a loaned kayak\n\nA kayak is returned if its state is 'loaned'.\n"
    claims = (
        Claim(
            id="state", kind=ClaimKind.term, label="the state of a kayak", required=True, about=(("state", "title"),),
            alternatives=(Alternative(name="stated", standing=Standing.right, forms=("loaned",)),),
        ),
        Claim(
            id="title", kind=ClaimKind.citation, label="the section on the state of a kayak", required=True,
            about=(("state", "title"),), subject="state",
            alternatives=(
                Alternative(name="cited", standing=Standing.right, forms=('"Returning a loaned kayak"',)),
            ),
        ),
    )  # fmt: skip
    verifier = Verifier(
        Scenario(family="t", domain=Domain.mixed, task="Say it.", source_material=source, claims=claims)
    )
    cited = 'The state is told under the title "Returning a loaned kayak".'
    assert verifier.verify(cited).not_found == {"state"}
    assert verifier.verify(f"{cited} The state must be 'loaned'.").clean


def test_a_day_without_a_year_follows_from_another_one() -> None:
    source = "A kayak is kept for 14 days. It came on 2 June.\n"
    verifier = Verifier(
        Scenario(family="t", domain=Domain.mixed, task="How long is it kept?", source_material=source, claims=())
    )
    assert verifier.verify("It came on 2 June and is kept for 14 days, so until 16 June.").clean
    assert verifier.verify("It came on 2 June and is kept for 14 days, so until 17 June.").broken == {
        "invented:17 June."
    }


def test_quoted_words_do_not_mark_what_stands_beside_them_as_past() -> None:
    source = "The reason is 'no longer needed' or 'ordered by mistake'.\n"
    reason = Claim(
        id="reason", kind=ClaimKind.term, label="the other reason", required=True, about=(("reason",),),
        alternatives=(
            Alternative(name="stated", standing=Standing.right, forms=("ordered by mistake",)),
        ),
    )  # fmt: skip
    verifier = Verifier(
        Scenario(family="t", domain=Domain.mixed, task="Which?", source_material=source, claims=(reason,))
    )
    assert verifier.verify('The reason is either "no longer needed" or "ordered by mistake".').clean
    assert not verifier.verify("The reason is no longer ordered by mistake.").clean


def test_another_case_beside_the_right_one_is_no_contradiction() -> None:
    source = "A balance of $400 is in tier 1.\nA balance of $9,000 is in tier 2.\n"
    tier = Claim(
        id="tier", kind=ClaimKind.term, label="the tier of the balance", required=True, about=(("tier", "balance"),),
        alternatives=(
            Alternative(name="stated", standing=Standing.right, forms=("tier 1",)),
            Alternative(name="other", standing=Standing.elsewhere, forms=("tier 2",)),
        ),
        source_spans=(Span(start=24, end=30),),
    )  # fmt: skip
    verifier = Verifier(
        Scenario(family="t", domain=Domain.mixed, task="Which tier?", source_material=source, claims=(tier,))
    )
    assert verifier.verify("Your balance is in tier 1. Tier 2 begins higher up.").clean
    assert verifier.verify("Your balance is in tier 2.").contradicted == {"tier"}
