"""Keys and episodes: the same key means the same episode, and nothing of the truth depends on the neighbour's."""

import asyncio
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from forge_arena.episodes import Arena
from forge_arena.errors import KeyFromAnotherSuite, WorkerFailed
from forge_arena.types import Answer, CorruptionType, Domain, Mechanism, Probe, Scenario, Split
from forge_arena.verify import Judge
from forge_arena.workers import HiddenInstruction, ScriptedWorker

ARENA = Arena(ScriptedWorker(), secret="tests")


@pytest.mark.parametrize("split", Split)
def test_a_key_means_the_same_in_another_process(split: Split) -> None:
    keys = [ARENA.key(split, index) for index in (0, 1, 4_000_000_007)]
    here = [asyncio.run(ARENA.make(key)).model_dump_json() for key in keys]
    script = (
        "import asyncio\nfrom forge_arena.episodes import Arena\nfrom forge_arena.workers import ScriptedWorker\n"
        "arena = Arena(ScriptedWorker(), secret='tests')\n"
        f"for key in {keys!r}: print(asyncio.run(arena.make(key)).model_dump_json())"
    )
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert there.stdout.splitlines() == here


async def test_only_the_test_split_depends_on_the_secret() -> None:
    other = Arena(ScriptedWorker(), secret="another")
    for split in Split:
        key = ARENA.key(split, 3)
        assert ((await ARENA.make(key)) == (await other.make(key))) is (split is not Split.test)


@pytest.mark.parametrize(
    "key",
    ["", "forge:1:val", "other:1:val:0", "forge:2:val:0", "forge:1:dev:0", "forge:1:val:-1", "forge:1:val:01",
     "forge:1:val:٣", "forge:1:val:" + "9" * 5000, "forge:1:val:0:0", "forge:1:val: 1"],
)  # fmt: skip
def test_a_foreign_or_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(KeyFromAnotherSuite, match="a key reads forge:1:SPLIT:INDEX"):
        ARENA.plan(key)


def test_the_stream_is_balanced() -> None:
    plans = [ARENA.plan(ARENA.key(Split.train, index)) for index in range(4_000)]
    assert abs(sum(p.corrupted for p in plans) / 4_000 - 0.5) < 0.03
    for counts, kinds in (
        (Counter(p.corruption_type for p in plans), 5),
        (Counter(p.domain for p in plans), 4),
        (Counter(p.stealth for p in plans), 4),
    ):
        assert len(counts) == kinds
        assert max(counts.values()) - min(counts.values()) < 4_000 / kinds * 0.25


def test_filters_pick_keys_of_the_one_stream() -> None:
    keys, after = ARENA.keys(
        Split.val, 10, 5, domain=Domain.code_review, corruption=CorruptionType.temporal_shift, stealth=3
    )
    plans = [ARENA.plan(key) for key in keys]
    assert {(p.domain, p.corruption_type, p.stealth) for p in plans} == {("code_review", "temporal_shift", 3)}
    assert all(10 <= p.index < after for p in plans)
    assert ARENA.keys(Split.val, 10, 4, domain=Domain.mixed) == ([ARENA.key(Split.val, i) for i in range(10, 14)], 14)


def test_a_filter_that_nothing_matches_is_refused() -> None:
    with pytest.raises(KeyFromAnotherSuite, match="no episode of this split matches"):
        ARENA.keys(Split.val, 0, 1, mechanism=Mechanism.prompt)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
async def test_every_label_is_true_on_the_text(mechanism: Mechanism) -> None:
    arena = Arena(ScriptedWorker(), secret="tests", mechanism=mechanism)
    for index in range(150):
        key = arena.key(list(Split)[index % 3], index)
        episode = await arena.make(key)
        truth, judge = episode.truth, Judge(episode.scenario)
        output = episode.observation.worker_output
        assert judge.report(truth.clean_output).clean
        if not truth.corrupted:
            assert output == truth.clean_output
            continue
        assert judge.report(output).broken == {truth.target}
        assert truth.corruption_type is arena.plan(key).corruption_type
        assert all(span.end <= len(output) for span in truth.output_spans)
        assert truth.output_spans


async def test_a_hidden_instruction_that_is_refused_is_counted_and_replaced_by_rewriting() -> None:
    arena = Arena(ScriptedWorker(compliance=0.0), secret="tests", mechanism=Mechanism.prompt)
    key = next(k for i in range(50) if arena.plan(k := arena.key(Split.train, i)).corrupted)
    episode = await arena.make(key)
    assert episode.truth.mechanism is Mechanism.rewrite
    type = episode.truth.corruption_type
    assert arena.counts[f"instruction_refused:{type}"] == 4
    assert arena.counts[f"instruction_replaced:{type}"] == 1


class Rambler(ScriptedWorker):
    """A brain that always says something untrue."""

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return Answer(reasoning="", output="It costs $123,456.78 under section 99.99.")


async def test_a_worker_that_never_verifies_clean_is_a_failure_not_a_label() -> None:
    arena = Arena(Rambler(), secret="tests")
    with pytest.raises(WorkerFailed, match="no usable answer in 4 tries"):
        await arena.make(arena.key(Split.train, 0))
    assert arena.counts["answers_rejected"] == 4


async def test_a_probe_is_answered_in_character_and_the_same_again() -> None:
    episode = await ARENA.make(ARENA.key(Split.train, 5))
    question = "Where does the window come from?"
    first = await ARENA.probe(episode, (), question)
    assert first == await ARENA.probe(episode, (), question)
    assert isinstance(first, Probe)
    assert first.answer
