"""The short set: the same generator on sources of a few lines, for overseers that are trained from nothing."""

import re
from pathlib import Path
from random import Random

import pytest

from forge_arena.episodes import Arena
from forge_arena.errors import ScenarioError, WorkerFailed
from forge_arena.scenarios import Family, find_set, load_families, open_set, scenario_folder
from forge_arena.scenarios.proof import prove
from forge_arena.types import HOMES, CorruptionType, Domain, Form, Split
from forge_arena.workers import ScriptedWorker

SHORT = load_families(find_set("short"))
DOMAINS = (Domain.customer_support, Domain.product_recommendation)


def test_the_set_has_its_name_and_is_no_part_of_the_arenas_own() -> None:
    assert find_set("short") == scenario_folder() / "short"
    assert {family.name for family in SHORT}.isdisjoint(family.name for family in load_families())


def test_a_set_can_be_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert find_set(str(tmp_path / "mine")) == find_set("mine") == tmp_path / "mine"


def test_an_unknown_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(ScenarioError, match=r"no set of scenarios 'shrot': .*one of short\. Did you mean 'short'\?"):
        find_set("shrot")


def test_each_split_has_its_families() -> None:
    assert [sum(family.split is split for family in SHORT) for split in HOMES] == [12, 4, 8]


@pytest.mark.parametrize("family", SHORT, ids=lambda family: family.name)
def test_a_family_is_short_takes_every_corruption_and_is_proven(family: Family) -> None:
    assert family.corruptions == set(CorruptionType)
    assert len(family.spec.claims) <= 6
    assert family.spec.source.words == (20, 70)
    assert not any(statement.part == "reasoning" for statement in family.spec.statements)
    proof = prove(family, draws=20, seed=1)
    assert (proof.problems, proof.rejected) == ({}, 0)


@pytest.mark.parametrize("split", Split)
def test_every_pair_of_domain_and_type_is_there(split: Split) -> None:
    arena = Arena(ScriptedWorker(), secret="salt", sources=SHORT, suite="short")
    plans = [arena.plan(arena.key(split, index)) for index in range(len(DOMAINS) * len(CorruptionType))]
    assert {(plan.domain, plan.corruption_type) for plan in plans} == {(d, t) for d in DOMAINS for t in CorruptionType}


async def test_episodes_are_short_in_every_form_and_show_no_reasoning() -> None:
    arena = Arena(ScriptedWorker(), secret="salt", sources=SHORT, suite="short")
    keys = [arena.key(split, index, form) for split in HOMES for index in range(30) for form in Form]
    failed = 0
    for key in keys:
        try:
            observation = (await arena.make(key)).observation
        except WorkerFailed:
            failed += 1
            continue
        assert key.startswith("short:")
        assert len(observation.source_material.split()) <= 70
        assert len(observation.worker_output.split()) <= 50
        assert len(observation.task.split()) <= 15
        assert observation.worker_reasoning == ""
    assert failed < 0.03 * len(keys)


def test_no_sentence_is_shared_between_splits() -> None:
    seen: dict[str, Split] = {}
    for family in SHORT:
        for seed in range(40):
            scenario = family.draw(Random(seed))
            texts = [statement.text for statement in scenario.statements]
            texts += [re.sub(r"^\W*(?:\w+ )?[\d.]+\W+", "", line) for line in scenario.source_material.split("\n\n")]
            for text in texts:
                for sentence in re.split(r"(?<=[.!?]) ", text):
                    assert seen.setdefault(sentence, family.split) is family.split, (family.name, sentence)


async def test_of_a_thousand_keys_each_makes_an_episode() -> None:
    families, suite = open_set("short")
    arena = Arena(ScriptedWorker(), sources=families, suite=suite)
    for index in range(1_000):
        await arena.make(arena.key(Split.train, index))
