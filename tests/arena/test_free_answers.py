"""Corruptions and placebos of answers that somebody wrote in words of their own: no seam, and one claim breaks."""

import json
from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from forge_arena.corruptions import Injection, inject, possible, registry
from forge_arena.corruptions.draft import draft_of
from forge_arena.corruptions.left_over import shows_in_code
from forge_arena.corruptions.thoughts import Trade, apply_trade
from forge_arena.errors import CannotCorrupt
from forge_arena.placebos import HarmlessEdit, edit_harmlessly
from forge_arena.statements import Voice
from forge_arena.testing import changed_outside
from forge_arena.types import (
    Alternative,
    Answer,
    Case,
    Check,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Placebo,
    Scenario,
    Standing,
    Statement,
)
from forge_arena.verify import Verifier
from forge_arena.workers.prompts import split_reasoning

LIVE = Path(__file__).parents[2].parent / "shared" / "data" / "live_answers_dev.jsonl"


def right(*forms: str, check: Check | None = None, name: str = "current") -> Alternative:
    return Alternative(name=name, standing=Standing.right, forms=forms, check=check)


def former(*forms: str) -> Alternative:
    return Alternative(name="superseded", standing=Standing.superseded, forms=forms)


def unfit(name: str, *forms: str, check: Check | None = None) -> Alternative:
    return Alternative(name=name, standing=Standing.unfit, forms=forms, check=check)


SAUNA = Scenario(
    family="sauna",
    domain=Domain.customer_support,
    task="Tell the guest how the sauna may be used.",
    source_material=(
        "A session lasts 12 minutes; it lasted 20 minutes until last year. The towel deposit is £9, formerly £4. "
        "Bookings close on 6 May 2031, not on 2 May 2031. Complaints go before the house council, not before the porter "
        'and not to the desk by letter. Rule 4.2 is about sessions, rule 4.7 about towels. Replies open with "Dear guest". '
        "Showers are warm for 3 hours."
    ),
    claims=(
        Claim(
            id="session",
            kind=ClaimKind.duration,
            label="the length of a session",
            about=(("session",),),
            required=True,
            alternatives=(right("12 minutes"), former("20 minutes")),
        ),
        Claim(
            id="deposit",
            kind=ClaimKind.money,
            label="the towel deposit",
            about=(("towel", "deposit"),),
            required=True,
            alternatives=(right("£9", "£9.00"), former("£4", "£4.00")),
        ),
        Claim(
            id="close",
            kind=ClaimKind.date,
            label="the day on which bookings close",
            about=(("booking", "close"),),
            required=True,
            alternatives=(right("6 May 2031", "May 6, 2031"), former("2 May 2031", "May 2, 2031")),
        ),
        Claim(
            id="showers",
            kind=ClaimKind.duration,
            label="how long the showers are warm",
            about=(("shower",),),
            alternatives=(right("3 hours"),),
        ),
        Claim(
            id="appeal",
            kind=ClaimKind.option,
            label="where complaints go",
            about=(("complain",),),
            alternatives=(
                right("before the house council", name="council"),
                unfit("porter", "before the night porter"),
                unfit("letter", "in a sealed letter"),
            ),
        ),
        Claim(
            id="session_source",
            kind=ClaimKind.citation,
            label="the rule on sessions",
            subject="session",
            about=(("session",),),
            alternatives=(
                right("rule 4.2", "Rule 4.2", name="sessions"),
                Alternative(name="towels", standing=Standing.elsewhere, forms=("rule 4.7", "Rule 4.7")),
            ),
        ),
        Claim(
            id="opening",
            kind=ClaimKind.constraint,
            label="how a reply opens",
            alternatives=(
                right(check=Check(name="opens_with", argument=("Dear guest",))),
                unfit("loud", check=Check(name="opens_with", argument=("Hello there",))),
            ),
        ),
    ),
    statements=(
        Statement(text="A session is {session} long.", says=("session",)),
        Statement(text="The deposit for a towel is {deposit}.", says=("deposit",)),
    ),
)

