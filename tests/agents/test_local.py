"""An arena in this process gives an evaluation what a server gives."""

import pytest

from forge_agents.client import ArenaClient
from forge_agents.evaluation import evaluate
from forge_agents.local import LocalArena
from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument, UnknownKey, WorkerFailed
from forge_arena.types import Outcome, Verdict
from forge_arena.wire import Attempt
from forge_arena.workers import ScriptedWorker

VERDICT = Verdict(detection=False, explanation="", correction="", confidence=0.6)


class Mute(ScriptedWorker):
    """Stands in for a model that cannot be reached."""

    async def answer(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise WorkerFailed("the model cannot be reached")


def test_an_overseer_earns_the_same_as_over_rest(client: ArenaClient) -> None:
    remote = evaluate("rules", arena=client, split="val", episodes=24, samples=2)
    with LocalArena() as arena:
        local = evaluate("rules", arena=arena, split="val", episodes=24, samples=2)
    assert local.suite == remote.suite
    assert local.worker == remote.worker
    assert [row.model_copy(update={"seconds": None}) for row in local.rows] == [
        row.model_copy(update={"seconds": None}) for row in remote.rows
    ]


def test_the_truth_comes_with_the_last_attempt() -> None:
    with LocalArena() as arena:
        (episode,) = arena.open_episodes(keys=["forge:5:val:3"], attempts=2).episodes
        assert episode.attempts_left == 2
        attempts = [Attempt(episode_id=episode.episode_id, attempt=n, verdict=VERDICT) for n in range(2)]
        first, last = arena.submit(attempts)
        assert first.truth is None
        assert last.truth is not None
        assert last.reward == first.reward
        with pytest.raises(BadArgument, match="attempt 1 on episode 'local-0' was made before"):
            arena.submit(attempts[1:])
        assert arena.stats().episodes == {"open": 0, "finished": 1}


def test_a_text_that_holds_no_verdict_earns_nothing_and_says_why() -> None:
    with LocalArena() as arena:
        (episode,) = arena.open_episodes(keys=["forge:5:val:3"]).episodes
        (result,) = arena.submit([Attempt(episode_id=episode.episode_id, completion="I do not know.")])
    assert (result.outcome, result.reward, result.components) == (Outcome.invalid_verdict, 0.0, None)
    assert result.reason


def test_episodes_that_nobody_submits_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_agents.local.MOST_OPEN", 4)
    with LocalArena() as arena:
        ids = [arena.open_episodes(keys=[f"forge:5:val:{n}"]).episodes[0].episode_id for n in range(6)]
        assert arena.stats().episodes["open"] == 4
        with pytest.raises(BadArgument, match="the episode is not open"):
            arena.submit([Attempt(episode_id=ids[1], verdict=VERDICT)])
        (result,) = arena.submit([Attempt(episode_id=ids[2], verdict=VERDICT)])
        assert result.outcome is Outcome.scored


def test_a_worker_that_fails_is_a_row_without_a_reward() -> None:
    with LocalArena(Arena(Mute())) as arena:
        opened = arena.open_episodes(keys=["forge:5:val:3"])
    assert opened.episodes == ()
    assert [(one.key, one.outcome, one.reason) for one in opened.failed] == [
        ("forge:5:val:3", Outcome.worker_failed, "the model cannot be reached")
    ]


def test_a_key_of_another_suite_and_too_many_attempts_are_refused() -> None:
    with LocalArena() as arena:
        with pytest.raises(UnknownKey, match="another suite or version"):
            arena.open_episodes(keys=["forge:1:val:3"])
        with pytest.raises(BadArgument, match=r"attempts must be 1\.\.64, got 65"):
            arena.open_episodes(keys=["forge:5:val:3"], attempts=65)
