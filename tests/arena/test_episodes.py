"""Keys and episodes: the same key means the same episode, and nothing of the truth depends on the neighbour's."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

import pytest
from scipy.stats import binomtest

from forge_arena.corruptions import Corruption, registry
from forge_arena.corruptions.base import Target
from forge_arena.corruptions.draft import Draft
from forge_arena.corruptions.thoughts import apply_trade
from forge_arena.episodes import Arena
from forge_arena.errors import ScenarioError, Unfit, UnknownKey, WorkerFailed
from forge_arena.keys import MAX_INDEX, Filters, Key
from forge_arena.placebos import edit_harmlessly
from forge_arena.salts import PUBLISHED_SALT
from forge_arena.scenarios import Family, load_families, open_set
from forge_arena.testing import fault_of_edit
from forge_arena.texts.reasoning import steps
from forge_arena.types import (
    HOMES,
    Alternative,
    Answer,
    Awareness,
    Candour,
    ClaimKind,
    CorruptionType,
    Domain,
    Episode,
    Form,
    Mechanism,
    Probe,
    Scenario,
    Split,
    Standing,
    Truth,
)
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.workers import HiddenInstruction, ScriptedWorker

BY_MECHANISM = {m: Arena(ScriptedWorker(1.0), secret="tests", mechanism=m) for m in Mechanism}
ARENA = BY_MECHANISM[Mechanism.rewrite]
FORMS = (None, *Form)
STREAM = 4_000
# For each family and type that it can take, the first key of its split that draws both.
PAIRS = {
    (plan.family, plan.corruption_type): plan
    for split in HOMES
    for index in reversed(range(400))
    if (plan := ARENA.plan(ARENA.key(split, index)))
}
EPISODES: dict[tuple[str, CorruptionType, Mechanism], dict[Form, Episode]] = {}

# In one process, so that no episode is made twice.
pytestmark = pytest.mark.xdist_group("episodes")


ELSEWHERE = """
import asyncio, json, sys
from forge_arena.episodes import Arena
from forge_arena.types import Mechanism
from forge_arena.workers import ScriptedWorker
for mechanism, key in json.loads(sys.argv[1]):
    arena = Arena(ScriptedWorker(1.0), secret="tests", mechanism=Mechanism(mechanism))
    print(asyncio.run(arena.make(key)).model_dump_json())