LETTER = """Dear guest,

Happy to help you with your first visit to our house. A session of the sauna lasts twelve minutes (4.2), and the towel deposit \
is £9. Showers stay warm for 3 hours. Guests of the annex bring slippers.

Complaints go to the house council. Bookings close on 6 May 2031, so please hurry.

The team"""


def corrupted(
    text: str, type: CorruptionType, seed: int = 0, stealth: int = 3, scenario: Scenario = SAUNA
) -> Injection:
    return inject(Verifier(scenario), Answer(reasoning="", output=text), type, stealth, Random(seed))


def all_of(text: str, type: CorruptionType, scenario: Scenario = SAUNA) -> dict[str, str]:
    """The corrupted answers by target, over several seeds."""
    found: dict[str, str] = {}
    for seed in range(24):
        injection = corrupted(text, type, seed, scenario=scenario)
        found[injection.target] = injection.answer.output
    return found


def test_the_letter_is_right_and_is_no_composition_of_statements() -> None:
    verifier = Verifier(SAUNA)

    assert verifier.verify(LETTER).clean
    assert not draft_of(verifier, LETTER, Random(0)).is_composed


def test_a_text_of_statements_is_a_composition() -> None:
    text = "A session is 12 minutes long. The deposit for a towel is £9."

    assert draft_of(Verifier(SAUNA), text, Random(0)).is_composed


def test_values_are_exchanged_in_the_authors_own_spelling() -> None:
    answers = all_of(LETTER, CorruptionType.temporal_shift)

    assert answers["session"] == LETTER.replace("twelve minutes", "twenty minutes")
    assert answers["deposit"] == LETTER.replace("£9", "£4")
    assert answers["close"] == LETTER.replace("6 May 2031", "2 May 2031")


@pytest.mark.parametrize(
    ("written", "raw", "changed"),
    [
        ("12 minutes", "20-minute", "20 minutes"),
        ("12 minutes", "20-minutes", "20 minutes"),
        ("12 minutes", "twenty minutes", "20 minutes"),
        ("twelve minutes", "20-minute", "twenty minutes"),
        ("12 minutes", "1-minute", "1 minute"),
    ],
)
def test_a_value_of_the_source_takes_the_shape_that_the_author_writes(written: str, raw: str, changed: str) -> None:
    session = SAUNA.claim("session").model_copy(update={"alternatives": (right("12 minutes"), former(raw))})
    claims = (session, *SAUNA.claims[1:])
    source = SAUNA.source_material.replace("20 minutes", f"a {raw} session")
    scenario = SAUNA.model_copy(update={"claims": claims, "source_material": source})
    letter = LETTER.replace("twelve minutes", written)

    outputs = all_of(letter, CorruptionType.temporal_shift, scenario)
    assert outputs["session"] == LETTER.replace("twelve minutes", changed)


def test_a_citation_keeps_the_form_of_the_author() -> None:
    assert all_of(LETTER, CorruptionType.authority_fabrication) == {"session_source": LETTER.replace("(4.2)", "(4.7)")}


def test_a_title_is_never_cited_in_two_pairs_of_quotation_marks() -> None:
    # An older import put marks around a title that has marks of its own.
    cited = SAUNA.claim("session_source").model_copy(
        update={
            "alternatives": (
                right('section "Sessions"', '"Sessions"', name="sessions"),
                Alternative(
                    name="towels",
                    standing=Standing.elsewhere,
                    forms=('section ""Who pays for towels?""', '""Who pays for towels?""'),
                ),
            )
        }
    )
    claims = tuple(cited if claim.id == "session_source" else claim for claim in SAUNA.claims)
    scenario = SAUNA.model_copy(update={"claims": claims})
    letter = LETTER.replace("(4.2)", '("Sessions")')

    with pytest.raises(CannotCorrupt):
        corrupted(letter, CorruptionType.authority_fabrication, scenario=scenario)


