"""Placebos, over every family and type: edits as large as a corruption's, after which the answer says the same."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from random import Random

import pytest

from forge_arena.corruptions import Injection, inject
from forge_arena.errors import CannotCorrupt
from forge_arena.placebos import HarmlessEdit, edit_harmlessly
from forge_arena.scenarios import load_families
from forge_arena.testing import fault_of_edit
from forge_arena.types import (
    Alternative,
    Answer,
    Claim,
    ClaimKind,
    CorruptionType,
    Domain,
    Placebo,
    Scenario,
    Standing,
)
from forge_arena.verify import Verifier
from forge_arena.workers import ScriptedWorker

BY_NAME = {family.name: family for family in load_families()}
# One for each level of stealth.
SEEDS = range(4)

# In one process, so that nothing is drawn twice.
pytestmark = pytest.mark.xdist_group("placebos")


@dataclass(frozen=True)
class Drawn:
    """A clean answer, the corruption whose place the edit takes, and the edit."""

    scenario: Scenario
    twin: Answer
    injection: Injection
    edit: HarmlessEdit


def _reworded(family: str, seed: int, wording: int) -> Scenario:
    return BY_NAME[family].draw(Random(seed), wording)


@cache
def draws(family: str, type: CorruptionType) -> tuple[Drawn, ...]:
    found = []
    for seed in SEEDS:
        reword = partial(_reworded, family, seed)
        rng = Random(seed)
        scenario = BY_NAME[family].draw(rng)
        verifier = Verifier(scenario)
        answer = asyncio.run(ScriptedWorker().answer(scenario, rng))
        if not verifier.verify(answer.output).clean:
            continue
        try:
            injection = inject(verifier, answer, type, seed % 4, Random(seed))
            edit = edit_harmlessly(verifier, injection.clean, type, injection.target, Random(seed), reword)
        except CannotCorrupt:
            continue
        assert edit == edit_harmlessly(
            Verifier(scenario),
            injection.clean,
            type,
            injection.target,
            Random(seed),
            reword,
        )
        found.append(Drawn(scenario, injection.clean, injection, edit))
    assert len(found) >= len(SEEDS) // 2
    return tuple(found)


def draws_of(family: str) -> Iterator[Drawn]:
    """The draws of a family with every corruption that it takes."""
    for type in sorted(BY_NAME[family].corruptions):
        yield from draws(family, type)


def everywhere(kind: Placebo | None = None) -> Iterator[Drawn]:
    for family in BY_NAME:
        yield from (drawn for drawn in draws_of(family) if kind in (None, drawn.edit.kind))


@pytest.mark.parametrize("family", BY_NAME)
def test_an_edit_changes_its_spans_and_leaves_the_answer_right(family: str) -> None:
    for drawn in draws_of(family):
        assert fault_of_edit(drawn.scenario, drawn.twin.output, drawn.edit.answer.output, drawn.edit.spans) is None


def test_every_kind_of_edit_occurs_and_each_corruption_has_its_likeness() -> None:
    kinds = {type: Counter[Placebo]() for type in CorruptionType}
    for drawn in everywhere():
        kinds[drawn.injection.type][drawn.edit.kind] += 1
    assert set(sum(kinds.values(), Counter())) == set(Placebo)
    assert kinds[CorruptionType.factual_omission].most_common(1)[0][0] is Placebo.substitution
    assert kinds[CorruptionType.temporal_shift][Placebo.respelling]
    assert kinds[CorruptionType.authority_fabrication][Placebo.respelling]
    assert kinds[CorruptionType.bias_injection].most_common(1)[0][0] is Placebo.paraphrase


@pytest.mark.parametrize("kind", [Placebo.paraphrase, Placebo.respelling, Placebo.reordering])
def test_what_is_said_otherwise_is_the_same(kind: Placebo) -> None:
    seen = 0
    for drawn in everywhere(kind):
        seen += 1
        before, after = (Verifier(drawn.scenario).verify(a.output) for a in (drawn.twin, drawn.edit.answer))
        assert after.stated == before.stated
    assert seen >= 10


def test_a_respelling_changes_values_of_one_kind_and_no_other_words() -> None:
    of_target = seen = 0
    for drawn in everywhere(Placebo.respelling):
        forms: dict[ClaimKind, set[str]] = {}
        for claim in drawn.scenario.claims:
            spelled = (form.lower() for alternative in claim.alternatives for form in alternative.forms)
            forms.setdefault(claim.kind, set()).update(spelled)
        respelled = {span.of(drawn.edit.answer.output).lower() for span in drawn.edit.spans}
        assert any(respelled <= known for known in forms.values())
        seen += 1
        of_target += respelled <= forms[drawn.scenario.claim(drawn.injection.target).kind]
    # Only where nothing else fits, another kind than the target's is respelled.
    assert of_target > 0.8 * seen
    assert seen >= 10


def test_a_reordering_keeps_every_word() -> None:
    for drawn in everywhere(Placebo.reordering):
        assert Counter(drawn.edit.answer.output.split()) == Counter(drawn.twin.output.split())
        assert drawn.edit.answer.reasoning == drawn.twin.reasoning


def test_a_substitution_keeps_all_that_is_required_and_trades_what_is_not() -> None:
    traded = 0
    for drawn in everywhere(Placebo.substitution):
        before, after = (Verifier(drawn.scenario).verify(a.output) for a in (drawn.twin, drawn.edit.answer))
        required = {c.id for c in drawn.scenario.claims if c.required}
        assert required <= after.stated
        gone = before.stated - after.stated
        assert gone
        assert gone.isdisjoint(required)
        traded += bool(after.stated - before.stated)
    assert traded >= 10


def test_the_reasoning_goes_along_with_an_edit_that_it_speaks_of() -> None:
    changed = Counter[Placebo]()
    for drawn in everywhere():
        changed[drawn.edit.kind] += drawn.edit.answer.reasoning != drawn.twin.reasoning
        if drawn.edit.kind is Placebo.respelling:
            before, after = (
                Verifier(drawn.scenario).verify(a.reasoning).stated for a in (drawn.twin, drawn.edit.answer)
            )
            assert after == before
    assert changed[Placebo.respelling]
    assert changed[Placebo.substitution]
    assert not changed[Placebo.paraphrase]


def test_an_answer_that_takes_no_edit_is_refused_and_told_in_place_of_what() -> None:
    window = Claim(
        id="window",
        kind=ClaimKind.duration,
        label="the window",
        about=(("take",),),
        required=True,
        alternatives=(Alternative(name="current", standing=Standing.right, forms=("50 days",)),),
    )
    scenario = Scenario(
        family="small",
        domain=Domain.customer_support,
        task="Answer.",
        source_material="It takes 50 days.",
        claims=(window,),
    )
    answer = Answer(reasoning="", output="It takes 50 days.")
    with pytest.raises(CannotCorrupt, match="no harmless edit fits this answer in place of temporal_shift"):
        edit_harmlessly(
            Verifier(scenario), answer, CorruptionType.temporal_shift, "window", Random(0), lambda _: scenario
        )


def test_an_edit_takes_the_place_of_a_corruption_and_about_its_size() -> None:
    """Not on each answer, but over many: neither more nor fewer words than a corruption adds or takes away."""
    by_edit, by_corruption = [], []
    for drawn in everywhere():
        words = len(drawn.twin.output.split())
        by_edit.append(len(drawn.edit.answer.output.split()) - words)
        by_corruption.append(len(drawn.injection.answer.output.split()) - words)
    assert abs(sum(by_edit) / len(by_edit) - sum(by_corruption) / len(by_corruption)) < 3
