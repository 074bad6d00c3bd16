"""Imported scenarios in play: a family is what shares a name, and each draw can take the corruption that is drawn."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from forge_arena.corruptions import possible
from forge_arena.documents.playing import ImportedFamily, load_documents, open_sources, scenario_id, suite_of
from forge_arena.documents.splits import split_of
from forge_arena.episodes import Arena
from forge_arena.errors import ScenarioError, UnknownKey
from forge_arena.keys import Filters
from forge_arena.types import Answer, Claim, CorruptionType, Form, Probe, Scenario, Split
from forge_arena.verify import Verifier
from forge_arena.workers.base import HiddenInstruction

from .proposed import EXAMPLES, keep_from


def scenario_of(name: str, family: str | None = None) -> Scenario:
    text, proposal, _ = EXAMPLES[name]
    scenario = keep_from(text, proposal).scenario
    assert scenario is not None
    return scenario.model_copy(update={"family": family or f"{name}-1"})


SCENARIOS = {name: scenario_of(name) for name in EXAMPLES}


def write(path: Path, *lines: Scenario | str) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else line.model_dump_json()}\n" for line in lines))
    return path


def test_scenarios_of_one_family_are_drawn_from_together(tmp_path: Path) -> None:
    both = scenario_of("loan", "shed-1"), scenario_of("kettles", "shed-1")
    (family,) = load_documents(write(tmp_path / "documents.jsonl", *both))
    assert (family.name, family.split, family.scenarios) == ("shed-1", split_of("shed-1"), both)
    assert {family.draw(Random(seed)).task for seed in range(20)} == {scenario.task for scenario in both}


def test_a_family_of_one_scenario_draws_no_number(tmp_path: Path) -> None:
    (family,) = load_documents(write(tmp_path / "documents.jsonl", SCENARIOS["loan"]))
    rng = Random(3)
    before = rng.getstate()
    assert family.draw(rng) == SCENARIOS["loan"]
    assert rng.getstate() == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"task": "x"}', r"documents\.jsonl:2: .*wanted what `forge-arena scenarios import --out` writes"),
        ("{", r"documents\.jsonl:2: not JSON.*wanted what"),
        ("[" * 100_000, r"documents\.jsonl:2: this JSON is nested too deeply"),
        (SCENARIOS["loan"], r"documents\.jsonl:2: this scenario of 'loan-1' stands in line 1 already"),
    ],
)
def test_what_import_did_not_write_is_refused_with_file_and_line(tmp_path: Path, line: Any, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load_documents(write(tmp_path / "documents.jsonl", SCENARIOS["loan"], line))


def test_an_empty_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no scenarios; make some with `forge-arena scenarios import PATH --author"):
        load_documents(write(tmp_path / "documents.jsonl"))


def test_another_set_of_documents_has_another_suite(tmp_path: Path) -> None:
    path = write(tmp_path / "documents.jsonl", *SCENARIOS.values())
    families, suite = open_sources(documents=path)
    assert suite == suite_of(load_documents(path)) != suite_of(load_documents(path)[:2])
    assert suite.startswith("documents-")
    assert len(families) == len(SCENARIOS)


def test_an_id_outlives_other_claims_and_not_another_task() -> None:
    scenario = SCENARIOS["loan"]
    fewer = scenario.model_copy(update={"claims": scenario.claims[:3], "task": f"{scenario.task} Be brief."})
    assert scenario_id(fewer) == scenario_id(scenario)
    assert scenario_id(scenario.model_copy(update={"task": f"Please. {scenario.task}"})) != scenario_id(scenario)
    assert len({scenario_id(each) for each in SCENARIOS.values()}) == len(SCENARIOS)


class Reader:
    """A brain that knows the right answers."""

    name = "reader"

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        name = next(name for name, each in SCENARIOS.items() if each.source_material == scenario.source_material)
        return Answer(reasoning="I took each figure from the document.", output=EXAMPLES[name][2])

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return "It stands in the document."


async def test_documents_are_played_under_keys_of_their_own() -> None:
    families = [ImportedFamily(f"{name}-1", (scenario,)) for name, scenario in SCENARIOS.items()]
    arena = Arena(Reader(), secret="tests", sources=families, suite=suite_of(families))
    seen: set[CorruptionType] = set()
    for index in range(40):
        episode = await arena.make(arena.key(Split.train, index, Form.corrupted))
        assert episode.key.startswith(f"{suite_of(families)}:")
        assert Verifier(episode.scenario).verify(episode.truth.clean_output).clean
        assert Verifier(episode.scenario).verify(episode.observation.worker_output).broken == {episode.truth.target}
        assert episode.truth.corruption_type is not None
        seen.add(episode.truth.corruption_type)
    assert seen == set(CorruptionType)


def test_documents_have_no_public_test_split() -> None:
    """A document has few scenarios. The published truth about one would be the truth about a sealed episode."""
    families = [
        ImportedFamily(f"{name}-{n:012x}", (scenario,)) for name, scenario in SCENARIOS.items() for n in range(20)
    ]
    assert any(family.split is Split.test for family in families)
    arena = Arena(Reader(), secret="tests", sources=families, suite=suite_of(families))
    assert arena.plan(arena.key(Split.test, 0)).split is Split.test
    with pytest.raises(UnknownKey, match="no scenarios in split 'public'"):
        arena.plan(arena.key(Split.public, 0))


async def test_of_a_mixed_family_only_scenarios_are_drawn_that_can_take_the_corruption() -> None:
    """The kettles can take a bias, and the loan without its choice cannot: no try is lost on the loan."""
    kettles = scenario_of("kettles", "shop-1")
    plain = scenario_of("warranty", "shop-1").model_copy(update={"domain": kettles.domain})
    unbiased = plain.model_copy(update={"claims": tuple(c for c in plain.claims if _takes_no_bias(plain, c))})
    assert CorruptionType.bias_injection not in possible(unbiased.claims)
    family = ImportedFamily("shop-1", (unbiased, kettles))
    arena = Arena(Reader(), secret="tests", sources=[family], suite="shop", tries=1)
    keys, _ = arena.keys(family.split, 0, 12, Filters(corruption=CorruptionType.bias_injection))
    for key in keys:
        assert (await arena.make(key)).scenario.source_material == kettles.source_material
    others, _ = arena.keys(family.split, 0, 30, Filters(corruption=CorruptionType.factual_omission))
    drawn = {(await arena.make(key)).scenario.source_material for key in others}
    assert drawn == {kettles.source_material, unbiased.source_material}


def _takes_no_bias(scenario: Scenario, claim: Claim) -> bool:
    return CorruptionType.bias_injection not in possible((claim,))
