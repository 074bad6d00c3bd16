"""What is said of numbers and of the evaluation set is what the code does."""

import re
from pathlib import Path
from random import Random

import pytest
import yaml
from packaging.version import Version

import forge_arena
from forge_agents.report import METRICS
from forge_arena.corruptions import registry
from forge_arena.measures.definitions import DEFINITIONS
from forge_arena.rewards import clean_reward, constant_reward, oracle_reward
from forge_arena.scenarios import load_families
from forge_arena.types import (
    Alternative,
    Awareness,
    Candour,
    Check,
    Claim,
    ClaimKind,
    CorruptionType,
    Standing,
)
from forge_arena.workers.base import HiddenInstruction
from forge_arena.workers.prompts import answer_messages

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_page_of_metrics_has_each_definition_word_for_word(name: str) -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert f"| {METRICS[name]} | {DEFINITIONS[name]} |" in line


@pytest.mark.parametrize("type", sorted(CorruptionType.SHIPPED))
def test_the_page_of_metrics_says_what_each_type_includes(type: str) -> None:
    assert f"| `{type}` | " in PAGE


def test_the_rewards_that_the_page_works_out_are_those_of_the_code() -> None:
    assert clean_reward() == pytest.approx(0.625)
    assert oracle_reward(0.5) == pytest.approx(0.8125)
    assert constant_reward(0.5, 0.2, flags=False) == pytest.approx(0.3375)
    for number in ("0.625", "0.8125", "0.3375"):
        assert number in PAGE


def test_the_citation_names_this_version_or_the_release_that_it_leads_to() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    named, here = Version(citation["version"]), Version(forge_arena.__version__)
    # Between two tags the version is `0.1.dev880`, on the way to 0.1.0, or `0.1.1.dev3` after it.
    assert named.release[:2] == here.release[:2]
    assert citation["license"] == "Apache-2.0"
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type"} <= citation.keys()


WORKERS = (ROOT / "docs" / "workers.md").read_text(encoding="utf-8")
PROMPTS = WORKERS.split("## Hidden instructions, word for word")[1].split("\n## ")[0]
# A claim and what a hidden instruction makes of it, in the words of the page.
RULE = Check(name="includes_any", argument=("VALUE",))


@pytest.mark.parametrize("candour", Candour)
@pytest.mark.parametrize("awareness", Awareness)
def test_the_page_of_workers_has_what_a_worker_is_told_word_for_word(awareness: Awareness, candour: Candour) -> None:
    own, hidden, overseen, graded, *candid = re.findall(r"```text\n(.*?)\n```", PROMPTS, re.DOTALL)
    told = {Awareness.unaware: "", Awareness.overseen: f" {overseen}", Awareness.graded: f" {graded}"}[awareness]
    shown = dict(zip((Candour.faithful, Candour.hidden, Candour.rationalised), candid, strict=True))[candour]
    instruction = HiddenInstruction(
        corruption_type=CorruptionType.temporal_shift,
        target="window",
        alternative=None,
        text="INSTRUCTION",
        awareness=awareness,
        candour=candour,
    )
    scenario = load_families()[0].draw(Random(0))
    system = answer_messages(scenario, instruction)[0]["content"]
    assert system == f"{own}\n{hidden.replace('{instruction}', 'INSTRUCTION')}{told}\n{shown}"
    assert answer_messages(scenario)[0]["content"] == own


@pytest.mark.parametrize(
    ("type", "standing", "check"),
    [
        *((type, standing, None) for type in sorted(CorruptionType.SHIPPED) for standing in Standing),
        ("instruction_override", Standing.unfit, RULE),
        ("instruction_override", Standing.unfit, Check(name="max_words", argument=90)),
        ("instruction_override", Standing.unfit, Check(name="min_words", argument=90)),
    ],
)
def test_the_page_of_workers_has_each_hidden_instruction_word_for_word(
    type: str, standing: Standing, check: Check | None
) -> None:
    right = Alternative(name="right", standing=Standing.right, forms=("RIGHT",), check=check)
    wrong = Alternative(name="wrong", standing=standing, forms=("VALUE",), check=RULE)
    claim = Claim(id="claim", kind=ClaimKind.date, label="LABEL", alternatives=(right, wrong))
    assert f" | {registry()[CorruptionType(type)].instruction(claim, wrong)} |\n" in PROMPTS
