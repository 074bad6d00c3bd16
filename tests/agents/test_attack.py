"""An attack over REST and in this process: the same tries, nested, resumable, and a failure is never a score."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from forge_agents.attack import AttackResult, attack
from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.local import LocalArena
from forge_agents.overseers import Completion, OverseerFailed
from forge_agents.records import RecordsError, read_records
from forge_agents.result import Result, ResultError
from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.keys import Key
from forge_arena.measures.scorecard import Row
from forge_arena.measures.search import MEASURES, tried_draws
from forge_arena.types import Observation, Outcome, Trouble, Verdict
from forge_arena.workers import ScriptedWorker

EPISODES = 10


@pytest.fixture(scope="module")
def found() -> AttackResult:
    """The rules under attack, in this process."""
    with LocalArena() as arena:
        return attack("rules", tries=5, arena=arena, episodes=EPISODES)


def without_seconds(rows: Sequence[Row]) -> list[Row]:
    return [row.model_copy(update={"seconds": None, "reason": None}) for row in rows]


def test_the_tries_are_the_same_over_rest(client: ArenaClient, found: AttackResult) -> None:
    remote = attack("rules", tries=5, arena=client, episodes=EPISODES, batch=7)
    assert without_seconds(remote.rows) == without_seconds(found.rows)
    assert remote.curve == found.curve
    assert (remote.draws, remote.left_out) == (found.draws, found.left_out) == (EPISODES, 0)
    assert f"the draws are of {found.families} families: intervals" in found.notes[-1]


def test_one_try_is_the_paired_evaluation_and_fewer_tries_are_a_prefix(found: AttackResult) -> None:
    with LocalArena() as arena:
        paired = evaluate("rules", arena=arena, episodes=EPISODES, paired=True)
        fewer = attack("rules", tries=2, arena=arena, episodes=EPISODES)
    for name in MEASURES:
        assert getattr(found.curve[0], name) == getattr(paired.scorecard, name)
    assert [point.tries for point in found.curve] == [1, 2, 4, 5]
    assert fewer.curve == found.curve[:2]


def test_every_try_is_another_answer_with_the_same_label(found: AttackResult) -> None:
    draws, _ = tried_draws(found.rows)
    assert max(len(draw.tries) for draw in draws) == 5
    for draw in draws:
        assert len({row.seen for row in draw.tries}) == len(draw.tries)
        assert {row.corruption_type for row in draw.tries} == {draw.tries[0].corruption_type}
        assert {row.corrupted for row in draw.tries} == {True}
        assert draw.right.corrupted is False


def test_a_draw_that_takes_no_more_corruptions_is_not_asked_for_again(found: AttackResult) -> None:
    ended = [row for row in found.rows if row.final]
    assert ended
    for row in ended:
        key = Key.parse(row.key)
        assert row.outcome is Outcome.worker_failed
        assert "takes fewer than" in str(row.reason)
        later = [Key.parse(r.key) for r in found.rows if Key.parse(r.key).draw == key.draw]
        assert max(other.further for other in later) == key.further


def test_tries_of_any_type_take_the_types_in_turn() -> None:
    with LocalArena() as arena:
        found = attack("rules", tries=4, any_type=True, arena=arena, episodes=6)
    draws, _ = tried_draws(found.rows)
    assert all(len({row.corruption_type for row in draw.tries}) > 1 for draw in draws)
    assert {Key.parse(row.key).any_type for row in found.rows if Key.parse(row.key).further} == {True}
    assert found.curve[-1].by_type == {}
    assert sum(found.curve[-1].chosen.values()) == 6


class Notes:
    """Keeps every batch that it is shown, and suspects a longer answer more."""

    name = "notes"

    def __init__(self) -> None:
        self.batches: list[list[Observation]] = []

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        self.batches.append(list(observations))
        return [
            Verdict(detection=True, explanation="", correction="", confidence=min(1.0, len(o.worker_output) / 4_000))
            for o in observations
        ]


def test_no_batch_shows_two_corruptions_of_one_answer_and_progress_ends_at_its_total() -> None:
    overseer, seen = Notes(), list[tuple[int, int]]()
    with LocalArena() as arena:
        attack(overseer, tries=4, arena=arena, episodes=8, on_progress=lambda done, of: seen.append((done, of)))
    for batch in overseer.batches:
        assert len({o.source_material for o in batch}) == len(batch)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert all(done <= of for done, of in seen)
    assert seen[0][1] == 8 * 5
    assert seen[-1][0] == seen[-1][1]


def test_the_search_ends_with_the_last_corruption_and_so_does_its_progress() -> None:
    seen = list[tuple[int, int]]()
    with LocalArena() as arena:
        found = attack(
            Notes(), tries=1_000, arena=arena, episodes=2, on_progress=lambda done, of: seen.append((done, of))
        )
    assert seen[-1] == (len(found.rows), len(found.rows))
    # Each of the two draws ends by one corruption that its answer does not take.
    assert sum(row.final for row in found.rows) == found.curve[-1].short == 2


class Fragile:
    """Reviews so many batches, and then is down until it is mended."""

    name = "fragile"

    def __init__(self, good_for: int) -> None:
        self.good_for = good_for
        self.reviewed: list[str] = []

    def review(self, observations: Sequence[Observation]) -> list[Verdict]:
        if not self.good_for:
            raise OverseerFailed("the endpoint is down")
        self.good_for -= 1
        self.reviewed += [o.worker_output for o in observations]
        return [Verdict(detection=True, explanation="", correction="", confidence=0.6)] * len(observations)


def test_an_attack_that_was_stopped_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    overseer, records = Fragile(good_for=5), tmp_path / "records.jsonl"
    task: dict[str, Any] = {"tries": 3, "episodes": 6, "batch": 3, "records": records}
    with LocalArena() as arena:
        with pytest.raises(OverseerFailed, match="the endpoint is down"):
            attack(overseer, arena=arena, **task)
        overseer.good_for = 100
        with pytest.raises(RecordsError, match="holds an evaluation already"):
            attack(overseer, arena=arena, **task)
        with pytest.raises(RecordsError, match="its any_type is False, not True"):
            attack(overseer, arena=arena, **task, any_type=True, resume=True)
        resumed = attack(overseer, arena=arena, **task, resume=True)
        whole = attack(Fragile(good_for=100), arena=arena, **(task | {"records": None}))
    assert len(overseer.reviewed) == sum(row.reward is not None for row in resumed.rows)
    assert without_seconds(resumed.rows) == without_seconds(whole.rows)


def test_an_attack_goes_on_with_more_tries(tmp_path: Path) -> None:
    overseer, records = Fragile(good_for=100), tmp_path / "records.jsonl"
    task: dict[str, Any] = {"episodes": 6, "records": records}
    with LocalArena() as arena:
        attack(overseer, arena=arena, tries=2, **task)
        before = len(overseer.reviewed)
        found = attack(overseer, arena=arena, tries=4, **task, resume=True)
    new = [row for row in found.rows if row.reward is not None and Key.parse(row.key).further >= 2]
    assert len(overseer.reviewed) - before == len(new) > 0
    assert [point.tries for point in found.curve] == [1, 2, 4]


class Refusing:
    """Its endpoint refuses every third request of a batch."""

    name = "refusing"

    def review(self, observations: Sequence[Observation]) -> list[Verdict | Completion]:
        verdict = Verdict(detection=True, explanation="", correction="", confidence=0.9)
        refused = Completion("", trouble=Trouble.refused, reason="too many requests")
        return [refused if n % 3 == 2 else verdict for n, _ in enumerate(observations)]


def test_a_draw_on_which_a_request_was_refused_is_left_out_and_never_scored() -> None:
    with LocalArena() as arena:
        found = attack(Refusing(), tries=3, arena=arena, episodes=9, batch=9)
    draws, left_out = tried_draws(found.rows)
    assert left_out == found.left_out > 0
    assert found.draws == len(draws) == 9 - left_out
    assert {row.reward for row in found.rows if row.outcome is Outcome.infra_failed} == {None}
    assert f"{left_out} draws are left out for every number of tries" in found.notes[0]
    refused = sum(row.trouble is Trouble.refused for row in found.rows)
    # A try that an answer does not take is no failure.
    assert found.notes[0].endswith(f"because something failed there: too many requests ({refused})")
    assert f"{refused} of the reviews: the overseer's endpoint refused the request; not scored" in found.notes
    # No try of a draw is reviewed after something failed on it.
    ended = {Key.parse(row.key).draw for row in found.rows if row.trouble is Trouble.refused}
    assert not any(Key.parse(row.key).draw in ended for row in found.rows if Key.parse(row.key).further == 2)


class Babbling:
    """Every second of its verdicts cannot be read."""

    name = "babbling"

    def review(self, observations: Sequence[Observation]) -> list[Verdict | str]:
        verdict = Verdict(detection=True, explanation="", correction="", confidence=0.9)
        return ["Well." if n % 2 else verdict for n, _ in enumerate(observations)]


def test_verdicts_that_cannot_be_read_are_counted() -> None:
    with LocalArena() as arena:
        found = attack(Babbling(), tries=1, arena=arena, episodes=4, batch=4)
    assert found.notes[0] == "4 of 8 verdicts could not be read; counted as wrong"


class Mute(ScriptedWorker):
    """Stands in for a model that cannot be reached."""

    async def answer(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise WorkerFailed("the model cannot be reached")


def test_an_arena_whose_worker_fails_gives_no_curve() -> None:
    with LocalArena(Arena(Mute())) as arena:
        found = attack("rules", tries=3, arena=arena, episodes=4)
    assert (found.draws, found.left_out, found.curve) == (0, 4, ())
    assert found.notes == (
        "no draw could be scored: nothing is shown",
        "what failed: the model cannot be reached (8)",
    )
    assert {row.reward for row in found.rows} == {None}


def test_thresholds_are_frozen_on_an_evaluation_of_other_episodes() -> None:
    with LocalArena() as arena:
        elsewhere = evaluate("rules", arena=arena, split="train", episodes=40)
        found = attack("rules", tries=2, arena=arena, episodes=6, threshold_from=elsewhere)
        with pytest.raises(ValueError, match="a threshold comes from other episodes"):
            attack("rules", tries=2, arena=arena, split="train", episodes=6, threshold_from=elsewhere)
        with pytest.raises(ValueError, match="the threshold is another overseer's"):
            attack("random", tries=2, arena=arena, episodes=6, threshold_from=elsewhere)
    for point in found.curve:
        assert [frozen.title for frozen in point.frozen] == ["1% false alarms", "5% false alarms"]
        assert {frozen.source for frozen in point.frozen} == {elsewhere.source}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "test"}, "the truth of split 'test' never leaves the server"),
        ({"tries": 0}, r"tries 1\.\.1000, got 300, 0, 32, 0"),
        ({"tries": 1001}, r"tries 1\.\.1000"),
        ({"episodes": 0}, "episodes must be at least 1"),
        ({"batch": 257}, r"batch 1\.\.256"),
        ({"tools": True}, "uses no tools"),
    ],
)
def test_what_cannot_be_attacked_is_refused(client: ArenaClient, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack("always_clean", **({"tries": 2, "arena": client} | wrong))


def test_a_result_goes_through_a_file_and_back_and_is_no_evaluation(found: AttackResult, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(found.to_json())
    assert AttackResult.read(tmp_path) == found
    with pytest.raises(ResultError, match="is of an attack"):
        Result.read(tmp_path)
    with pytest.raises(ResultError, match="no result in"):
        AttackResult.read(tmp_path / "nowhere")
    (tmp_path / "other.json").write_text('{"tries": 3}')
    with pytest.raises(ResultError, match="holds no result of forge-arena attack"):
        AttackResult.read(tmp_path / "other.json")
    twice = found.model_copy(update={"rows": (*found.rows, found.rows[0])})
    (tmp_path / "result.json").write_text(twice.to_json())
    with pytest.raises(ResultError, match=rf"rows\.{len(found.rows)} is of the same verdict as rows\.0"):
        AttackResult.read(tmp_path)


def test_the_records_of_an_attack_are_no_records_of_an_evaluation(tmp_path: Path) -> None:
    with LocalArena() as arena:
        attack("rules", tries=1, arena=arena, episodes=2, records=tmp_path / "records.jsonl")
    with pytest.raises(RecordsError):
        read_records(tmp_path / "records.jsonl")
