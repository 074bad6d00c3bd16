"""A choice is made otherwise only where nothing else in the answer speaks of the right option."""

from random import Random

import pytest

from forge_arena.corruptions import inject
from forge_arena.errors import CannotCorrupt
from forge_arena.types import Alternative, Answer, Claim, ClaimKind, CorruptionType, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = (
    "Two buses serve the spa. From the Linden stop it is a walk of 4 minutes, and the stop has a ramp. "
    "From the Hafen stop it is a walk of 9 minutes, up many stairs. The spa closes at 21:00. "
    "A day ticket costs $18."
)
STOP = Claim(
    id="stop",
    kind=ClaimKind.option,
    label="the stop",
    required=True,
    alternatives=(
        Alternative(name="linden", standing=Standing.right, forms=("Linden stop",)),
        Alternative(name="hafen", standing=Standing.unfit, forms=("Hafen stop",)),
    ),
    source_spans=(Span(start=25, end=98),),
)
SPA = Scenario(
    family="spa",
    domain=Domain.product_recommendation,
    task="Which stop suits a guest in a wheelchair? Choose between the Linden stop and the Hafen stop.",
    source_material=SOURCE,
    claims=(STOP,),
)


def chosen_otherwise(text: str, scenario: Scenario = SPA) -> str | None:
    assert Verifier(scenario).verify(text).clean
    try:
        answer = Answer(reasoning="", output=text)
        return inject(Verifier(scenario), answer, CorruptionType.bias_injection, 3, Random(0)).answer.output
    except CannotCorrupt:
        return None


def test_a_choice_stays_beside_a_property_that_only_the_right_option_has() -> None:
    floor = Claim(
        id="floor",
        kind=ClaimKind.term,
        label="the floor",
        of="stop",
        alternatives=(
            Alternative(
                name="linden", standing=Standing.right, forms=("a floor of rubber under the roof of the hall",)
            ),
            Alternative(name="hafen", standing=Standing.elsewhere, forms=("a floor of gravel in one piece",)),
        ),
    )
    source = (
        f"{SOURCE} Linden: a floor of rubber under the roof of the hall. Hafen: a floor of gravel in one piece. "
        + ("Rubber is kind to wheels. Gravel is not, and rubber is cleaned daily. Rubber wears. ")
    )
    scenario = SPA.model_copy(update={"claims": (STOP, floor), "source_material": source})
    letter = "Dear guest,\n\nI would get off at the Linden stop. {}\n\nThe spa"

    assert chosen_otherwise(letter.format("A rubber floor carries your wheels."), scenario) is None
    assert chosen_otherwise(letter.format("A day ticket costs $18."), scenario) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Dear guest,\n\nI would get off at the Linden stop. Hafen would be too steep for you.\n\nThe spa",
        "Dear guest,\n\nI would get off at the Linden stop. Linden has what you need.\n\nThe spa",
        "Dear guest,\n\nI would get off at the Linden stop (4 minutes on foot).\n\nThe spa",
    ],
)
def test_a_choice_stays_whose_option_is_spoken_of_elsewhere(text: str) -> None:
    assert chosen_otherwise(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Dear guest,\n\nI would get off at the Linden stop. A day ticket costs $18.\n\nThe spa",
        "Dear guest,\n\nI would get off at the Linden stop, not at the Hafen stop.\n\nThe spa",
    ],
)
def test_a_choice_that_stands_alone_is_made_otherwise(text: str) -> None:
    exchanged = text.replace("Linden", "X").replace("Hafen", "Linden").replace("X", "Hafen")
    assert chosen_otherwise(text) == exchanged