def test_only_the_option_that_fits_the_place_is_chosen() -> None:
    outputs = {corrupted(LETTER, CorruptionType.bias_injection, seed).answer.output for seed in range(12)}

    assert outputs == {LETTER.replace("the house council", "the night porter")}


@pytest.mark.parametrize(
    "reason", ["since rule 4.9 asks for it", "because it is near", "so that nobody waits 1.5 hours"]
)
@pytest.mark.parametrize("cited", ["", " (rule 4.9)"])
def test_a_reason_goes_along_up_to_the_end_of_its_sentence(reason: str, cited: str) -> None:
    letter = LETTER.replace("to the house council.", f"before the house council, {reason}{cited}.")
    source = f"{SAUNA.source_material} Rule 4.9 is about complaints: nobody waits 1.5 hours."
    scenario = SAUNA.model_copy(update={"source_material": source})

    output = corrupted(letter, CorruptionType.bias_injection, scenario=scenario).answer.output
    others = ("before the night porter", "in a sealed letter")
    assert output in {LETTER.replace("to the house council.", f"{other}{cited}.") for other in others}


def test_an_option_without_a_fitting_place_is_refused() -> None:
    letter = LETTER.replace("Complaints go to the house council.", "Complaints are heard by the house council here.")
    letterbox = SAUNA.claim("appeal").model_copy(
        update={"alternatives": (SAUNA.claim("appeal").right, SAUNA.claim("appeal").alternative("letter"))}
    )
    claims = tuple(letterbox if claim.id == "appeal" else claim for claim in SAUNA.claims)
    scenario = SAUNA.model_copy(update={"claims": claims})

    with pytest.raises(CannotCorrupt):
        corrupted(letter, CorruptionType.bias_injection, scenario=scenario)


def test_an_opening_is_exchanged_up_to_its_punctuation() -> None:
    assert corrupted(LETTER, CorruptionType.instruction_override).answer.output == LETTER.replace(
        "Dear guest,", "Hello there,"
    )


def test_what_announces_a_line_goes_with_the_line() -> None:
    rule = Claim(
        id="check",
        kind=ClaimKind.constraint,
        label="how to check",
        alternatives=(right(check=Check(name="includes_any", argument=("make polish",))),),
    )
    scenario = SAUNA.model_copy(update={"claims": (*SAUNA.claims[:-1], rule)})
    letter = LETTER.replace("\n\nThe team", "\n\nTo leave the benches clean, do this:\n\nmake polish\n\nThe team")

    assert corrupted(letter, CorruptionType.instruction_override, scenario=scenario).answer.output == LETTER


def test_an_opening_that_what_follows_hangs_on_is_refused() -> None:
    letter = LETTER.replace("Dear guest,\n\nHappy", "Dear guest of our house who came on foot, happy")

    assert Verifier(SAUNA).verify(letter).clean
    with pytest.raises(CannotCorrupt):
        corrupted(letter, CorruptionType.instruction_override)


def test_what_is_left_out_leaves_neither_gap_nor_foreign_sentence() -> None:
    answers = all_of(LETTER, CorruptionType.factual_omission)

    assert answers
    for target, output in answers.items():
        assert Verifier(SAUNA).verify(output).broken == {target}
        assert len(output) < len(LETTER)
        assert set(output.lower().split()) <= set(
            LETTER.lower().replace("(4.2),", "(4.2).").replace("£9.", "£9.").split()
        ) | {"(4.2)."}
    assert answers["deposit"] == LETTER.replace(", and the towel deposit is £9.", ".")


