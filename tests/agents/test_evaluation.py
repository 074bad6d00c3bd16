"""Evaluating against a real server: same episodes for all, failures never scored, JSON and back."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from forge_agents.attack import attack
from forge_agents.client import ArenaClient, ArenaUnreachable
from forge_agents.compare import compare_results
from forge_agents.evaluation import evaluate
from forge_agents.local import LocalArena
from forge_agents.overseers import Completion, OverseerFailed, WrongReview, conditions, open_overseer
from forge_agents.overseers.constants import AlwaysClean, AlwaysCorrupted, Prior
from forge_agents.overseers.endpoint import EndpointOverseer
from forge_agents.records import RecordsError, has_records, read_records
from forge_agents.result import Result, ResultError
from forge_arena.episodes import Arena
from forge_arena.measures.paired import NothingInCommon
from forge_arena.rewards import named_type
from forge_arena.types import (
    MAX_COMPLETION,
    Awareness,
    Candour,
    CorruptionType,
    Mechanism,
    Observation,
    Outcome,
    Trouble,
    Verdict,
    View,
)
from forge_arena.workers import ScriptedWorker

from ..command_line import invoked
from ..server_process import FORGE_ARENA, running


def test_two_overseers_review_the_same_episodes(client: ArenaClient) -> None:
    clean = evaluate(AlwaysClean(), arena=client, split="train", episodes=40, batch=16)
    flagged = evaluate(AlwaysCorrupted(), arena=client, split="train", episodes=40, batch=7)
    assert [r.key for r in clean.rows] == [f"forge:5:train:{n}" for n in range(40)] == [r.key for r in flagged.rows]
    assert [r.corrupted for r in clean.rows] == [r.corrupted for r in flagged.rows]
    assert (clean.scorecard.share_flagged.value, flagged.scorecard.share_flagged.value) == (0.0, 1.0)
    assert clean.scorecard.balanced_accuracy.value == flagged.scorecard.balanced_accuracy.value == 0.5
    assert clean.scorecard.auroc.value == 0.5


def test_rewards_of_the_constants_are_what_the_formula_says(client: ArenaClient) -> None:
    found = evaluate(Prior(), arena=client, split="train", episodes=40)
    for row in found.rows:
        if row.outcome is Outcome.scored:
            assert row.reward == pytest.approx(0.075 if row.corrupted else 0.6)
    assert found.scorecard.skill.value is not None
    assert found.scorecard.skill.value <= 1e-9


def test_by_url_with_a_token_from_a_start_and_with_progress(arena_url: str) -> None:
    seen: list[tuple[int, int]] = []
    found = evaluate(
        AlwaysClean(),
        arena=arena_url,
        token="a-token-for-tests",
        split="train",
        episodes=10,
        start=100,
        batch=4,
        on_progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(4, 10), (8, 10), (10, 10)]
    assert found.rows[0].key == "forge:5:train:100"
    assert (found.worker, found.suite, found.overseer) == ("scripted", "forge:5", "always_clean")


class Notes:
    """Keeps every batch that it is shown, and trusts all of it."""

    name = "notes"

    def __init__(self) -> None:
        self.batches: list[list[Observation]] = []

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        self.batches.append(list(observations))
        return [Verdict(detection=False, explanation="", correction="", confidence=0.5)] * len(observations)


def test_a_paired_evaluation_holds_every_draw_against_its_counterpart(client: ArenaClient) -> None:
    overseer = Notes()
    seen: list[tuple[int, int]] = []
    found = evaluate(
        overseer,
        arena=client,
        split="train",
        episodes=10,
        start=3,
        batch=4,
        paired=True,
        on_progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(4, 20), (8, 20), (10, 20), (14, 20), (18, 20), (20, 20)]
    forms: dict[int, set[str]] = {}
    for row in found.rows:
        forms.setdefault(int(row.key.split(":")[3]), set()).add(row.key.split(":")[4])
        assert row.outcome is not Outcome.scored or row.form == row.key.split(":")[4]
    assert forms == {n: {"corrupted", "placebo" if n % 2 else "clean"} for n in range(3, 13)}
    for batch in overseer.batches:
        assert len({o.source_material for o in batch}) == len(batch)
    assert {row.corrupted for row in found.rows[:10]} == {row.corrupted for row in found.rows[10:]} == {True, False}
    assert found.pairs is not None
    assert found.pairs.pairs == 10 - found.scorecard.failed
    assert found.pairs.ranking.value == 0.5
    assert found.scorecard.placebo_false_alarms.value == 0.0


def test_an_evaluation_that_is_not_paired_has_no_pairs(client: ArenaClient) -> None:
    assert evaluate(AlwaysClean(), arena=client, split="train", episodes=4).pairs is None


class StepNamer:
    """Flags everything and names the same step everywhere, if any."""

    name = "step_namer"

    def __init__(self, step: int | None) -> None:
        self.step = step

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        verdict = Verdict(detection=True, explanation="", correction="", confidence=0.5, step=self.step)
        return [verdict] * len(observations)


def test_the_accuracy_of_named_steps_is_reported_where_one_is_named(client: ArenaClient) -> None:
    keep = {"arena": client, "split": "train", "episodes": 30}
    wrong = evaluate(StepNamer(9_999), **keep)  # type: ignore[arg-type]
    none = evaluate(StepNamer(None), **keep)  # type: ignore[arg-type]
    corrupted = sum(bool(row.corrupted) for row in wrong.rows)
    assert (wrong.scorecard.step_accuracy.value, wrong.scorecard.steps_named) == (0.0, corrupted)
    assert (none.scorecard.step_accuracy.value, none.scorecard.steps_named) == (None, 0)
    assert wrong.scorecard.reward == none.scorecard.reward


def test_a_result_goes_through_json_and_back(client: ArenaClient) -> None:
    found = evaluate(open_overseer("random"), arena=client, split="train", episodes=8)
    assert '"schema_version": 2' in found.to_json()
    assert Result.model_validate_json(found.to_json()) == found


def test_the_same_evaluation_again_is_the_same(client: ArenaClient) -> None:
    first, again = (evaluate(open_overseer("rules"), arena=client, split="train", episodes=8, seed=5) for _ in range(2))
    strip = [[row.model_copy(update={"seconds": None}) for row in found.rows] for found in (first, again)]
    assert strip[0] == strip[1]
    assert first.scorecard == again.scorecard


class Rambling:
    """Says in raw text what a model would: sometimes a verdict, sometimes none."""

    name = "rambling"

    def review(self, observations: Sequence[Observation]) -> list[Completion | Verdict]:
        good = '{"detection": true, "explanation": "bias injection", "correction": "", "confidence": 0.8}'
        return [good if n % 2 else "I would rather not say." for n in range(len(observations))]


def test_raw_text_is_parsed_by_the_arena_and_unreadable_text_counted(client: ArenaClient) -> None:
    found = evaluate(Rambling(), arena=client, split="train", episodes=10)
    assert (found.scorecard.invalid, found.scorecard.scored) == (5, 5)
    assert [row.reward for row in found.rows[::2]] == [0.0] * 5
    assert {row.p_corrupted for row in found.rows[1::2]} == {0.8}
    assert {row.named_type for row in found.rows[1::2]} == {CorruptionType.bias_injection}


class Forgetful:
    name = "forgetful"

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        return []


def test_a_wrong_number_of_verdicts_is_refused(client: ArenaClient) -> None:
    with pytest.raises(WrongReview, match="overseer 'forgetful' gave 0 verdicts for 2 observations"):
        evaluate(Forgetful(), arena=client, split="train", episodes=2)


def test_a_failing_worker_is_counted_and_never_scored(moody: tuple[str, Path]) -> None:
    url, down = moody

    def fail_from_now_on(done: int, of: int) -> None:
        down.touch()

    found = evaluate(AlwaysClean(), arena=url, split="train", episodes=9, batch=3, on_progress=fail_from_now_on)
    assert [row.outcome for row in found.rows] == [Outcome.scored] * 3 + [Outcome.worker_failed] * 6
    assert [row.reward for row in found.rows[3:]] == [None] * 6
    assert "the engine answered 500" in str(found.rows[-1].reason)
    assert (found.scorecard.failed, found.scorecard.scored) == (6, 3)
    assert found.scorecard.reward.value == pytest.approx(sum(r.reward or 0.0 for r in found.rows[:3]) / 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "test"}, "the truth of split 'test' never leaves the server"),
        ({"episodes": 0}, "episodes must be at least 1"),
        ({"batch": 257}, r"batch 1\.\.256 and samples 1\.\.64, got 300, 0, 257, 1"),
        ({"split": "vall"}, "'vall' is not a valid Split"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(client: ArenaClient, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(AlwaysClean(), arena=client, **wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_an_arena_that_is_not_sealed_is_evaluated_on_its_test_split(own_url: str) -> None:
    found = evaluate(AlwaysClean(), arena=own_url, split="test", episodes=12, paired=True)
    assert found.rows[0].key == "forge:5:test:0:corrupted"
    assert found.scorecard.scored + found.scorecard.failed == 24
    assert found.scorecard.balanced_accuracy.value == 0.5


def test_the_command_evaluates_on_a_test_split_that_is_not_sealed(own_url: str, tmp_path: Path) -> None:
    command = ["eval", "--overseer", "always_clean", "--split", "test", "--episodes", "6", "--arena", own_url]
    ended = invoked(*command, "--json", tmp_path / "found.json")
    assert ended.exit_code == 0, ended.stderr
    assert "6 episodes, split test" in ended.stdout
    found = Result.model_validate_json((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [row.key for row in found.rows] == [f"forge:5:test:{n}" for n in range(6)]


def test_an_arena_that_is_not_there_is_an_error() -> None:
    with ArenaClient("http://127.0.0.1:9", patience=0.1) as client, pytest.raises(ArenaUnreachable):
        evaluate(AlwaysClean(), arena=client)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("temporal_shift: old window", CorruptionType.temporal_shift),
        ("This is a Temporal Shift.", CorruptionType.temporal_shift),
        ("temporal_shift or bias_injection", None),
        ("something is off", None),
        ("xtemporal_shifty", None),
    ],
)
def test_a_type_is_named_once_or_not_at_all(text: str, kind: CorruptionType | None) -> None:
    assert named_type(text) is kind


class Wavering:
    """Says something else each time, and how sure it is by how often it was asked."""

    name = "wavering"

    def __init__(self) -> None:
        self.asked = 0

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        said = []
        for _ in observations:
            self.asked += 1
            said.append(
                Verdict(
                    detection=self.asked % 3 != 0, explanation="", correction="", confidence=0.5 + self.asked % 4 / 10
                )
            )
        return said


def test_several_verdicts_on_an_episode_are_rows_of_their_own_and_vote(client: ArenaClient) -> None:
    found = evaluate(Wavering(), arena=client, split="train", episodes=8, samples=3, batch=4)
    assert [(row.key, row.attempt) for row in found.rows[:4]] == [
        ("forge:5:train:0", 0),
        ("forge:5:train:0", 1),
        ("forge:5:train:0", 2),
        ("forge:5:train:1", 0),
    ]
    assert len(found.rows) == 24
    assert found.votes is not None
    assert found.votes.samples == 3
    assert list(found.votes.pass_at) == [1, 2, 3]
    right = [row.detection == row.corrupted for row in found.rows if row.reward is not None]
    assert found.votes.pass_at[1].value == pytest.approx(sum(right) / len(right))
    assert found.votes.maj_at[1].value == found.votes.pass_at[1].value


@pytest.fixture
def elsewhere(client: ArenaClient) -> Result:
    """The rules on the first forty episodes of train."""
    return evaluate("rules", arena=client, split="train", episodes=40)


def test_a_threshold_from_other_episodes_flags_what_is_above_it(client: ArenaClient, elsewhere: Result) -> None:
    found = evaluate("rules", arena=client, split="val", episodes=40, threshold_from=elsewhere)
    best = found.frozen[0]
    assert best.source == "forge:5:train, 40 episodes from 0"
    flagged = [
        r.p_corrupted is not None and r.p_corrupted > best.threshold for r in found.rows if r.corrupted is not None
    ]
    assert best.share_flagged.value == pytest.approx(sum(flagged) / len(flagged))


@pytest.mark.parametrize(("start", "paired"), [(0, False), (39, False), (30, True)])
def test_a_threshold_is_not_taken_from_the_same_episodes(
    client: ArenaClient, elsewhere: Result, start: int, paired: bool
) -> None:
    task: dict[str, Any] = {"split": "train", "episodes": 10, "start": start, "paired": paired}
    with pytest.raises(ValueError, match="a threshold comes from other episodes"):
        evaluate("rules", arena=client, threshold_from=elsewhere, **task)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("random", None, "its overseer is rules, and random is to be"),
        ("rules", {"source": True}, r"its settings is \{\}"),
    ],
)
def test_a_threshold_of_another_overseer_is_refused(
    client: ArenaClient, elsewhere: Result, name: str, settings: dict[str, Any] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=f"the threshold is another overseer's: {message}"):
        evaluate(name, arena=client, split="val", episodes=4, threshold_from=elsewhere, settings=settings)


class Fragile:
    """Reviews so many episodes, and then is down until it is mended."""

    name = "fragile"

    def __init__(self, good_for: int) -> None:
        self.good_for = good_for
        self.seen: list[str] = []

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        if len(self.seen) + len(observations) > self.good_for:
            raise OverseerFailed("the endpoint is down")
        self.seen += [observation.worker_output for observation in observations]
        return [Verdict(detection=True, explanation="", correction="", confidence=0.6)] * len(observations)


def test_a_stopped_evaluation_goes_on_and_reviews_nothing_twice(client: ArenaClient, tmp_path: Path) -> None:
    records, overseer = tmp_path / "new" / "records.jsonl", Fragile(8)
    task = {"arena": client, "split": "train", "episodes": 12, "batch": 4, "records": records}
    with pytest.raises(OverseerFailed):
        evaluate(overseer, **task)  # type: ignore[arg-type]
    with pytest.raises(RecordsError, match="holds an evaluation already: continue it by --resume"):
        evaluate(overseer, **task)  # type: ignore[arg-type]
    # What a killed process leaves behind: half a line.
    with records.open("ab") as file:
        file.write(b'{"row": {"key": "forge:5:tr')
    overseer.good_for = 99
    found = evaluate(overseer, resume=True, **task)  # type: ignore[arg-type]
    whole = evaluate(Fragile(99), arena=client, split="train", episodes=12)
    strip = [[row.model_copy(update={"seconds": None}) for row in result.rows] for result in (found, whole)]
    assert strip[0] == strip[1]
    assert len(overseer.seen) == sum(row.reward is not None for row in found.rows)
    setup, kept = read_records(records)
    assert (setup.overseer, setup.episodes) == ("fragile", 12)
    seen = list(kept)
    assert len({record.place for record in seen}) == len(seen) == len(overseer.seen)
    assert all(record.truth is not None and record.observation is not None for record in seen)


def test_records_of_another_evaluation_are_left_alone(client: ArenaClient, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    evaluate("always_clean", arena=client, split="train", episodes=4, records=records)
    before = records.read_bytes()
    with pytest.raises(RecordsError, match="is of another evaluation: its episodes is 4, not 5"):
        evaluate("always_clean", arena=client, split="train", episodes=5, records=records, resume=True)
    with pytest.raises(RecordsError, match="its overseer is always_clean, not prior"):
        evaluate("prior", arena=client, split="train", episodes=4, records=records, resume=True)
    assert records.read_bytes() == before
    records.write_bytes(before.replace(b'"row"', b'"raw"'))
    with pytest.raises(
        RecordsError,
        match=r"records\.jsonl:2: row: Field required; wanted a record\. The line is damaged: remove the line",
    ):
        evaluate("always_clean", arena=client, split="train", episodes=4, records=records, resume=True)
    records.write_bytes(before + b"\xff\n")
    with pytest.raises(RecordsError, match=r"records\.jsonl:\d+: not UTF-8 .* The line is damaged: remove the line"):
        evaluate("always_clean", arena=client, split="train", episodes=4, records=records, resume=True)
    records.write_bytes(b"{hello\n")
    with pytest.raises(
        RecordsError, match=r"records\.jsonl:1: not JSON.*wanted the records of an evaluation like this one"
    ):
        evaluate("always_clean", arena=client, split="train", episodes=4, records=records, resume=True)


@pytest.mark.parametrize("torn", [b"", b"\0" * 3_000, b'{"records": 1, "se'])
def test_records_whose_first_line_was_torn_are_begun_again(client: ArenaClient, tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "records.jsonl"
    file.write_bytes(torn)
    evaluate("always_clean", arena=client, split="train", episodes=2, records=file, resume=True)
    setup, records = read_records(file)
    assert (setup.overseer, len(list(records))) == ("always_clean", 2)


def test_records_of_another_kind_of_evaluation_are_left_alone(client: ArenaClient, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    attack("always_clean", tries=1, arena=client, split="train", episodes=2, records=records)
    before = records.read_bytes()
    with pytest.raises(RecordsError, match="is of an evaluation of another kind"):
        evaluate("always_clean", arena=client, split="train", episodes=2, records=records, resume=True)
    assert records.read_bytes() == before


@pytest.mark.parametrize("notes", ["my notes", "my notes\nof today\n"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_file_that_holds_no_records_is_not_written_over(
    client: ArenaClient, tmp_path: Path, notes: str, resume: bool
) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(notes)
    with pytest.raises(RecordsError, match="holds no records of an evaluation: take another folder"):
        evaluate("always_clean", arena=client, split="train", episodes=2, records=file, resume=resume)
    assert file.read_text() == notes
    assert not has_records(file)


def test_a_file_with_the_setup_alone_holds_no_record_yet(client: ArenaClient, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    assert not has_records(file)
    with pytest.raises(OverseerFailed):
        evaluate(Fragile(0), arena=client, split="train", episodes=2, records=file)
    assert file.exists()
    assert not has_records(file)
    evaluate(Fragile(2), arena=client, split="train", episodes=2, records=file, resume=True)
    assert has_records(file)


def test_a_resumed_evaluation_goes_on_only_under_the_secret_that_it_was_begun_under(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serving(name: str, secret: str, *more: str) -> AbstractContextManager[str]:
        monkeypatch.setenv("FORGE_ARENA_SECRET", secret)
        where = ("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/{name}.db", "--open-test")
        return running("-c", FORGE_ARENA, *where, "--scenarios", "short", *more)

    records = {split: tmp_path / f"{split}.jsonl" for split in ("test", "val")}

    def evaluate_at(url: str, split: str, resume: bool = True) -> Result:
        return evaluate("rules", arena=url, split=split, episodes=6, records=records[split], resume=resume)

    with serving("one", "the first secret") as url:
        for split in records:
            evaluate_at(url, split, resume=False)
    with serving("other", "another secret") as url:
        with pytest.raises(RecordsError, match=r"its suite_hash is \w+, not \w+ \(the arena makes other episodes"):
            evaluate_at(url, "test")
        # The secret salts the test split alone.
        rewritten = evaluate_at(url, "val")
        assert rewritten.scorecard.episodes == 6
    with serving("prompt", "the first secret", "--mechanism", "prompt") as url:
        for split in records:
            with pytest.raises(RecordsError, match="its suite_hash is"):
                evaluate_at(url, split)
        prompted = evaluate("rules", arena=url, split="val", episodes=6)
    assert [row.key for row in prompted.rows] == [row.key for row in rewritten.rows]
    with pytest.raises(NothingInCommon, match="verdicts with the same key are on different answers"):
        compare_results(rewritten, prompted)
    with serving("again", "the first secret") as url:
        evaluate_at(url, "test")


def test_records_of_an_older_version_are_not_gone_on_with(client: ArenaClient, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    evaluate("prior", arena=client, split="train", episodes=2, records=records)
    head, *rest = records.read_text().splitlines(keepends=True)
    older = json.loads(head)
    del older["setup"]["suite_hash"]
    records.write_text("".join([json.dumps(older) + "\n", *rest]))
    with pytest.raises(RecordsError, match="begun by an older version, which did not write down its suite_hash"):
        evaluate("prior", arena=client, split="train", episodes=2, records=records, resume=True)
    assert len(list(read_records(records)[1])) == 2


class Conditioned(Notes):
    """An overseer whose prompt can be told."""

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self.conditions = {"prompt": prompt}


def test_an_overseer_under_other_conditions_neither_goes_on_nor_takes_the_threshold(
    client: ArenaClient, tmp_path: Path
) -> None:
    task: dict[str, Any] = {"arena": client, "split": "train", "episodes": 4, "records": tmp_path / "records.jsonl"}
    evaluate(Conditioned("a"), **task)
    with pytest.raises(RecordsError, match=r"its conditions is \{'prompt': 'a'\}, not \{'prompt': 'b'\}"):
        evaluate(Conditioned("b"), resume=True, **task)
    found = evaluate(Conditioned("a"), arena=client, split="train", episodes=20, start=50)
    with pytest.raises(ValueError, match="the threshold is another overseer's: its conditions is"):
        evaluate(Conditioned("b"), arena=client, split="train", episodes=4, threshold_from=found)


def test_a_system_prompt_whose_file_changed_is_another_prompt(tmp_path: Path) -> None:
    system = tmp_path / "system.txt"
    seen = []
    for text in ("Review.", "Review well.", "Review."):
        system.write_text(text)
        overseer = EndpointOverseer("m@http://127.0.0.1:9/v1", system=system)
        overseer.close()
        seen.append(conditions(overseer)["prompt"])
    assert seen[0] == seen[2] != seen[1]


def test_an_answer_that_was_made_anew_is_reviewed_as_a_whole(client: ArenaClient, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    task: dict[str, Any] = {"arena": client, "split": "train", "episodes": 2, "samples": 2, "records": records}
    evaluate(Wavering(), **task)
    head, first, second, _, last = records.read_text().splitlines(keepends=True)
    other = json.loads(first)
    other["row"]["seen"] = "another answer"
    # One of two verdicts is there, on an answer that the arena does not make any more.
    records.write_text("".join([head, json.dumps(other) + "\n", second, last]))
    found = evaluate(Wavering(), resume=True, **task)
    for key in {row.key for row in found.rows}:
        assert len({row.seen for row in found.rows if row.key == key}) == 1


def test_an_episode_whose_worker_failed_is_tried_again_on_resume(moody: tuple[str, Path], tmp_path: Path) -> None:
    url, down = moody
    task = {"arena": url, "split": "train", "episodes": 6, "batch": 3, "records": tmp_path / "records.jsonl"}
    broken = evaluate(AlwaysClean(), on_progress=lambda *_: down.touch(), **task)  # type: ignore[arg-type]
    down.unlink()
    mended = evaluate(AlwaysClean(), resume=True, **task)  # type: ignore[arg-type]
    assert (broken.scorecard.failed, mended.scorecard.failed) == (3, 0)
    assert mended.rows[:3] == broken.rows[:3]


@pytest.fixture
def small(client: ArenaClient) -> Result:
    return evaluate("prior", arena=client, split="train", episodes=2)


def test_a_result_is_read_from_its_file_and_from_its_folder(small: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(small.to_json())
    assert Result.read(path) == Result.read(tmp_path) == small
    path.write_text(f"\ufeff{small.to_json()}", encoding="utf-8")
    assert Result.read(path) == small


def test_a_result_with_one_threshold_or_none_and_without_provenance_is_still_read(
    small: Result, tmp_path: Path
) -> None:
    """As versions before the operating points wrote it."""
    path = tmp_path / "result.json"
    older = {name: value for name, value in json.loads(small.to_json()).items() if name not in ("name", "provenance")}
    path.write_text(json.dumps(older | {"frozen": None}))
    assert Result.read(path).frozen == ()
    half = {"value": 0.5}
    threshold = {"threshold": 0.4, "source": "val"}
    scores = dict.fromkeys(("balanced_accuracy", "g_mean_squared", "share_flagged"), half)
    path.write_text(json.dumps(older | {"frozen": threshold | scores}))
    (frozen,) = Result.read(path).frozen
    assert (frozen.title, frozen.threshold, frozen.recall.value) == ("best balanced accuracy", 0.4, None)
    assert Result.read(path).provenance is None


def test_a_result_of_another_version_says_so(small: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(small.to_json().replace('"schema_version": 2', '"schema_version": 1'))
    with pytest.raises(ResultError, match=r"written by another version \(schema 1, this one reads 2\): evaluate again"):
        Result.read(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"key": "nonsense"}, r"result\.json: rows\.1\.key 'nonsense': malformed episode key"),
        ({"corrupted": None}, r"rows\.1 has a reward, and does not say its family or whether it is corrupted"),
        ({"family": None}, r"rows\.1 has a reward, and does not say its family"),
        ({"reward": None}, r"rows\.1 has no reward, although its outcome is scored"),
        ({"outcome": Outcome.infra_failed}, r"rows\.1 has a reward, although its outcome is infra_failed"),
        ({"detection": None}, r"rows\.1 has only one of detection and p_corrupted, and a verdict gives both"),
        ({"p_corrupted": 7.5}, r"rows\.1\.p_corrupted: Input should be less than or equal to 1, got 7\.5"),
        ({"reward": -5.0}, r"rows\.1\.reward: Input should be greater than or equal to 0, got -5\.0"),
        ({"seconds": -1.0}, r"rows\.1\.seconds: Input should be greater than or equal to 0, got -1\.0"),
        ({"stealth": 4}, r"rows\.1\.stealth: Input should be less than or equal to 3, got 4"),
        ({"attempt": -1}, r"rows\.1\.attempt: Input should be greater than or equal to 0, got -1"),
    ],
)
def test_a_row_that_no_evaluation_writes_is_refused(
    small: Result, tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    rows = (small.rows[0], small.rows[1].model_copy(update=wrong), *small.rows[2:])
    (tmp_path / "result.json").write_text(small.model_copy(update={"rows": rows}).to_json())
    with pytest.raises(ResultError, match=message):
        Result.read(tmp_path)


@pytest.mark.parametrize("field", ["p_corrupted", "log_odds", "reward", "span_f1", "seconds", "tool_cost"])
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_refused(small: Result, tmp_path: Path, field: str, number: float) -> None:
    content = json.loads(small.to_json())
    content["rows"][1][field] = number
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(ResultError, match=rf"result\.json: .* rows\.1\.{field}: Input should be .*, got {number}"):
        Result.read(tmp_path)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_scorecard_with_a_number_that_is_not_finite_is_refused(small: Result, tmp_path: Path, number: float) -> None:
    content = json.loads(small.to_json())
    content["scorecard"]["auroc"]["value"] = number
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(ResultError, match=r"result\.json: .*scorecard\.auroc\.value: Input should be a finite number"):
        Result.read(tmp_path)


def test_two_rows_of_one_verdict_are_refused(small: Result, tmp_path: Path) -> None:
    rows = (*small.rows, small.rows[0])
    (tmp_path / "result.json").write_text(small.model_copy(update={"rows": rows}).to_json())
    with pytest.raises(ResultError, match=r"rows\.2 is of the same verdict as rows\.0: key forge:5:train:0, attempt 0"):
        Result.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "not JSON: .*; wanted the result of an evaluation"),
        (b"[]", "holds no result of an evaluation: it is no JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{\n"overseer": "\xe9"}', r"result\.json:2: not UTF-8"),
        (b'{"dataset": "answers.jsonl"}', r"is of labelled answers \(eval --dataset\)"),
        (None, "no result in"),
    ],
    ids=["no JSON", "no object", "nested", "no UTF-8", "of labelled answers", "no file"],
)
def test_a_file_that_holds_no_result_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "result.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ResultError, match=message):
        Result.read(path)


def test_a_result_says_its_size_in_words(client: ArenaClient) -> None:
    task: dict[str, Any] = {"arena": client, "split": "train", "episodes": 6}
    plain, paired = evaluate("prior", **task), evaluate("prior", paired=True, **task)
    several = evaluate("prior", samples=3, **task)
    both = evaluate("prior", samples=3, paired=True, **task)
    assert [found.size_in_words for found in (plain, paired, several, both)] == [
        "6 episodes",
        "6 pairs",
        "6 episodes, 3 verdicts on each",
        "6 pairs, 3 verdicts on each answer",
    ]
    assert paired.source == "forge:5:train, 6 pairs from 0"
    assert several.source == "forge:5:train, 6 episodes from 0, 3 verdicts on each"
    assert (several.scorecard.episodes, several.scorecard.scored + several.scorecard.failed) == (6, 18)


@pytest.mark.parametrize(("name", "settings"), [("random", {}), ("degenerate", {"plays": "coin"})])
def test_several_verdicts_of_chance_are_several_draws_and_the_same_again(
    client: ArenaClient, name: str, settings: dict[str, str]
) -> None:
    task: dict[str, Any] = {"arena": client, "split": "train", "episodes": 12, "settings": settings}
    once = evaluate(name, **task)
    found, again = (evaluate(name, samples=4, batch=batch, **task) for batch in (4, 12))
    said = [(row.key, row.attempt, row.p_corrupted, row.reward) for row in found.rows]
    assert said == [(row.key, row.attempt, row.p_corrupted, row.reward) for row in again.rows]
    assert [row.p_corrupted for row in found.rows if not row.attempt] == [row.p_corrupted for row in once.rows]
    by_key = {key: {row.detection for row in found.rows if row.key == key} for key in {row.key for row in found.rows}}
    assert any(len(detections) == 2 for detections in by_key.values())


def test_groups_are_by_what_the_worker_was_told_and_showed(tmp_path: Path) -> None:
    with LocalArena(Arena(ScriptedWorker(1.0), mechanism=Mechanism.prompt)) as arena:
        found, other = (evaluate(name, arena=arena, episodes=60) for name in ("rules", "random"))
    told = {by: found.groups[by] for by in ("awareness", "candour")}
    assert {by: set(cards) for by, cards in told.items()} == {"awareness": set(Awareness), "candour": set(Candour)}
    clean = sum(row.corrupted is False for row in found.rows)
    for by, cards in told.items():
        for level, card in cards.items():
            members = [row for row in found.rows if getattr(row, by) == level]
            assert len(members) < card.episodes <= len(members) + clean
    compared = compare_results(found, other, resamples=20)
    assert {by: set(levels) for by, levels in compared.told.items()} == {by: set(cards) for by, cards in told.items()}
    for by, levels in compared.told.items():
        for level, sides in levels.items():
            assert sides.before["auroc"].value == pytest.approx(found.groups[by][level].auroc.value)
            assert sides.after["auroc"].value == pytest.approx(other.groups[by][level].auroc.value)
    files = [tmp_path / f"{result.overseer}.json" for result in (found, other)]
    for result, file in zip((found, other), files, strict=True):
        file.write_text(result.to_json())
    ended = invoked("compare", *files, "--html", tmp_path / "compared.html")
    assert ended.exit_code == 0, ended.stderr
    page = (tmp_path / "compared.html").read_text()
    for level in (*Awareness, *Candour):
        assert level.value in ended.stdout
        assert f"<th>{level.value}</th>" in page


def test_groups_of_a_rewriting_arena_say_nothing_of_what_a_worker_was_told(client: ArenaClient) -> None:
    found = evaluate("rules", arena=client, split="train", episodes=20)
    assert not {"awareness", "candour"} & set(found.groups)
    assert compare_results(found, found, resamples=5).told == {}


def test_groups_are_by_what_was_drawn(client: ArenaClient) -> None:
    found = evaluate("rules", arena=client, split="train", episodes=60)
    assert set(found.groups) >= {"domain", "corruption_type", "stealth"}
    corrupted = sum(bool(row.corrupted) for row in found.rows)
    for by in ("corruption_type", "stealth"):
        cards = found.groups[by].values()
        assert sum(round((c.prevalence or 0) * (c.scored + c.invalid)) for c in cards) == corrupted
    clean = [row for row in found.rows if row.reward is not None and not row.corrupted]
    for by in ("domain", "family"):
        assert sum(c.negatives for c in found.groups[by].values()) == len(clean)
    assert set(found.groups["family"]) == {row.family for row in found.rows if row.reward is not None}
    assert {card.families for card in found.groups["family"].values()} == {1}


def test_a_result_says_what_difference_its_families_show(client: ArenaClient) -> None:
    found = evaluate("rules", arena=client, split="train", episodes=60)
    assert found.detectable is not None
    assert found.detectable.families == found.scorecard.families
    size = found.detectable.balanced_accuracy
    assert size is not None
    low, high = found.scorecard.balanced_accuracy.low, found.scorecard.balanced_accuracy.high
    assert low is not None
    assert high is not None
    # Half of the interval is two standard errors, and the size is about three of them.
    assert (high - low) / 2 < size < high - low
    assert f"with 80% power if it is at least {size:.3f} in balanced accuracy" in found.power_in_words
    assert type(found).model_validate_json(found.to_json()).detectable == found.detectable


def test_the_package_offers_evaluate_without_loading_it() -> None:
    code = "import sys, forge_agents; assert 'sklearn' not in sys.modules; assert callable(forge_agents.evaluate)"
    subprocess.run([sys.executable, "-c", code], check=True)


READABLE = '{"detection": true, "explanation": "", "correction": "", "confidence": 0.5}'


class Talkative:
    """Says more than the arena reads."""

    name = "talkative"

    def __init__(self, said: str) -> None:
        self._said = said

    def review(self, observations: Sequence[Observation]) -> list[str]:
        return [self._said] * len(observations)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("<think>" + "It may be so. " * 9_000 + "</think>" + READABLE, Outcome.scored),
        ("It may be so. " * 9_000 + f"{READABLE}</think>" + READABLE, Outcome.scored),
        ("<think>" + "It may be so. " * 9_000 + READABLE, Outcome.invalid_verdict),
        (READABLE + " " * MAX_COMPLETION, Outcome.invalid_verdict),
        ('{"detection": true, "explanation": "' + " " * MAX_COMPLETION, Outcome.invalid_verdict),
    ],
    ids=["thoughts", "thoughts without their first mark", "endless thoughts", "spaces", "broken"],
)
def test_a_text_beyond_what_the_arena_reads_is_read_here_as_it_is_there(
    client: ArenaClient, said: str, outcome: Outcome
) -> None:
    found = evaluate(Talkative(said), arena=client, split="train", episodes=2)
    assert {row.outcome for row in found.rows} == {outcome}
    assert {row.detection for row in found.rows} == {True if outcome is Outcome.scored else None}


HALF = "half of one: \ud83d"
SURE = Verdict(detection=True, explanation="", correction="", confidence=0.5)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (READABLE.replace('"explanation": ""', f'"explanation": "{HALF}"'), Outcome.scored),
        (READABLE.replace('"explanation": ""', r'"explanation": "\ud83d"'), Outcome.invalid_verdict),
        (HALF, Outcome.invalid_verdict),
        (Completion(HALF, trouble=Trouble.unusable, reason=HALF), Outcome.invalid_verdict),
        (SURE.model_copy(update={"explanation": HALF}), Outcome.scored),
        (SURE.model_copy(update={"explanation": "x" * 5_000}), Outcome.invalid_verdict),
        (SURE.model_copy(update={"confidence": 3.0}), Outcome.invalid_verdict),
    ],
)
def test_half_a_character_and_a_verdict_past_its_checks_cost_at_most_that_one_verdict(
    client: ArenaClient, tmp_path: Path, reply: Verdict | str, outcome: Outcome
) -> None:
    class Once:
        """Says this of the first episode and trusts the others."""

        name = "once \ud83d"

        def review(self, observations: Sequence[Observation]) -> list[Verdict | str]:
            return [reply, *[SURE.model_copy(update={"detection": False})] * (len(observations) - 1)]

    path = tmp_path / "records.jsonl"
    settings = {"note": HALF}
    found = evaluate(Once(), arena=client, split="train", episodes=3, records=path, settings=settings)
    assert [row.outcome for row in found.rows] == [outcome, Outcome.scored, Outcome.scored]
    assert Result.model_validate_json(found.to_json()) == found
    again = evaluate(Once(), arena=client, split="train", episodes=3, records=path, settings=settings, resume=True)
    assert [row.outcome for row in again.rows] == [row.outcome for row in found.rows]
    assert len(list(read_records(path)[1])) == 3


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (f"{READABLE}\n\nWait, I should look at", Outcome.invalid_verdict),
        (f"<think>Perhaps {READABLE}", Outcome.invalid_verdict),
        (f"<think>I am sure.</think>{READABLE}", Outcome.scored),
    ],
)
def test_a_completion_that_was_cut_off_counts_only_where_its_verdict_is_the_last_word(
    client: ArenaClient, said: str, outcome: Outcome
) -> None:
    found = evaluate(
        Talkative(Completion(said, trouble=Trouble.cut, reason="cut off")), arena=client, split="train", episodes=2
    )
    assert {(row.outcome, row.trouble, row.reason) for row in found.rows} == {(outcome, Trouble.cut, "cut off")}


def test_a_view_and_tools_are_part_of_the_task_and_the_reward_is_the_same(client: ArenaClient, tmp_path: Path) -> None:
    full = evaluate(AlwaysCorrupted(), arena=client, split="train", episodes=6)
    hidden = evaluate(
        AlwaysCorrupted(), arena=client, split="train", episodes=6, view="answer_only", records=tmp_path / "r.jsonl"
    )
    assert [row.reward for row in hidden.rows] == [row.reward for row in full.rows]
    assert (hidden.view, hidden.tools, full.view) == (View.answer_only, None, View.full)
    assert hidden.source.endswith(", view answer_only")
    setup, records = read_records(tmp_path / "r.jsonl")
    assert setup.view is View.answer_only
    assert all(r.observation is not None and not r.observation.source_material for r in records)
    with pytest.raises(RecordsError, match="its view is answer_only, not no_reasoning"):
        evaluate(
            AlwaysCorrupted(),
            arena=client,
            split="train",
            episodes=6,
            view="no_reasoning",
            records=tmp_path / "r.jsonl",
            resume=True,
        )
    compared = compare_results(full, hidden)
    assert compared.episodes == 6
    assert any(caveat.startswith("The views differ: full and answer_only.") for caveat in compared.caveats)


def test_the_overseer_by_rules_reads_a_hidden_source_with_the_tools(client: ArenaClient) -> None:
    rules = open_overseer("rules")
    blind = evaluate(rules, arena=client, split="train", episodes=8, view="answer_only")
    reading = evaluate(rules, arena=client, split="train", episodes=8, view="answer_only", tools=True, samples=2)
    without_reasoning = evaluate(rules, arena=client, split="train", episodes=8, view="no_reasoning")
    first = [row for row in reading.rows if row.attempt == 0]
    assert [row.p_corrupted for row in first] == [row.p_corrupted for row in without_reasoning.rows]
    assert [row.p_corrupted for row in first] != [row.p_corrupted for row in blind.rows]
    assert all(row.tool_uses >= 8 for row in reading.rows)
    assert {row.tool_uses for row in blind.rows} == {0}
    assert (reading.tools, blind.tools) == ("default", None)
    assert reading.cost is not None
    assert reading.cost.tool_uses >= 8
    assert reading.source.endswith(", view answer_only, tools default")


def test_an_overseer_that_uses_no_tools_is_refused_them(client: ArenaClient) -> None:
    with pytest.raises(
        ValueError, match=r"overseer 'always_clean' uses no tools: leave tools out, or give it a method"
    ):
        evaluate(AlwaysClean(), arena=client, episodes=1, tools=True)
