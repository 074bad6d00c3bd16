"""A wrong day fits the other days of the answer."""

from random import Random

import pytest

from forge_arena.corruptions.calendar import is_between_hours
from forge_arena.corruptions.draft import draft_of
from forge_arena.corruptions.prose import restate_freely
from forge_arena.types import Alternative, Claim, ClaimKind, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = "The regatta is on 12 June 2031. Entries close on 2nd May, 2031. Crews are drawn on 20 May 2031."


def scenario_with(wrong: str) -> Scenario:
    close = Claim(
        id="close",
        kind=ClaimKind.date,
        label="when entries close",
        about=(("entr", "close"),),
        required=True,
        alternatives=(
            Alternative(name="right", standing=Standing.right, forms=("2nd May, 2031",)),
            Alternative(name="wrong", standing=Standing.absent, forms=(wrong,), stealth=1),
        ),
        source_spans=(Span(start=SOURCE.index("Entries"), end=SOURCE.index(" Crews")),),
    )
    return Scenario(
        family="regatta", domain=Domain.mixed, task="Tell a crew the dates.", source_material=SOURCE, claims=(close,)
    )


def restated(text: str, wrong: str) -> str | None:
    scenario = scenario_with(wrong)
    draft = draft_of(Verifier(scenario), text, Random(0))
    assert draft.report.clean
    edits = restate_freely(draft, scenario.claims[0], scenario.claims[0].wrong[0])
    if edits is None:
        return None
    for edit in sorted(edits, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Entries close on 2nd May, 2031; crews are drawn on 20 May 2031.", "25 May 2031"),
        ("Entries close on 2nd May, 2031; crews are drawn on 20 May.", "2 May 2032"),
        ("Entries close on 2 May 2031. The regatta is on 12 June 2031.", "15 June 2031"),
        ("Entries close on Friday, 2nd May, 2031.", "9 May 2031"),
    ],
)
def test_a_day_beyond_another_day_of_the_answer_is_refused(text: str, wrong: str) -> None:
    assert restated(text, wrong) is None


@pytest.mark.parametrize(
    ("text", "wrong", "wanted"),
    [
        ("Entries close on 2nd May, 2031; crews are drawn on 20 May 2031.", "9 May 2031", "9th May, 2031"),
        ("Entries close on 2 May 2031. The regatta is on 12 June 2031.", "23 April 2031", "23 April 2031"),
        ("Entries close on May 2nd, 2031.", "21 May 2032", "May 21st, 2032"),
    ],
)
def test_another_day_is_written_as_the_author_writes_days(text: str, wrong: str, wanted: str) -> None:
    made = restated(text, wrong)
    assert made is not None
    assert f"close on {wanted}" in made


BEFORE = Claim(
    id="before",
    kind=ClaimKind.duration,
    label="how long before the start the boats are checked",
    about=(("check",),),
    required=True,
    alternatives=(
        Alternative(name="right", standing=Standing.right, forms=("45 minutes",)),
        Alternative(name="wrong", standing=Standing.absent, forms=("90 minutes",), stealth=1),
    ),
)
CHECKS = Scenario(
    family="checks",
    domain=Domain.mixed,
    task="Tell a crew when to come.",
    source_material="The start is at 6:00 pm. Boats are checked 45 minutes before the start.",
    claims=(BEFORE,),
)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (
            "The start is at 6 pm. Boats are checked 45 minutes before the start. So be there by a quarter past five.",
            False,
        ),
        ("The start is at 18:00. Boats are checked 45 minutes before the start, that is, from 17:15 on.", False),
        ("The start is at 6:00 pm. Boats are checked 45 minutes before the start. Tea is at half past four.", True),
        ("Boats are checked 45 minutes before the start. It is 7.15 km to the buoy.", True),
    ],
)
def test_a_period_that_two_hours_bear_out_stays(text: str, fits: bool) -> None:
    draft = draft_of(Verifier(CHECKS), text, Random(0))
    assert is_between_hours(draft, BEFORE) is not fits