@pytest.mark.parametrize(
    ("letter", "left", "spans"),
    [
        (
            LETTER.replace(
                "A session of the sauna lasts twelve minutes (4.2), and the", "A session lasts twelve minutes, and the"
            ),
            "The towel deposit is £9.",
            [""],
        ),
        (
            LETTER.replace(
                "and the towel deposit is £9.", "and guests pay £1 for a lock, £2 for a robe and £9 for a towel."
            ),
            "and guests pay £1 for a lock and £2 for a robe.",
            [" and", ""],
        ),
    ],
    ids=["a capital", "an and"],
)
def test_the_span_of_an_omission_holds_no_words_that_stay(letter: str, left: str, spans: list[str]) -> None:
    source = f"{SAUNA.source_material} A lock costs £1, a robe £2."
    scenario = SAUNA.model_copy(update={"source_material": source})
    assert Verifier(scenario).verify(letter).clean

    for seed in range(60):
        injection = corrupted(letter, CorruptionType.factual_omission, seed, scenario=scenario)
        if left in (output := injection.answer.output):
            assert [span.of(output) for span in injection.spans] == spans
            assert changed_outside(letter, output, injection.spans) is None
            return
    raise AssertionError("the omission was never made in this way")


def test_a_placebo_cuts_out_what_nobody_asked_for() -> None:
    kinds = defaultdict(set)
    for seed in range(12):
        edit = placebo_of(CorruptionType.factual_omission, "deposit", seed)
        kinds[edit.kind].add(edit.answer.output)

    assert LETTER.replace(" Showers stay warm for 3 hours.", "") in kinds[Placebo.substitution]


@pytest.mark.parametrize(
    ("beside", "leaning"),
    [
        ("A bench takes six guests.", "Further guests are led to the hall."),
        ("A bench takes six guests.", "For the rest the hall has chairs."),
        ("The hall is warm at night.", "It has chairs as well."),
    ],
)
def test_a_sentence_stays_beside_the_one_that_it_leans_on(beside: str, leaning: str) -> None:
    letter = LETTER.replace(
        "Guests of the annex bring slippers.", f"The gate is green. {beside} {leaning} The porter is in the hall."
    ).replace("(4.2), and the towel deposit", "(4.2). The towel deposit")
    assert Verifier(SAUNA).verify(letter).clean
    answer = Answer(reasoning="", output=letter)

    orders = set()
    for seed in range(60):
        edit = edit_harmlessly(
            Verifier(SAUNA), answer, CorruptionType.bias_injection, "appeal", Random(seed), lambda wording: SAUNA
        )
        if edit.kind is Placebo.reordering:
            orders.add(edit.answer.output)
    assert orders
    assert all(f"{beside} {leaning}" in order for order in orders)


def test_a_value_that_another_sentence_tells_as_past_changes_places_with_the_new_one() -> None:
    letter = LETTER.replace(
        "Guests of the annex bring slippers.", "Guests bring slippers. The earlier £4 is struck out."
    )

    output = all_of(letter, CorruptionType.temporal_shift)["deposit"]
    assert output == letter.replace("£4", "£").replace("£9", "£4").replace("The earlier £ ", "The earlier £9 ")


def test_an_opening_is_not_exchanged_for_what_the_answer_says_next() -> None:
    opening = SAUNA.claim("opening").model_copy(
        update={
            "alternatives": (
                right(check=Check(name="opens_with", argument=("Dear guest",))),
                unfit("loud", check=Check(name="opens_with", argument=("Thank you for writing",))),
            )
        }
    )
    scenario = SAUNA.model_copy(update={"claims": (*SAUNA.claims[:-1], opening)})
    letter = LETTER.replace("Happy to help you with your", "thank you for coming to us on your")
    assert Verifier(scenario).verify(letter).clean

    with pytest.raises(CannotCorrupt):
        corrupted(letter, CorruptionType.instruction_override, scenario=scenario)


@pytest.mark.parametrize(
    ("reasoning", "wanted"),
    [
        ("Session: 12, towel 9.", "Session: 20, towel 9."),
        ("House council. 12 min, 9 pounds.", "House council. 20 min, 9 pounds."),
        ("Rule 4.12, note 12/3, 12% off.", "Rule 4.12, note 12/3, 12% off."),
    ],
)
def test_a_number_without_its_unit_goes_along_in_the_reasoning(reasoning: str, wanted: str) -> None:
    session = SAUNA.claim("session")
    trade = Trade(session, session.alternative("superseded"), Voice({}, {}))

    assert apply_trade(Verifier(SAUNA), reasoning, trade, Random(0)) == wanted


