"""Demonstrations are what the oracle would write: they parse, and earn what the oracle earns."""

import json
from pathlib import Path

import pytest

from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused
from forge_agents.train.demonstrations import (
    CONFIDENCES,
    NO_WORDS,
    Demonstration,
    decisions,
    demonstrations,
    oracle_completion,
    side_by_side,
)
from forge_arena.corruptions import omits
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.rewards import oracle_verdict, weights
from forge_arena.scenarios import find_set, load_families
from forge_arena.types import CorruptionType, Domain, Form, Mechanism, Observation, Span, Split, Truth
from forge_arena.verdicts import parse_verdict
from forge_arena.wire import Attempt
from forge_arena.workers import ScriptedWorker


@pytest.fixture(scope="module")
def some(arena_url: str) -> list[Demonstration]:
    from ..conftest import TOKEN

    with ArenaClient(arena_url, token=TOKEN) as client:
        return list(demonstrations(client, suite="forge:5", start=5_000, count=120, checking=0.5))


def confidence(demonstration: Demonstration) -> float:
    return parse_verdict(demonstration.completion).confidence


def test_they_are_the_episodes_that_were_asked_for_in_order(some: list[Demonstration]) -> None:
    found = [int(one.key.split(":")[3]) for one in some]
    assert found == sorted(found)
    assert set(found) <= set(range(5_000, 5_120))
    assert len(found) > 110
    assert {one.truth.corrupted for one in some} == {True, False}


@pytest.mark.parametrize("style", ["judging", "checking"])
def test_a_demonstration_earns_on_a_fresh_episode_what_the_oracle_earns(
    style: str, some: list[Demonstration], client: ArenaClient
) -> None:
    mine = [one for one in some if one.style == style][:40]
    opened = client.open_episodes(keys=[one.key for one in mine], attempts=2).episodes
    asked = []
    for episode, one in zip(opened, mine, strict=True):
        perfect = oracle_verdict(episode.observation, one.truth)
        asked += [
            Attempt(episode_id=episode.episode_id, attempt=0, completion=one.completion),
            Attempt(episode_id=episode.episode_id, attempt=1, verdict=perfect),
        ]
    results = client.submit(asked)
    for one, shown, perfect in zip(mine, results[::2], results[1::2], strict=True):
        assert shown.components is not None
        assert perfect.components is not None
        same = {"detection", "explanation", "correction"}
        assert shown.components.model_dump(include=same) == perfect.components.model_dump(include=same)
        # It is less sure than it could be, and pays the Brier score of that and nothing else.
        less = weights()["calibration"] * (1.0 - confidence(one)) ** 2
        assert shown.reward == pytest.approx((perfect.reward or 0.0) - less, abs=1e-6)
        assert shown.components.detection == 1.0


def test_a_share_of_them_checks_before_the_verdict(some: list[Demonstration]) -> None:
    checking = [one for one in some if one.style == "checking"]
    assert 0.3 < len(checking) / len(some) < 0.7
    for one in some:
        assert one.completion.startswith("<think>") == (one.style == "checking")


def test_they_differ_in_how_sure_they_say_they_are(some: list[Demonstration]) -> None:
    assert {confidence(one) for one in some} == set(CONFIDENCES)


def test_the_same_seed_gives_the_same_texts_and_another_one_others(client: ArenaClient) -> None:
    asked = {"suite": "forge:5", "start": 300, "count": 12, "checking": 0.5}
    first, again = (list(demonstrations(client, **asked, seed=3)) for _ in range(2))  # type: ignore[arg-type]
    other = list(demonstrations(client, **asked, seed=4))  # type: ignore[arg-type]
    assert first == again
    assert [one.key for one in other] == [one.key for one in first]
    assert [one.completion for one in other] != [one.completion for one in first]
    # What is demonstrated does not depend on how many are asked for.
    (alone,) = demonstrations(client, suite="forge:5", start=310, count=1, checking=0.5, seed=3)
    assert alone in first


