"""Corruptions, over every family, type and stealth: they break their target and change nothing else."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_arena.corruptions import can_inject, inject, registry
from forge_arena.corruptions.base import NEVER_REQUIRED, choose_otherwise, restate, trade_sentence
from forge_arena.corruptions.draft import Draft, Edit, apply, removal
from forge_arena.errors import CannotCorrupt, WorkerFailed
from forge_arena.scenarios import Family, load_families
from forge_arena.testing import INJECTION_PROMISES, Corrupted, check_corruption, keep
from forge_arena.types import (
    Alternative,
    Answer,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Scenario,
    Span,
    Standing,
)
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker

FAMILIES = load_families()


def clean_answer(family: Family, seed: int) -> tuple[Scenario, Verifier, Answer] | None:
    rng = Random(seed)
    scenario = family.draw(rng)
    verifier = Verifier(scenario)
    try:
        answer = asyncio.run(ScriptedWorker().answer(scenario, rng))
    except WorkerFailed:
        return None
    return (scenario, verifier, answer) if verifier.verify(answer.output).clean else None


def test_the_registry_holds_the_five_types() -> None:
    assert set(registry()) == set(CorruptionType)


def test_nobody_leaves_out_what_the_task_itself_asks_for() -> None:
    """Code and a choice that the task asks for would be missed without the source."""
    omission = registry()[CorruptionType.factual_omission]
    asked = [(f, name) for f in FAMILIES for name, claim in f.spec.claims.items() if claim.required == "task"]
    assert len(asked) > 10
    for family, name in asked:
        drawn = clean_answer(family, 0) or clean_answer(family, 1)
        assert drawn is not None
        scenario, verifier, answer = drawn
        assert scenario.claim(name).required
        draft = Draft(scenario, answer.output, verifier.verify(answer.output))
        assert name in draft.report.stated
        assert name not in {claim.id for claim, _ in omission.targets(draft)}


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    family=st.sampled_from(FAMILIES),
    type=st.sampled_from(sorted(CorruptionType)),
    stealth=st.integers(0, 3),
    seed=st.integers(0, 2**32),
)
def test_a_corruption_breaks_its_target_and_nothing_else(
    family: Family, type: CorruptionType, stealth: int, seed: int
) -> None:
    drawn = clean_answer(family, seed)
    if drawn is None:
        return
    scenario, verifier, answer = drawn
    try:
        injection = inject(verifier, answer, type, stealth, Random(seed))
    except CannotCorrupt:
        return
    # The Verifier that saw the clean answer reads the same as a Verifier that did not.
    assert verifier.verify(injection.answer.output).broken == {injection.target}
    keep(INJECTION_PROMISES, Corrupted(scenario, answer, stealth, seed, injection), family.name)


@pytest.mark.parametrize("type", sorted(CorruptionType))
def test_a_corruption_keeps_its_promises(type: CorruptionType) -> None:
    one_of_each = {family.domain: family for family in FAMILIES if type in family.corruptions}
    assert check_corruption(type.value, tuple(one_of_each.values()), answers=3) >= len(one_of_each)


def test_edits_are_applied_and_located() -> None:
    text, spans = apply("one two three", (Edit(8, 13, "3"), Edit(0, 3, "first")))
    assert text == "first two 3"
    assert [s.of(text) for s in spans] == ["first", "3"]


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="edits overlap at character 2"):
        apply("one two", (Edit(0, 3, "a"), Edit(2, 5, "b")))


NAMES = Scenario(
    family="names",
    domain=Domain.product_recommendation,
    task="Recommend one.",
    source_material="The Alto fits. The Bora does not.",
    claims=(
        Claim(
            id="model",
            kind=ClaimKind.option,
            about=(("recommend",),),
            alternatives=(
                Alternative(name="alto", standing=Standing.right, forms=("the Alto",)),
                Alternative(name="bora", standing=Standing.unfit, forms=("the Bora",)),
            ),
        ),
    ),
)
TERM = NAMES.model_copy(
    update={
        "claims": (
            Claim(
                id="rule",
                kind=ClaimKind.term,
                about=(("cancel",),),
                alternatives=(
                    Alternative(name="stated", standing=Standing.right, forms=("may cancel",)),
                    Alternative(name="former", standing=Standing.superseded, forms=("must not cancel",)),
                ),
            ),
        )
    }
)


@pytest.mark.parametrize(
    ("scenario", "edit", "text", "wanted"),
    [
        (
            NAMES,
            lambda draft, claim: choose_otherwise(draft, claim, claim.wrong[0], Random(0)),
            "İİİ: we recommend the Alto. It is quiet.\n\nNo fit: the Bora.",
            "İİİ: we recommend the Bora. It is quiet.\n\nNo fit: the Alto.",
        ),
        (
            TERM,
            lambda draft, claim: restate(draft, claim, claim.wrong[0]),
            "İİİ says: members may cancel, formerly must not cancel.",
            "İİİ says: members must not cancel, formerly may cancel.",
        ),
    ],
    ids=["names", "term"],
)
def test_a_letter_that_is_longer_in_lower_case_moves_no_edit(
    scenario: Scenario, edit: Callable[[Draft, Claim], tuple[Edit, ...]], text: str, wanted: str
) -> None:
    assert len(text.lower()) > len(text)
    draft = Draft(scenario, text, Verifier(scenario).verify(text))
    assert apply(text, edit(draft, scenario.claims[0]))[0] == wanted


def test_deletions_may_share_the_space_between_them() -> None:
    assert apply("One. Two. Three.", (Edit(5, 10, ""), Edit(9, 16, "")))[0] == "One. "


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("One. Two. Three.", "Two.", "One. Three."),
        ("One. Two.", "Two.", "One."),
        ("One. Two.", "One.", "Two."),
        ("One.\n\nTwo.\n\nThree.", "Two.", "One.\n\nThree."),
        ("One.\n\nTwo.", "Two.", "One."),
        ("One.\n\nTwo.", "One.", "Two."),
        ("One. Two.\n\nThree.", "Two.", "One.\n\nThree."),
        ("One.", "One.", ""),
    ],
)
def test_a_sentence_that_is_taken_out_leaves_no_gap(text: str, gone: str, left: str) -> None:
    start = text.index(gone)
    assert apply(text, (removal(text, Span(start=start, end=start + len(gone))),))[0] == left


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_traded_sentence_takes_its_claim_along_and_brings_what_it_names(family: Family) -> None:
    traded = brought = 0
    for seed in range(4):
        drawn = clean_answer(family, seed)
        if drawn is None:
            continue
        scenario, verifier, answer = drawn
        before = verifier.verify(answer.output)
        draft = Draft(scenario, answer.output, before)
        for claim in scenario.claims:
            if claim.id not in before.stated or claim.kind in NEVER_REQUIRED:
                continue
            rewrite = trade_sentence(draft, claim, Random(seed))
            if rewrite is None:
                continue
            assert claim.id not in rewrite.instead
            assert not any(scenario.claim(one).required for one in rewrite.instead - before.stated)
            after = verifier.verify(apply(answer.output, rewrite.edits)[0])
            if after.broken - {claim.id} or claim.id in after.stated:
                # `inject` verifies each trade and drops such a one: it breaks a count of words, or a rule of the sentence,
                # or the claim is said a second time, as by the example that shows what is wrong with the code.
                continue
            traded += 1
            assert rewrite.instead <= after.stated
            # An authority that was cited for the claim may go with it.
            gone = {claim.id, *(one.id for one in scenario.claims if one.subject == claim.id)}
            assert before.stated - gone <= after.stated
            brought += bool(rewrite.instead)
    assert traded
    assert brought


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_neither_place_nor_length_tells_what_was_traded(family: Family) -> None:
    longer: list[bool] = []
    for seed in range(24):
        drawn = clean_answer(family, seed)
        if drawn is None:
            continue
        _, verifier, answer = drawn
        try:
            injection = inject(verifier, answer, CorruptionType.factual_omission, 3, Random(seed))
        except CannotCorrupt:
            continue
        output = injection.answer.output
        assert output == output.strip()
        assert output.count("\n\n\n") <= answer.output.count("\n\n\n")
        longer.append(len(output) > len(answer.output))
    assert len(longer) >= 12
    assert 0.1 < sum(longer) / len(longer) < 0.9


@pytest.mark.parametrize("family", FAMILIES[::3], ids=lambda family: family.name)
def test_whether_a_corruption_fits_is_known_without_its_reasoning(family: Family) -> None:
    for seed in range(3):
        drawn = clean_answer(family, seed)
        if drawn is None:
            continue
        _, verifier, answer = drawn
        for type in CorruptionType:
            fits = can_inject(verifier, answer.output, type, seed, Random(seed))
            try:
                inject(verifier, answer, type, seed, Random(seed))
            except CannotCorrupt:
                assert not fits
            else:
                assert fits