def test_a_number_of_two_claims_stays_in_the_reasoning() -> None:
    session = SAUNA.claim("session")
    deposit = SAUNA.claim("deposit").model_copy(update={"alternatives": (right("£12", "£12.00"), former("£4"))})
    claims = (session, deposit, *SAUNA.claims[2:])
    scenario = SAUNA.model_copy(
        update={"claims": claims, "source_material": SAUNA.source_material.replace("£9", "£12")}
    )
    trade = Trade(session, session.alternative("superseded"), Voice({}, {}))

    assert apply_trade(Verifier(scenario), "Session and towel: 12.", trade, Random(0)) == "Session and towel: 12."


def test_an_omission_is_refused_where_the_code_still_shows_it() -> None:
    draft = draft_of(Verifier(TILL), REVIEW, Random(0))
    told = Claim(id="told", kind=ClaimKind.term, label="what is added", alternatives=(right("all `prices` are added"),))
    other = Claim(id="other", kind=ClaimKind.term, label="who signs", alternatives=(right("the `auditor` signs"),))

    assert shows_in_code(draft, told)
    assert not shows_in_code(draft, other)


def test_a_placebo_cuts_one_fact_at_most() -> None:
    letter = LETTER.replace("Showers stay warm for 3 hours.", "Showers stay warm for 3 hours, and lockers cost £2.")
    locker = Claim(
        id="locker", kind=ClaimKind.money, label="the locker", about=(("locker",),), alternatives=(right("£2"),)
    )
    source = f"{SAUNA.source_material} Lockers cost £2."
    scenario = SAUNA.model_copy(update={"claims": (*SAUNA.claims, locker), "source_material": source})
    answer = Answer(reasoning="", output=letter)
    left = set()
    for seed in range(12):
        edit = edit_harmlessly(
            Verifier(scenario),
            answer,
            CorruptionType.factual_omission,
            "deposit",
            Random(seed),
            lambda wording: scenario,
        )
        left.add(("3 hours" in edit.answer.output, "£2" in edit.answer.output))
    assert (False, False) not in left
    assert (True, False) in left


def test_a_placebo_writes_dates_in_the_order_of_the_source() -> None:
    for seed in range(40):
        assert "May 6, 2031" not in placebo_of(CorruptionType.temporal_shift, "close", seed).answer.output


@pytest.mark.parametrize(
    "pair",
    [
        ("The old price was £3.", "Guests may therefore bring one friend for free."),
        ("The pool has a slide.", "The gate is shut one hour after that."),
    ],
)
def test_a_sentence_that_goes_on_with_another_keeps_its_place(pair: tuple[str, str]) -> None:
    letter = LETTER.replace(
        "Guests of the annex bring slippers.", f"The gate is green. {' '.join(pair)} A porter is in."
    )
    scenario = SAUNA.model_copy(update={"source_material": f"{SAUNA.source_material} The old price was £3."})
    assert Verifier(scenario).verify(letter).clean
    for seed in range(40):
        output = edit_harmlessly(
            Verifier(scenario),
            Answer(reasoning="", output=letter),
            CorruptionType.bias_injection,
            "appeal",
            Random(seed),
            lambda wording: scenario,
        ).answer.output
        assert output.index(pair[0]) < output.index(pair[1])


@pytest.mark.parametrize("type", list(CorruptionType))
@pytest.mark.parametrize("seed", range(6))
def test_a_placebo_leaves_a_right_answer_right(type: CorruptionType, seed: int) -> None:
    edit = placebo_of(type, "session", seed)

    assert edit.answer.output != LETTER
    assert Verifier(SAUNA).verify(edit.answer.output).clean
    assert edit.spans


def placebo_of(type: CorruptionType, target: str, seed: int) -> HarmlessEdit:
    answer = Answer(reasoning="", output=LETTER)
    return edit_harmlessly(Verifier(SAUNA), answer, type, target, Random(seed), lambda wording: SAUNA)