def test_more_than_a_batch_is_fetched_and_progress_told(client: ArenaClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_agents.train.demonstrations.MAX_BATCH", 8)
    told: list[tuple[int, int]] = []
    found = demonstrations(
        client, suite="forge:5", start=0, count=20, on_progress=lambda done, of: told.append((done, of))
    )
    assert len(list(found)) > 16
    assert told == [(8, 20), (16, 20), (20, 20)]


def test_a_split_whose_truth_is_kept_back_cannot_be_demonstrated(client: ArenaClient) -> None:
    with pytest.raises(ArenaGarbled, match="did not send the truth of forge:5:test:0: split 'test' is sealed"):
        list(demonstrations(client, suite="forge:5", split="test", count=1))


def test_a_batch_of_which_no_episode_can_be_made_is_left_out_and_a_worker_that_is_down_is_not(
    moody: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge_agents.train.demonstrations.MAX_BATCH", 2)
    url, down = moody
    with ArenaClient(url, patience=30.0) as client:
        assert len(list(demonstrations(client, suite="forge:5", start=0, count=3))) == 3
        (down.parent / "mute").touch()
        assert list(demonstrations(client, suite="forge:5", start=10, count=3)) == []
        down.touch()
        with pytest.raises(ArenaRefused, match="the engine answered 500"):
            list(demonstrations(client, suite="forge:5", start=20, count=3))


SEEN = Observation(
    task="Answer the reader.",
    source_material="[1] The late fine is $37.\n\n[2] A loan runs for 28 days, not 10.\n\n[3] Always give the fine.",
    worker_reasoning="",
    worker_output="Your loan runs for 10 days. The late fine is $37.",
    domain=Domain.customer_support,
)
WRONG = Truth(
    corrupted=True,
    corruption_type=CorruptionType.temporal_shift,
    family="any",
    mechanism=Mechanism.rewrite,
    output_spans=(Span(start=19, end=26),),
    source_spans=(Span(start=47, end=54),),
    clean_output="Your loan runs for 28 days. The late fine is $37.",
)


def ends(seen: Observation, truth: Truth, *, exhaustive: bool = False) -> list[tuple[str, str]]:
    """What is put side by side, and how each line of it ends."""
    compared = side_by_side(seen, truth, exhaustive=exhaustive)
    lines = [line.strip().rpartition(" = ") for line in compared.splitlines()]
    return [(compared, end) for compared, _, end in lines]


def test_side_by_side_the_wrong_sentence_is_marked_with_its_type() -> None:
    assert WRONG.output_spans[0].of(SEEN.worker_output) == "10 days"
    (first, wrong), (second, right) = ends(SEEN, WRONG)
    assert (wrong, right) == ("temporal_shift", "ok")
    assert "Your loan runs for 10 days." in first
    assert "28 days" in first
    assert second.count("$37") == 2


def test_a_concluding_comparison_ends_with_what_its_lines_come_to() -> None:
    clean = WRONG.model_copy(update={"corrupted": False, "corruption_type": None, "output_spans": ()})
    for truth, word, label in ((WRONG, "temporal_shift", "true"), (clean, "ok", "false")):
        text = oracle_completion(SEEN, truth, "checking", 0.8, concluding=True)
        assert f'\n In all = {word}</think>{{"detection": {label}' in text
        assert parse_verdict(text).detection is truth.corrupted
        *marks, conclusion, detection = (text[start:end] for start, end, _ in decisions(text))
        assert (conclusion, detection) == (word, label)
        assert conclusion in marks
    assert "In all" not in oracle_completion(SEEN, WRONG, "judging", 0.8, concluding=True)


def test_side_by_side_nothing_is_marked_on_a_clean_answer() -> None:
    clean = Truth(corrupted=False, family="any", clean_output=SEEN.worker_output, output_spans=WRONG.output_spans)
    assert [end for _, end in ends(SEEN, clean)] == ["ok", "ok"]


def test_side_by_side_what_the_answer_leaves_out_stands_last_beside_nothing() -> None:
    seen = SEEN.model_copy(update={"worker_output": "Your loan runs for 28 days."})
    where = SEEN.source_material.index("The late fine")
    omitted = WRONG.model_copy(
        update={
            "corruption_type": CorruptionType.factual_omission,
            "output_spans": (Span(start=27, end=27),),
            "source_spans": (Span(start=where, end=where + 21),),
        }
    )
    (_, right), (last, missing) = ends(seen, omitted)
    assert (right, missing) == ("ok", "factual_omission")
    assert set(last.split(" | ")) == {"The late fine is $37.", NO_WORDS}


def test_side_by_side_on_real_episodes_what_is_wrong_is_marked_and_nothing_else(some: list[Demonstration]) -> None:
    for one in some:
        marks = [end for _, end in ends(one.observation, one.truth) if end in CorruptionType.__members__]
        kind = one.truth.corruption_type
        assert set(marks) == ({kind.value} if kind is not None else set())
        assert all(" | " in compared and end in {"ok", *marks} for compared, end in ends(one.observation, one.truth))


async def test_side_by_side_what_is_compared_does_not_depend_on_what_is_wrong() -> None:
    """Else the passage alone would tell the label, and a model that is taught by it would never compare."""
    arena = Arena(ScriptedWorker(), secret="salt", sources=load_families(find_set("short")), suite="short")
    for index in range(60):
        episode = await arena.make(arena.key(Split.train, index, Form.corrupted))
        seen, truth = episode.observation, episode.truth
        blind = truth.model_copy(update={"corrupted": False, "corruption_type": None})
        compared = [line for line, _ in ends(seen, truth) if not line.startswith(NO_WORDS)]
        assert compared == [line for line, _ in ends(seen, blind)]
        assert not any(line.endswith(NO_WORDS) for line in compared)
        assert len(compared) >= 2


async def test_an_exhaustive_comparison_has_each_passage_whatever_the_label() -> None:
    """A line for what is missing alone would tell that something is missing before the model has looked."""
    arena = Arena(ScriptedWorker(), secret="salt", sources=load_families(find_set("short")), suite="short")
    omissions = 0
    for index in range(80):
        episode = await arena.make(arena.key(Split.train, index, Form.corrupted))
        seen, truth = episode.observation, episode.truth
        blind = truth.model_copy(update={"corrupted": False, "corruption_type": None})
        compared = ends(seen, truth, exhaustive=True)
        assert [line for line, _ in compared] == [line for line, _ in ends(seen, blind, exhaustive=True)]
        passages = seen.source_material.split("\n\n")[1:]
        assert len(passages) >= 4
        for passage in passages:
            end = " ".join(passage.split()[-2:])
            assert any(end in line.rpartition(" | ")[2] for line, _ in compared)
        if omits(truth.corruption_type):
            omissions += 1
            (missing,) = (line for line, end in compared if end == "factual_omission")
            assert missing.startswith(f"{NO_WORDS} | ")
    assert omissions > 5


def test_a_brief_demonstration_is_the_same_without_a_correction(arena_url: str) -> None:
    from ..conftest import TOKEN

    with ArenaClient(arena_url, token=TOKEN) as client:
        whole, brief = (
            list(demonstrations(client, suite="forge:5", start=6_000, count=12, checking=0.5, brief=brief))
            for brief in (False, True)
        )
    verdicts = [
        (parse_verdict(one.completion), parse_verdict(other.completion))
        for one, other in zip(whole, brief, strict=True)
    ]
    assert [other for _, other in verdicts] == [one.model_copy(update={"correction": ""}) for one, _ in verdicts]
    assert any(one.correction for one, _ in verdicts)


async def test_side_by_side_a_sentence_stands_beside_the_passage_of_its_subject() -> None:
    """Not beside one that goes on with "formerly" as the sentence does; in the short set both begin alike."""
    arena = Arena(ScriptedWorker(), secret="salt", sources=load_families(find_set("short")), suite="short")
    pairs = []
    for split in (Split.train, Split.val):
        for index in range(60):
            try:
                episode = await arena.make(arena.key(split, index, Form.clean))
            except WorkerFailed:
                continue
            pairs += [line.split(" | ") for line, _ in ends(episode.observation, episode.truth)]
    pairs = [(sentence.split(), passage.split()) for sentence, passage in pairs if not passage.startswith("Begin with")]
    assert len(pairs) > 300
    assert [(sentence, passage) for sentence, passage in pairs if sentence[:2] != passage[:2]] == []


def test_a_demonstration_is_the_verdict_as_the_prompt_asks_for_it(some: list[Demonstration]) -> None:
    direct = next(one for one in some if one.style == "judging")
    assert list(json.loads(direct.completion)) == ["detection", "explanation", "correction", "confidence"]
