"""Prompts and rewards for a trainer of one's own, against a real server."""

import pytest

from forge_agents.client import ArenaClient, ArenaRefused
from forge_agents.rollouts import results, rewards, rows
from forge_agents.trl import OverseerEnvironment
from forge_arena.prompts import prompt
from forge_arena.types import Outcome, Verdict
from forge_arena.verdicts import messages_with_tools, verdict_text
from forge_arena.wire import MAX_ATTEMPTS


def completion(confidence: float) -> str:
    return verdict_text(Verdict(detection=False, explanation="", correction="", confidence=confidence))


def test_rows_have_the_prompt_of_their_episodes(client: ArenaClient) -> None:
    keys = ["forge:5:train:3", "forge:5:train:4"]
    made = rows(client, "compact", keys=keys)
    assert [row["key"] for row in made] == keys
    for row in made:
        observation = client.state(row["episode_id"]).observation
        assert row["prompt"] == prompt("compact")(observation)
        assert row["digest"] == observation.digest
    (asked,) = rows(client, tools=True, keys=keys[:1])
    assert asked["prompt"] == messages_with_tools(client.state(asked["episode_id"]).observation)
    with pytest.raises(ValueError, match="no prompt is called 'cart'"):
        rows(client, "cart", keys=keys)


def test_a_row_serves_for_rollouts_of_several_turns(client: ArenaClient) -> None:
    (row,) = rows(client, tools=True, keys=["forge:5:train:3"], view="answer_only")
    earned = []
    for _ in range(2):
        rollout = OverseerEnvironment(lambda: client)
        rollout.reset(**row)
        assert rollout.read_passage(1).startswith("[1 of ")
        assert rollout.probe("Is that so?")
        rollout.submit_verdict(detection=False, explanation="", correction="", confidence=0.6)
        earned.append(rollout.get_reward())
    assert earned == rewards(client, [row["episode_id"]] * 2, [completion(0.6)] * 2)


def test_a_row_serves_for_several_epochs_and_groups_in_any_order(client: ArenaClient) -> None:
    first, second = (row["episode_id"] for row in rows(client, keys=["forge:5:train:3", "forge:5:train:4"]))
    texts = [completion(0.6), completion(0.7), "no verdict", completion(0.8)]
    epochs = [rewards(client, [first, second, first, first], texts) for _ in range(2)]
    assert epochs[0] == epochs[1]
    assert epochs[0][2] == 0.0
    assert rewards(client, [first, first, second, first], [texts[3], texts[2], texts[1], texts[0]]) == [
        epochs[0][3],
        epochs[0][2],
        epochs[0][1],
        epochs[0][0],
    ]
    assert client.state(first).attempts_left == 1
    assert rewards(client, [], []) == []


def test_a_group_may_be_larger_than_one_opening(client: ArenaClient) -> None:
    (row,) = rows(client, keys=["forge:5:train:3"])
    texts = [completion(0.5 + n / 200) for n in range(MAX_ATTEMPTS + 3)]
    scored = results(client, [row["episode_id"]] * len(texts), texts)
    assert {result.outcome for result in scored} == {Outcome.scored}
    calibrations = [result.components.calibration for result in scored if result.components is not None]
    assert calibrations in (sorted(calibrations), sorted(calibrations, reverse=True))
    assert len(set(calibrations)) == len(texts)


def test_a_held_out_row_is_refused_and_each_completion_needs_an_episode(client: ArenaClient) -> None:
    (row,) = rows(client, split="val", count=1)
    with pytest.raises(ArenaRefused, match="only episodes of train are opened again"):
        rewards(client, [row["episode_id"]], [completion(0.6)])
    (row,) = rows(client, keys=["forge:5:train:3"])
    with pytest.raises(ValueError, match="argument 3 is longer"):
        rewards(client, [row["episode_id"]], [completion(0.6)] * 2)