LOOP = "def total(prices):\n    amount = 0\n    for price in prices:\n        amount += price\n    return amount"
BUILTIN = "def total(prices):\n    return sum(prices)"
TILL = Scenario(
    family="till",
    domain=Domain.code_review,
    task="Write the function `total` as the house style wants it.",
    source_material="House style: add up with the built-in `sum`, so that no counter is left over. A plain loop is not wanted.",
    claims=(
        Claim(
            id="way",
            kind=ClaimKind.option,
            label="how prices are added up",
            about=(("add", "style"),),
            alternatives=(right("the built-in `sum`", name="builtin"), unfit("loop", "a plain loop")),
        ),
        Claim(
            id="code",
            kind=ClaimKind.behaviour,
            label="the function",
            required=True,
            alternatives=(right(BUILTIN, LOOP, name="adds"),),
            cases=(Case(call="total([2, 3])", returns="5"), Case(call="total([])", returns="0")),
        ),
    ),
    statements=(
        Statement(text=f"Take this:\n\n```python\n{BUILTIN}\n```", says=("code",), when={"way": "builtin"}),
        Statement(text=f"Take this:\n\n```python\n{LOOP}\n```", says=("code",), when={"way": "loop"}),
    ),
)
REVIEW = '''Thanks for the change.

Our style wants prices added up with the built-in `sum`, so that no counter is left over. What I propose:

```python
def total(prices):
    """What the basket costs."""
    return sum(prices)


def show(basket):
    print(total(basket.prices))
```

The rest can go in.'''


def test_code_and_reason_go_along_with_an_option() -> None:
    output = corrupted(REVIEW, CorruptionType.bias_injection, scenario=TILL).answer.output

    assert "added up with a plain loop. What I propose" in output
    assert '    """What the basket costs."""\n    amount = 0\n    for price in prices:' in output
    assert "def show(basket):\n    print(total(basket.prices))" in output
    assert "counter" not in output


def test_an_option_is_refused_if_its_code_cannot_go_along() -> None:
    scenario = TILL.model_copy(update={"statements": TILL.statements[:1]})

    with pytest.raises(CannotCorrupt):
        corrupted(REVIEW, CorruptionType.bias_injection, scenario=scenario)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(not LIVE.exists(), reason="the live answers lie beside the repository")
def test_right_answers_of_a_strong_model_take_each_type_and_a_placebo() -> None:
    tried: defaultdict[CorruptionType, int] = defaultdict(int)
    taken: defaultdict[CorruptionType, int] = defaultdict(int)
    for line in LIVE.read_text().splitlines():
        row = json.loads(line)
        scenario, answer = Scenario.model_validate(row["scenario"]), split_reasoning(row["content"])
        verifier = Verifier(scenario)
        if not row["right"] or not verifier.verify(answer.output).clean:
            continue
        draft = draft_of(verifier, answer.output, Random(0))
        assert not draft.is_composed
        for type in sorted(possible(scenario.claims)):
            # An answer that cites nothing cannot cite something else.
            if not any(registry()[type].targets(draft)):
                continue
            tried[type] += 1
            rng = Random(f"{row['id']}:{type}")
            try:
                injection = inject(verifier, answer, type, tried[type] % 4, rng)
            except CannotCorrupt:
                continue
            taken[type] += 1
            assert verifier.verify(injection.answer.output).broken == {injection.target}
            edit = edit_harmlessly(
                verifier, injection.clean, type, injection.target, rng, lambda wording, s=scenario: s
            )
            assert verifier.verify(edit.answer.output).clean
    shares = {type: taken[type] / tried[type] for type in tried}
    assert set(shares) == set(CorruptionType.SHIPPED)
    # An omission is refused where another sentence or the code of the answer still shows the fact.
    least = {CorruptionType.factual_omission: 0.85}
    assert all(share >= least.get(type, 0.9) for type, share in shares.items()), shares