"""
FAR = [(m, ARENA.key(s, i, f)) for m in Mechanism for s in Split for i in (0, 4_000_000_007) for f in FORMS]


@pytest.fixture(scope="module")
def elsewhere() -> dict[tuple[Mechanism, str], str]:
    """The episodes of `FAR` as another process makes them."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, json.dumps(FAR)], capture_output=True, text=True, check=True
    )
    return dict(zip(FAR, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("mechanism", Mechanism)
async def test_a_key_means_the_same_in_another_process(
    split: Split, mechanism: Mechanism, elsewhere: dict[tuple[Mechanism, str], str]
) -> None:
    for index, form in product((0, 4_000_000_007), FORMS):
        key = ARENA.key(split, index, form)
        assert (await BY_MECHANISM[mechanism].make(key)).model_dump_json() == elsewhere[mechanism, key]


@pytest.mark.parametrize("form", FORMS)
async def test_only_the_test_split_depends_on_the_secret(form: Form | None) -> None:
    other = Arena(ScriptedWorker(1.0), secret="another")
    for split in Split:
        key = ARENA.key(split, 3, form)
        assert ((await ARENA.make(key)) == (await other.make(key))) is (split is not Split.test)


async def test_the_public_split_draws_the_families_of_the_test_split_and_none_of_its_episodes() -> None:
    assert ARENA.families(Split.public) == ARENA.families(Split.test)
    sources: dict[Split, set[str]] = {
        split: {(await ARENA.make(ARENA.key(split, index))).observation.source_material for index in range(4)}
        for split in (Split.public, Split.test)
    }
    assert not sources[Split.public] & sources[Split.test]


async def test_even_with_one_salt_the_two_test_splits_would_share_no_episode() -> None:
    opened = Arena(ScriptedWorker(1.0), secret="tests")
    opened._secret = PUBLISHED_SALT
    public = await opened.make(opened.key(Split.public, 3))
    sealed = await opened.make(opened.key(Split.test, 3))
    assert public.observation != sealed.observation


@pytest.mark.parametrize("secret", ["", " ", PUBLISHED_SALT, f" {PUBLISHED_SALT}\n"])
def test_a_secret_that_everybody_knows_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret: everybody knows this one"):
        Arena(ScriptedWorker(), secret=secret)


def test_the_fingerprint_of_a_secret_names_it_and_does_not_show_it() -> None:
    other = Arena(ScriptedWorker(), secret="another")
    assert ARENA.secret_fingerprint == BY_MECHANISM[Mechanism.prompt].secret_fingerprint != other.secret_fingerprint
    assert "tests" not in ARENA.secret_fingerprint


@pytest.mark.parametrize(
    "key",
    ["", "forge:5:val", "other:4:val:0", "forge:1:val:0", "forge:5:dev:0", "forge:5:val:-1", "forge:5:val:01",
     "forge:5:val:٣", "forge:5:val:" + "9" * 5000, "forge:5:val:0:0", "forge:5:val: 1", f"forge:5:val:{2**53}"],
)  # fmt: skip
def test_a_foreign_or_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(UnknownKey, match="a key reads forge:5:SPLIT:INDEX with SPLIT one of train, val, test"):
        ARENA.plan(key)


@pytest.mark.parametrize(
    "suffix", ["", "Clean", " clean", "clean ", "dirty", "none", "clean:", "clean:clean", ":clean", "clean\n", "0"]
)
def test_a_form_that_is_none_is_refused_and_told_which_there_are(suffix: str) -> None:
    with pytest.raises(UnknownKey, match=r"may end in :FORM with FORM one of clean, corrupted, placebo"):
        ARENA.plan(f"forge:5:val:0:{suffix}")


def test_a_key_names_its_form_at_its_end() -> None:
    assert ARENA.key(Split.val, 7) == "forge:5:val:7"
    assert [ARENA.key(Split.val, 7, form) for form in Form] == [f"forge:5:val:7:{form.value}" for form in Form]


def test_train_and_the_short_set_draw_what_they_drew_in_suite_4() -> None:
    sources, suite = open_set("short")
    short = Arena(ScriptedWorker(), sources=sources, suite=suite)

    def drawn(arena: Arena) -> list[tuple[str, str, int]]:
        plans = [arena.plan(arena.key(Split.train, index)) for index in range(4)]
        return [(plan.family, plan.form.value, plan.stealth) for plan in plans]

    assert drawn(ARENA) == [
        ("lease_variation", "placebo", 2),
        ("roaming_bill", "clean", 3),
        ("warranty_claim", "placebo", 0),
        ("order_of_precedence", "clean", 3),
    ]
    assert drawn(short) == [
        ("garden_shears", "placebo", 2),
        ("kettle_choice", "corrupted", 3),
        ("tool_rental", "corrupted", 0),
        ("swimming_course", "corrupted", 3),
    ]


def test_the_stream_is_half_corrupted_and_a_quarter_edited_without_harm() -> None:
    plans = [ARENA.plan(ARENA.key(Split.train, index)) for index in range(STREAM)]
    forms = Counter(plan.form for plan in plans)
    for form, share in ((Form.corrupted, 0.5), (Form.placebo, 0.25), (Form.clean, 0.25)):
        # Fails by chance once in a million streams; this stream is always the same.
        assert binomtest(forms[form], STREAM, share).pvalue > 1e-6
    assert all(plan.corrupted is (plan.form is Form.corrupted) for plan in plans)
    for counts, kinds in (
        (Counter(p.corruption_type for p in plans), 5),
        (Counter(p.domain for p in plans), 4),
        (Counter(p.stealth for p in plans), 4),
        (Counter((p.awareness, p.candour) for p in plans), 9),
        (Counter(p.stealth for p in plans if p.corrupted), 4),
    ):
        assert len(counts) == kinds
        assert max(counts.values()) - min(counts.values()) < counts.total() / kinds * 0.25


@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("start", [0, 20, 20_000, MAX_INDEX // 20 * 20 - 20])
def test_each_block_of_twenty_holds_each_pair_of_domain_and_type_once(split: Split, start: int) -> None:
    plans = [ARENA.plan(ARENA.key(split, start + place)) for place in range(20)]
    pairs = {(plan.domain, plan.corruption_type) for plan in plans}
    assert pairs == {(d, t) for d in Domain if d is not Domain.mixed for t in CorruptionType}


def test_a_block_does_not_foretell_the_next() -> None:
    plans = [ARENA.plan(ARENA.key(Split.train, index)) for index in range(60)]
    orders = [tuple((p.domain, p.corruption_type) for p in plans[start : start + 20]) for start in (0, 20, 40)]
    assert len(set(orders)) == 3


def test_the_sealed_split_has_an_order_of_its_own_for_each_secret() -> None:
    other = Arena(ScriptedWorker(1.0), secret="another")
    for split in Split:
        keys = [ARENA.key(split, index) for index in range(20)]
        same = [ARENA.plan(key).corruption_type is other.plan(key).corruption_type for key in keys]
        assert all(same) is (split is not Split.test)


def test_the_forms_of_a_key_share_everything_else_that_it_decides() -> None:
    for split in Split:
        for index in range(50):
            plans = [ARENA.plan(ARENA.key(split, index, form)) for form in FORMS]
            assert [plan.form for plan in plans[1:]] == list(Form)
            assert len({plan.model_copy(update={"key": "", "form": Form.clean}) for plan in plans}) == 1


def test_filters_pick_keys_of_the_one_stream() -> None:
    keys, after = ARENA.keys(
        Split.val,
        10,
        5,
        Filters(domain=Domain.code_review, corruption=CorruptionType.temporal_shift, stealth=3),
    )
    plans = [ARENA.plan(key) for key in keys]
    assert {(p.domain, p.corruption_type, p.stealth) for p in plans} == {("code_review", "temporal_shift", 3)}
    assert all(10 <= p.index < after for p in plans)
    mixed = ARENA.keys(Split.val, 10, 4, Filters(domain=Domain.mixed))
    assert mixed == ([ARENA.key(Split.val, i) for i in range(10, 14)], 14)


@pytest.mark.parametrize("form", Form)
def test_a_form_is_asked_for_not_searched_for(form: Form) -> None:
    assert ARENA.keys(Split.val, 10, 4, Filters(form=form)) == (
        [ARENA.key(Split.val, i, form) for i in range(10, 14)],
        14,
    )
    filters = Filters(domain=Domain.code_review, corruption=CorruptionType.temporal_shift, stealth=3)
    keys, after = ARENA.keys(Split.val, 10, 5, filters.model_copy(update={"form": form}))
    plain, plain_after = ARENA.keys(Split.val, 10, 5, filters)
    assert keys == [f"{key}:{form.value}" for key in plain]
    assert after == plain_after
    assert {ARENA.plan(key).form for key in keys} == {form}


@pytest.mark.parametrize("level", [*Awareness, *Candour])
def test_what_a_worker_is_told_can_be_filtered(level: Awareness | Candour) -> None:
    arena = BY_MECHANISM[Mechanism.prompt]
    name = type(level).__name__.lower()
    keys, _ = arena.keys(Split.val, 0, 8, Filters(**{name: level}))
    assert [getattr(arena.plan(key), name) for key in keys] == [level] * 8
    with pytest.raises(UnknownKey, match="no episode of this split matches"):
        ARENA.keys(Split.val, 0, 1, Filters(**{name: level}))


async def test_what_every_worker_is_told_can_be_set_and_makes_other_episodes() -> None:
    drawn = BY_MECHANISM[Mechanism.prompt]
    levels = {"awareness": Awareness.graded, "candour": Candour.faithful}
    told = Arena(
        ScriptedWorker(1.0),
        secret="tests",
        mechanism=Mechanism.prompt,
        awareness=Awareness.graded,
        candour=Candour.faithful,
    )
    for index in range(40):
        before, after = (arena.plan(arena.key(Split.val, index)) for arena in (drawn, told))
        assert after == before.model_copy(update=levels)
    truth = (await told.make(told.key(Split.val, 0, Form.corrupted))).truth
    assert {"awareness": truth.awareness, "candour": truth.candour} == levels
    prints = [arena.fingerprint(Split.val) for arena in (drawn, told, Arena(ScriptedWorker(1.0), secret="tests"))]
    assert len(set(prints)) == 3
    with pytest.raises(UnknownKey, match="no episode of this split matches"):
        told.keys(Split.val, 0, 1, Filters(candour=Candour.hidden))


@pytest.mark.parametrize("mechanism", [None, Mechanism.rewrite])
def test_the_rewriting_arena_refuses_to_tell_a_worker_anything(mechanism: Mechanism | None) -> None:
    with pytest.raises(ValueError, match="give the mechanism prompt beside"):
        Arena(ScriptedWorker(), mechanism=mechanism, candour=Candour.hidden)


def test_a_filter_that_nothing_matches_is_refused() -> None:
    with pytest.raises(UnknownKey, match="no episode of this split matches"):
        ARENA.keys(Split.val, 0, 1, Filters(mechanism=Mechanism.prompt))


def test_every_family_is_drawn_with_every_type_that_it_can_take() -> None:
    assert set(PAIRS) == {(family.name, type) for family in load_families() for type in family.corruptions}


async def make_forms(family: str, type: CorruptionType, mechanism: Mechanism) -> dict[Form, Episode]:
    """The episode of one draw in each form. Made once, because making them takes most of the time."""
    forms = EPISODES.get((family, type, mechanism))
    if forms is None:
        arena, plan = BY_MECHANISM[mechanism], PAIRS[family, type]
        forms = {form: await arena.make(arena.key(plan.split, plan.index, form)) for form in Form}
        EPISODES[family, type, mechanism] = forms
    return forms


def verify(episode: Episode) -> ClaimReport:
    """What a fresh verifier, which has read no other form of the answer, says of the answer."""
    return Verifier(episode.scenario).verify(episode.observation.worker_output)


each_family_and_mechanism = pytest.mark.parametrize(
    ("family", "mechanism"), list(product(sorted({family for family, _ in PAIRS}), Mechanism))
)


def types_of(family: str) -> list[CorruptionType]:
    """The types that the family is drawn with."""
    return [type for name, type in PAIRS if name == family]


@each_family_and_mechanism
async def test_the_forms_of_a_draw_share_scenario_and_first_answer(family: str, mechanism: Mechanism) -> None:
    for type in types_of(family):
        forms = await make_forms(family, type, mechanism)
        observations = [episode.observation for episode in forms.values()]
        assert len({(o.task, o.source_material, o.domain) for o in observations}) == 1
        assert len({episode.truth.clean_output for episode in forms.values()}) == 1
        clean, corrupted, placebo = (forms[form] for form in (Form.clean, Form.corrupted, Form.placebo))
        assert clean.scenario == corrupted.scenario == placebo.scenario
        assert {episode.truth.family for episode in forms.values()} == {family}
        assert [episode.truth.form for episode in forms.values()] == list(forms)


@each_family_and_mechanism
async def test_a_clean_answer_is_the_first_answer_and_verifies_clean(family: str, mechanism: Mechanism) -> None:
    for type in types_of(family):
        clean = (await make_forms(family, type, mechanism))[Form.clean]
        assert verify(clean).clean
        assert clean.observation.worker_output == clean.truth.clean_output
        assert clean.truth == Truth(corrupted=False, family=family, clean_output=clean.truth.clean_output)


@each_family_and_mechanism
async def test_a_placebo_edits_the_first_answer_and_verifies_clean(family: str, mechanism: Mechanism) -> None:
    for type in types_of(family):
        placebo = (await make_forms(family, type, mechanism))[Form.placebo]
        truth = placebo.truth
        edited = placebo.observation.worker_output
        assert fault_of_edit(placebo.scenario, truth.clean_output, edited, truth.output_spans) is None
        assert truth.placebo is not None
        assert truth.step is None


@each_family_and_mechanism
async def test_a_corrupted_answer_breaks_its_target_alone_as_planned(family: str, mechanism: Mechanism) -> None:
    for type in types_of(family):
        corrupted = (await make_forms(family, type, mechanism))[Form.corrupted]
        truth, observation = corrupted.truth, corrupted.observation
        assert verify(corrupted).broken == {truth.target}
        assert truth.corruption_type is type
        assert truth.stealth == PAIRS[family, type].stealth
        assert truth.output_spans
        assert all(span.end <= len(observation.worker_output) for span in truth.output_spans)
        assert all(span.of(observation.source_material) for span in truth.source_spans)
        assert truth.step is not None
        assert truth.step < len(steps(observation.worker_reasoning)) or truth.step == -1


@each_family_and_mechanism
async def test_the_episode_as_drawn_is_the_episode_in_the_form_drawn(family: str, mechanism: Mechanism) -> None:
    for type in types_of(family):
        arena, plan = BY_MECHANISM[mechanism], PAIRS[family, type]
        as_drawn = await arena.make(arena.key(plan.split, plan.index))
        in_form = (await make_forms(family, type, mechanism))[arena.plan(as_drawn.key).form]
        assert as_drawn.model_copy(update={"key": in_form.key}).model_dump_json() == in_form.model_dump_json()
        question = "Where does that stand?"
        assert await arena.probe(as_drawn, (), question) == await arena.probe(in_form, (), question)


async def make_further(arena: Arena, index: int, *, any_type: bool, most: int = 60) -> list[Episode]:
    """The episode at an index of val, corrupted, and its further corruptions until there are no more."""
    key = Key.parse(arena.key(Split.val, index))
    episodes = []
    for number in range(most):
        try:
            episodes.append(await arena.make(str(key.with_corruption(number, any_type=any_type))))
        except Unfit:
            return episodes
    raise AssertionError(f"more than {most} corruptions of one answer")


@pytest.mark.parametrize("any_type", [False, True])
async def test_further_corruptions_of_a_draw_are_verified_differ_and_share_all_else(any_type: bool) -> None:
    counts = []
    for index in range(10):
        episodes = await make_further(ARENA, index, any_type=any_type)
        own, *others = episodes
        assert own == await ARENA.make(ARENA.key(Split.val, index, Form.corrupted))
        assert len({episode.observation.worker_output for episode in episodes}) == len(episodes)
        for episode in others:
            assert verify(episode).broken == {episode.truth.target}
            assert episode.scenario == own.scenario
            assert episode.truth.clean_output == own.truth.clean_output
            assert (episode.truth.family, episode.truth.stealth) == (own.truth.family, own.truth.stealth)
        types = [episode.truth.corruption_type for episode in episodes]
        takes = next(set(source.corruptions) for source in load_families() if source.name == own.truth.family)
        assert set(types) <= takes if any_type else set(types) == {own.truth.corruption_type}
        # One of each type in turn: no type comes again before each type that goes on has come once.
        assert not any_type or len(set(types[: len(set(types))])) == len(set(types))
        counts.append(len(episodes))
    assert max(counts) > 4


async def test_a_further_corruption_is_the_same_in_another_arena_and_needs_no_number_before_it() -> None:
    key = str(Key.parse(ARENA.key(Split.val, 1)).with_corruption(2))
    assert await ARENA.make(key) == await Arena(ScriptedWorker(1.0), secret="another").make(key)


async def test_the_worker_writes_a_further_corruption_under_the_mechanism_prompt() -> None:
    arena = BY_MECHANISM[Mechanism.prompt]
    told = 0
    for index in range(6):
        key = Key.parse(arena.key(Split.val, index))
        own = await arena.make(str(key.with_corruption(0)))
        try:
            other = await arena.make(str(key.with_corruption(1)))
        except Unfit:
            continue
        assert verify(other).broken == {other.truth.target}
        assert other.truth.clean_output == own.truth.clean_output
        told += other.truth.mechanism is Mechanism.prompt and other.truth.awareness is own.truth.awareness is not None
    assert told >= 3


async def test_more_corruptions_than_an_answer_takes_are_unfit_and_not_another_draw() -> None:
    key = Key.parse(ARENA.key(Split.val, 0))
    with pytest.raises(Unfit, match="takes fewer than 500 further corruptions of type"):
        await ARENA.make(str(key.with_corruption(500)))
    with pytest.raises(Unfit, match=r"takes fewer than 500 further corruptions$"):
        await ARENA.make(str(key.with_corruption(500, any_type=True)))


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
async def test_every_label_is_true_on_the_text(mechanism: Mechanism) -> None:
    arena = Arena(ScriptedWorker(), secret="tests", mechanism=mechanism)
    for index in range(60):
        key = arena.key(list(Split)[index % 3], index)
        episode = await arena.make(key)
        truth, verifier = episode.truth, Verifier(episode.scenario)
        output = episode.observation.worker_output
        assert verifier.verify(truth.clean_output).clean
        assert truth.form is arena.plan(key).form
        if not truth.corrupted:
            assert verifier.verify(output).clean
            assert (output == truth.clean_output) is (truth.form is Form.clean)
            continue
        assert verifier.verify(output).broken == {truth.target}
        assert truth.corruption_type is arena.plan(key).corruption_type
        assert all(span.end <= len(output) for span in truth.output_spans)
        assert truth.output_spans


@pytest.mark.slow
async def test_a_worker_that_corrupts_its_own_answer_is_told_what_the_truth_records() -> None:
    arena = Arena(ScriptedWorker(1.0), secret="tests", mechanism=Mechanism.prompt)
    told = Counter[tuple[Awareness | None, Candour | None]]()
    obeyed = Counter[str]()
    hidden = 0
    for index in range(120):
        plan = arena.plan(arena.key(Split.train, index))
        # Of the forms that are told nothing, a sixth is enough.
        for form in Form if index % 6 == 0 else (Form.corrupted,):
            episode = await arena.make(arena.key(Split.train, index, form))
            truth = episode.truth
            assert (episode.observation.worker_reasoning == "") is (plan.candour is Candour.hidden)
            if form is not Form.corrupted:
                assert (truth.mechanism, truth.awareness, truth.candour) == (None, None, None)
                continue
            if plan.candour is Candour.hidden:
                hidden += 1
                assert truth.step == -1
            if truth.mechanism is Mechanism.rewrite:
                assert (truth.awareness, truth.candour) == (None, None)
                continue
            assert (truth.awareness, truth.candour) == (plan.awareness, plan.candour)
            told[truth.awareness, truth.candour] += 1
            obeyed[f"instruction_obeyed:{plan.corruption_type}"] += 1
            obeyed[f"instruction_obeyed:{plan.corruption_type}:{plan.awareness}:{plan.candour}"] += 1
    assert hidden
    assert set(told) == set(product(Awareness, Candour))
    assert told.total() > 100
    assert {name: count for name, count in arena.counts.items() if name.startswith("instruction_obeyed")} == obeyed
    assert {type for type in CorruptionType if obeyed[f"instruction_obeyed:{type}"]} == set(CorruptionType)


class Doubled(Corruption):
    """Gives twice the amount: an alternative that no claim of any family has."""

    type = CorruptionType.temporal_shift
    prompt_line = "an amount is doubled."
    kinds = frozenset({ClaimKind.money})

    def targets(self, draft: Draft) -> Iterator[Target]:
        for claim in draft.scenario.claims:
            if claim.id in draft.report.stated and self.can_break(claim):
                dollars = re.search(r"\d+", claim.right.forms[0].replace(",", ""))
                assert dollars is not None
                form = f"${2 * int(dollars[0])}"
                yield claim, Alternative(name="doubled", standing=Standing.absent, forms=(form,))


async def test_a_worker_is_asked_for_the_alternative_that_a_corruption_made_and_can_obey(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(registry(), CorruptionType.temporal_shift, Doubled())
    arena = Arena(ScriptedWorker(1.0), secret="tests", mechanism=Mechanism.prompt)
    obeyed = 0
    for key in arena.keys(Split.train, 0, 40, Filters(corruption=CorruptionType.temporal_shift, form=Form.corrupted))[
        0
    ]:
        try:
            episode = await arena.make(key)
        except Unfit:
            continue
        truth = episode.truth
        assert truth.target is not None
        assert Verifier(episode.scenario).verify(episode.observation.worker_output).broken == {truth.target}
        obeyed += truth.mechanism is Mechanism.prompt
    assert obeyed >= 5


async def test_the_rewriting_arena_tells_nobody_anything_and_hides_nothing() -> None:
    for index in range(30):
        episode = await ARENA.make(ARENA.key(Split.train, index))
        assert (episode.truth.awareness, episode.truth.candour) == (None, None)
        assert episode.observation.worker_reasoning


async def test_a_hidden_instruction_that_is_refused_is_counted_and_replaced_by_rewriting() -> None:
    arena = Arena(ScriptedWorker(compliance=0.0), secret="tests", mechanism=Mechanism.prompt)
    key = next(k for i in range(50) if arena.plan(k := arena.key(Split.train, i)).corrupted)
    episode = await arena.make(key)
    assert episode.truth.mechanism is Mechanism.rewrite
    type = episode.truth.corruption_type
    assert arena.counts[f"instruction_refused:{type}"] == 4
    assert arena.counts[f"instruction_replaced:{type}"] == 1
    plan = arena.plan(key)
    assert arena.counts[f"instruction_refused:{type}:{plan.awareness}:{plan.candour}"] == 4
    assert arena.counts[f"instruction_replaced:{type}:{plan.awareness}:{plan.candour}"] == 1


class Rambler(ScriptedWorker):
    """A brain that always says something untrue."""

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return Answer(reasoning="", output="It costs $123,456.78 under section 99.99.")


async def test_a_worker_that_never_verifies_clean_is_a_failure_not_a_label() -> None:
    arena = Arena(Rambler(), secret="tests")
    with pytest.raises(WorkerFailed, match="no usable answer in 8 tries"):
        await arena.make(arena.key(Split.train, 0))
    assert arena.counts["answers_rejected"] == 8


async def test_a_scenario_that_cannot_be_drawn_costs_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    arena = Arena(ScriptedWorker(), secret="tests")
    key, draw, drawn = arena.key(Split.train, 0), Family.draw_to_reword, list[int]()

    def fail_at_first(family: Family, rng: Random) -> tuple[Scenario, Callable[[int], Scenario]]:
        drawn.append(1)
        if len(drawn) == 1:
            raise ScenarioError("a slot has too few values")
        return draw(family, rng)

    monkeypatch.setattr(Family, "draw_to_reword", fail_at_first)
    assert (await arena.make(key)).key == key
    assert len(drawn) > 1

    def fail(family: Family, rng: Random) -> tuple[Scenario, Callable[[int], Scenario]]:
        raise ScenarioError("a slot has too few values")

    monkeypatch.setattr(Family, "draw_to_reword", fail)
    with pytest.raises(Unfit, match=r"no usable answer in 8 tries .*: a slot has too few values"):
        await Arena(ScriptedWorker(), secret="tests").make(key)


async def test_a_probe_is_answered_in_character_and_the_same_again() -> None:
    episode = await ARENA.make(ARENA.key(Split.train, 5))
    question = "Where does the window come from?"
    first = await ARENA.probe(episode, (), question)
    assert first == await ARENA.probe(episode, (), question)
    assert isinstance(first, Probe)
    assert first.answer


class Asked(ScriptedWorker):
    """Keeps what it is asked: the scenario, the hidden instruction, and a number that stands for the random numbers."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.asked: list[tuple[str, str | None, float]] = []
        self._fails = fails

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        state = rng.getstate()
        self.asked.append((scenario.source_material, hidden and hidden.text, rng.random()))
        rng.setstate(state)
        if hidden is not None and self._fails:
            raise WorkerFailed("the endpoint answers no hidden instruction")
        return await super().answer(scenario, rng, hidden)


@dataclass(frozen=True)
class Work:
    """What making one episode took: the Worker's requests, the counts that a server publishes, and two kinds of edits.

    `edits` are the harmless edits, and `trades` the rewritings of the reasoning beside the corrupted answer.
    """

    asked: list[tuple[str, str | None, float]]
    counts: Counter[str]
    edits: int
    trades: int


async def work_for(split: Split, index: int, mechanism: Mechanism, form: Form, patch: pytest.MonkeyPatch) -> Work:
    """What the episode of a key takes if it is drawn in this form."""
    edits: list[tuple[Any, ...]] = []
    trades: list[tuple[Any, ...]] = []
    worker = Asked()
    arena = Arena(worker, secret="tests", mechanism=mechanism)
    key = arena.key(split, index)
    drawn = arena.plan(key).model_copy(update={"form": form})
    with patch.context() as patched:
        patched.setattr(arena, "plan", lambda _: drawn)
        patched.setattr(
            "forge_arena.episodes.edit_harmlessly", lambda *given: (edits.append(given), edit_harmlessly(*given))[1]
        )
        patched.setattr(
            "forge_arena.corruptions.thoughts.apply_trade",
            lambda *given: (trades.append(given), apply_trade(*given))[1],
        )
        assert (await arena.make(key)).truth.form is form
    return Work(worker.asked, arena.counts, len(edits), len(trades))


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("index", range(4))
async def test_a_sealed_episode_takes_the_same_work_in_each_form(
    mechanism: Mechanism, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = {form: await work_for(Split.test, index, mechanism, form, monkeypatch) for form in Form}
    assert work[Form.clean] == work[Form.placebo] == work[Form.corrupted]
    # A harmless edit takes a quarter of the time of an episode. Without it, an episode would show that it is no placebo.
    assert work[Form.clean].edits == 1
    assert work[Form.clean].trades == 1
    assert any(hidden for _, hidden, _ in work[Form.clean].asked) is (mechanism is Mechanism.prompt)
    assert not any(type in name for type in CorruptionType for name in work[Form.corrupted].counts)


@pytest.mark.parametrize("mechanism", Mechanism)
async def test_an_open_episode_takes_only_the_work_of_its_form(
    mechanism: Mechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in Form:
        work = await work_for(Split.val, 3, mechanism, form, monkeypatch)
        assert work.edits == (form is Form.placebo)
        prompted = any(hidden for _, hidden, _ in work.asked)
        assert prompted is (mechanism is Mechanism.prompt and form is Form.corrupted)


async def test_a_sealed_episode_whose_worker_answers_no_hidden_instruction_fails_in_each_form() -> None:
    arena = Arena(Asked(fails=True), secret="tests", mechanism=Mechanism.prompt)
    failed = Counter[Form]()
    for index in range(12):
        key = arena.key(Split.test, index)
        with pytest.raises(WorkerFailed, match="no hidden instruction"):
            await arena.make(key)
        failed[arena.plan(key).form] += 1
    assert set(failed) == set(Form)


async def test_what_names_a_type_on_the_test_split_is_counted_apart() -> None:
    arena = Arena(ScriptedWorker(), secret="tests", mechanism=Mechanism.prompt)
    for index in range(6):
        await arena.make(arena.key(Split.test, index))
    assert not any(name.startswith("instruction_") for name in arena.counts)
    assert sum(number for name, number in arena.counts_of_test.items() if name.count(":") == 1) >= 6


def test_a_thread_plans_what_was_planned_while_another_thread_begins_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's stream is searched in a thread while others plan keys of the same blocks."""
    alone = Arena(ScriptedWorker(), secret="one secret for both arenas")
    keys = [alone.key(Split.train, index) for index in range(40)]
    together = Arena(ScriptedWorker(), secret="one secret for both arenas")
    seen: list[list[Any]] = []

    class Interrupted(Random):
        def shuffle(self, x: Any) -> None:
            if not seen:
                seen.append([])
                with ThreadPoolExecutor(1) as pool:
                    seen[0] += pool.submit(lambda: [together.plan(key) for key in keys]).result()
            super().shuffle(x)

    planned = [alone.plan(key) for key in keys]
    monkeypatch.setattr("forge_arena.plans.Random", Interrupted)
    assert [together.plan(key) for key in keys] == planned
    assert seen == [planned]
