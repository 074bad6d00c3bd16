"""An author who writes as "we" writes as "I" only where a single person could say all of it."""

from random import Random

import pytest

from forge_arena.corruptions.draft import apply, draft_of
from forge_arena.corruptions.persons import speak_as_many, speak_as_one
from forge_arena.types import Domain, Scenario
from forge_arena.verify import Verifier

SCENARIO = Scenario(
    family="ferry", domain=Domain.mixed, task="Answer the guest.", source_material="The ferry sails at noon.", claims=()
)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("We recommend the early ferry.", "I recommend the early ferry."),
        ("We are glad that you asked us.", "I am glad that you asked me."),
        ("If you are late, we would wait for your call.", "If you are late, I would wait for your call."),
        ("Our advice: take the ferry. We hope to see you soon.", "My advice: take the ferry. I hope to see you soon."),
        ("We see a risk for our personal data.", "I see a risk for my personal data."),
        ("We take your point, and we keep the plan.", "I take your point, and I keep the plan."),
        ("Please contact us. We can also send the plan.", "Please contact me. I can also send the plan."),
    ],
)
def test_a_single_writer_could_say_it(many: str, one: str) -> None:
    edits = speak_as_one(draft_of(Verifier(SCENARIO), many, Random(0)))
    assert edits is not None
    assert apply(many, edits)[0] == one


@pytest.mark.parametrize(
    "text",
    [
        "On Sundays we sail at noon.",
        "We are open until eight.",
        "All our cabins have a bed. We look forward to your visit.",
        "It is made for firms like us.",
        "We offer three fares, and we recommend the first.",
        "We will charge a fee.",
        "The choice is ours.",
        "We take the cost back from your salary.",
        "We keep the deposit until then.",
    ],
)
def test_what_only_a_firm_does_or_has_is_no_place(text: str) -> None:
    assert speak_as_one(draft_of(Verifier(SCENARIO), text, Random(0))) is None


def test_one_may_speak_as_many() -> None:
    text = "I'm glad to help, and my advice is to ring me."
    edits = speak_as_many(draft_of(Verifier(SCENARIO), text, Random(0)))
    assert edits is not None
    assert apply(text, edits)[0] == "We're glad to help, and our advice is to ring us."
