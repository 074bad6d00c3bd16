"""What an answer still gives, in other words, after it was cut out or exchanged: then the edit is refused."""

from random import Random

import pytest

from forge_arena.corruptions import inject
from forge_arena.corruptions.draft import Edit, draft_of
from forge_arena.corruptions.left_over import concludes_still, gives_still
from forge_arena.corruptions.prose import leave_out, restate_freely
from forge_arena.errors import CannotCorrupt
from forge_arena.types import Alternative, Answer, Claim, ClaimKind, CorruptionType, Domain, Scenario, Span, Standing
from forge_arena.verify import Verifier

SOURCE = (
    "A stall at the harvest fair costs $1,500 for the season. Applications close on 9 October 2031. A stall must be "
    "claimed within 2 weeks. The jury gives 2 to 6 points for the cider. Of the takings, 20% go to the school. "
    "Visitors with a hedgehog ring the warden before they enter the orchard. The brass band plays at noon."
)


def _claim(id: str, kind: ClaimKind, label: str, right: str, wrong: str, sentence: str) -> Claim:
    start = SOURCE.index(sentence)
    return Claim(
        id=id,
        kind=kind,
        label=label,
        about=(tuple(word for word in label.split() if len(word) > 4),),
        required=True,
        alternatives=(
            Alternative(name="right", standing=Standing.right, forms=(right,)),
            Alternative(
                name="wrong",
                standing=Standing.turned if kind is ClaimKind.term else Standing.absent,
                forms=(wrong,),
                stealth=1,
            ),
        ),
        source_spans=(Span(start=start, end=start + len(sentence)),),
    )


CLAIMS = {
    claim.id: claim
    for claim in (
        _claim("cost", ClaimKind.money, "what a stall costs", "$1,500", "$2,500", "A stall at the harvest fair costs"),
        _claim("close", ClaimKind.date, "when applications close", "9 October 2031", "8 October 2032", "Applications"),
        _claim("claimed", ClaimKind.duration, "how soon a stall is claimed", "2 weeks", "3 weeks", "A stall must"),
        _claim("points", ClaimKind.quantity, "the points for cider", "2 to 6 points", "3 to 9 points", "The jury"),
        _claim("school", ClaimKind.percent, "the share that the school gets", "20%", "40%", "Of the takings"),
        _claim(
            "hedgehog",
            ClaimKind.term,
            "when visitors with a hedgehog ring the warden",
            "Visitors with a hedgehog ring the warden before they enter the orchard",
            "Visitors with a hedgehog ring the warden after they enter the orchard",
            "Visitors with a hedgehog ring the warden before they enter the orchard",
        ),
    )
}
FAIR = Scenario(
    family="fair",
    domain=Domain.customer_support,
    task="Tell a grower how the harvest fair works.",
    source_material=SOURCE,
    claims=tuple(CLAIMS.values()),
)
LINES = {
    "cost": "- The cost of a stall is $1,500 for the season.",
    "close": "- Applications close on 9 October 2031.",
    "claimed": "- Each stall must be claimed within 2 weeks.",
    "points": "- The jury gives 2 to 6 points for the cider.",
    "school": "- The school gets 20% of the takings.",
    "hedgehog": "- Visitors with a hedgehog ring the warden before they enter the orchard.",
}
BEFORE, BEHIND = "Dear grower,\n\nhere is how the fair works:\n\n", "\n\nWe look forward to it.\n\nThe fair office"


def answer_with(further: str) -> str:
    return f"{BEFORE}{chr(10).join(LINES.values())}\n\n{further}{BEHIND}".replace("\n\n\n\n", "\n\n")


@pytest.mark.parametrize(
    ("claim", "further"),
    [
        ("cost", "In short, you pay one and a half thousand dollars."),
        ("close", "So post your form by the ninth of October."),
        ("close", "Whoever applies in the course of 2031 has a chance."),
        ("claimed", "After a fortnight it goes to the next grower."),
        ("points", "For cider, six is the most that anybody gets of such points."),
        ("school", "A fifth of what you take is theirs."),
        ("school", "Two of every ten dollars are theirs."),
        ("hedgehog", "A hedgehog has to be told of at the gate."),
    ],
)
def test_what_still_stands_in_other_words_is_no_omission(claim: str, further: str) -> None:
    draft = draft_of(Verifier(FAIR), answer_with(further), Random(0))
    edits = leave_out(draft, CLAIMS[claim], Random(0))

    assert draft.report.clean
    assert edits is not None
    assert gives_still(draft, CLAIMS[claim], edits)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    "further",
    ["", "The brass band has 5 players and plays at noon.", "Step 6 of the form asks for your name."],
)
def test_what_nothing_else_speaks_of_is_left_out(claim: str, further: str) -> None:
    draft = draft_of(Verifier(FAIR), answer_with(further), Random(0))
    edits = leave_out(draft, CLAIMS[claim], Random(0))

    assert edits is not None
    assert not gives_still(draft, CLAIMS[claim], edits)


def test_an_omission_takes_another_claim_where_one_still_stands() -> None:
    further = "After a fortnight a stall may be free. Come in October. A hedgehog has to be told of at the gate."
    output = answer_with(further)
    targets = set()
    for seed in range(6):
        try:
            injection = inject(
                Verifier(FAIR), Answer(reasoning="", output=output), CorruptionType.factual_omission, 2, Random(seed)
            )
        except CannotCorrupt:
            continue
        targets.add(injection.target)
    assert targets
    assert targets.isdisjoint({"close", "hedgehog"})


@pytest.mark.parametrize(
    ("claim", "further"),
    [
        ("claimed", "After a fortnight it goes to the next grower."),
        ("cost", "In short, you pay one and a half thousand dollars."),
        ("school", "A fifth of what you take is theirs."),
    ],
)
def test_a_value_that_still_stands_in_words_is_not_exchanged(claim: str, further: str) -> None:
    wrong = CLAIMS[claim].wrong[0]

    assert restate_freely(draft_of(Verifier(FAIR), answer_with(further), Random(0)), CLAIMS[claim], wrong) is None
    assert restate_freely(draft_of(Verifier(FAIR), answer_with(""), Random(0)), CLAIMS[claim], wrong) is not None


@pytest.mark.parametrize(
    ("beside", "wanted"),
    [
        ("We cannot promise that your hedgehog is let in.", True),
        ("The gate is beside the school.", False),
        ("The rule on a hedgehog is old.", False),
        ("A hedgehog weighs 2 kg.", False),
    ],
)
def test_the_point_of_a_statement_may_stand_in_front_of_it(beside: str, wanted: bool) -> None:
    statement = LINES["hedgehog"].removeprefix("- ")
    text = answer_with(f"{beside} {statement}").replace(f"{LINES['hedgehog']}\n", "")
    start = text.index(statement)
    draft = draft_of(Verifier(FAIR), text, Random(0))

    assert concludes_still(draft, CLAIMS["hedgehog"], [Edit(start, start + len(statement), "")]) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("You still have both of them.", True), ("Both the band and the jury are new.", False), ("You have some.", False)],
)
def test_both_says_that_there_are_two(text: str, wanted: bool) -> None:
    claim = CLAIMS["points"].model_copy(
        update={"alternatives": (Alternative(name="right", standing=Standing.right, forms=("2 points",)),)}
    )
    draft = draft_of(Verifier(FAIR), answer_with(text).replace(f"{LINES['points']}\n", ""), Random(0))

    assert gives_still(draft, claim, []) is wanted
