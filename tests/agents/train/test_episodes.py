"""The stream of prompts: in order, from where it was, never stuck at what cannot be made."""

from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("datasets")

from forge_agents.client import ArenaClient, ArenaRefused
from forge_agents.train.episodes import AHEAD, EpisodeStream
from forge_arena.prompts import compact_system, prompt
from forge_arena.verdicts import messages

from .conftest import Served


def indices(keys: list[str]) -> list[int]:
    return [int(key.split(":")[3]) for key in keys]


def test_episodes_come_in_order_each_with_all_attempts_of_a_group(short_client: ArenaClient) -> None:
    stream = EpisodeStream(short_client, attempts=6)
    taken = [*stream.take(3), *stream.take(5)]
    assert [one.key for one in taken] == [f"short:5:train:{index}" for index in range(8)]
    assert {one.attempts_left for one in taken} == {6}


def test_the_position_moves_by_what_was_used_and_not_by_what_was_drawn(short_client: ArenaClient) -> None:
    stream = EpisodeStream(short_client, attempts=2, start=7)
    taken = stream.take(5)
    assert stream.position == 7
    stream.mark_used(taken[1].key)
    stream.mark_used(taken[0].key)
    assert stream.position == 9


def test_another_stream_goes_on_from_the_position(short_client: ArenaClient) -> None:
    stream = EpisodeStream(short_client, attempts=2)
    for one in stream.take(4)[:2]:
        stream.mark_used(one.key)
    again = EpisodeStream(short_client, attempts=2, start=stream.position)
    assert indices([one.key for one in again.take(2)]) == [2, 3]


def test_another_split_can_be_streamed(short_client: ArenaClient) -> None:
    (one,) = EpisodeStream(short_client, attempts=1, start=3, split="val").take(1)
    assert one.key == "short:5:val:3"


def test_the_dataset_yields_a_chat_an_episode_and_its_key_without_end(short_client: ArenaClient) -> None:
    rows = list(islice(EpisodeStream(short_client, attempts=3).dataset(), AHEAD + 3))
    assert indices([row["key"] for row in rows]) == list(range(AHEAD + 3))
    assert {frozenset(row) for row in rows} == {frozenset({"prompt", "episode_id", "key", "digest"})}
    state = short_client.state(rows[-1]["episode_id"])
    assert rows[-1]["digest"] == state.observation.digest
    assert (state.key, state.attempts_left) == (rows[-1]["key"], 3)
    assert rows[-1]["prompt"] == messages(state.observation)
    assert len({row["episode_id"] for row in rows}) == len(rows)


def test_what_a_curriculum_leaves_out_is_passed_over(tmp_path: Path) -> None:
    from forge_arena.episodes import Arena
    from forge_arena.types import Split
    from forge_arena.wire import Curriculum, DifficultyCell
    from forge_arena.workers import ScriptedWorker

    from ...server_process import FORGE_ARENA, running

    arena = Arena(ScriptedWorker(), secret="of no account for train")
    plans = [arena.plan(arena.key(Split.train, index)) for index in range(40)]
    hard = plans[0].cell
    assert hard is not None
    cell = DifficultyCell(family=hard[0], corruption_type=hard[1], stealth=hard[2], episodes=9, pass_rate=0.0)
    serve = ("-c", FORGE_ARENA, "serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/own.db")
    with running(*serve) as url, ArenaClient(url) as client:
        client.set_curriculum(Curriculum(cells=(cell,)))
        taken = EpisodeStream(client, attempts=2).take(20)
    found = indices([one.key for one in taken])
    assert found == sorted(found)
    assert [index for index in range(found[-1] + 1) if plans[index].cell == hard and index in found] == []
    assert len(found) == 20


def test_a_worker_that_fails_now_and_then_is_passed_over_and_one_that_is_down_is_told(
    moody: tuple[str, Path],
) -> None:
    url, down = moody
    with ArenaClient(url, patience=60.0) as client:
        stream = EpisodeStream(client, attempts=2)
        assert indices([one.key for one in stream.take(2)]) == [0, 1]
        down.touch()
        with pytest.raises(ArenaRefused, match="the engine answered 500"):
            stream.take(1)
        down.unlink()
        (after,) = stream.take(1)
        assert 2 < indices([after.key])[0] <= 2 + AHEAD
        assert stream.position == 0


def test_the_streams_of_two_trainers_do_not_disturb_each_other(short: Served, short_client: ArenaClient) -> None:
    with ArenaClient(short.url) as another:
        first, second = EpisodeStream(short_client, attempts=2), EpisodeStream(another, attempts=2)
        assert [one.key for one in first.take(3)] == [one.key for one in second.take(3)]


def test_a_row_asks_by_the_prompt_that_the_stream_was_given(short_client: ArenaClient) -> None:
    stream = EpisodeStream(short_client, attempts=1, start=3, ask=prompt("compact"))
    chat = next(stream.rows())["prompt"]
    assert chat[0]["content"] == compact_system()
    assert "Worker reasoning:" not in chat[1]["content"]
