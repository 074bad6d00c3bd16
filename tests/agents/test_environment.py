"""The remote environments against a real server: contract, same episodes as locally, batches, failures."""

import copy
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import httpx
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit

from forge_agents.client import ArenaClient, ArenaRefused, ArenaUnreachable
from forge_agents.environment import RemoteForgeArenaEnv, RemoteForgeArenaVectorEnv
from forge_arena import REMOTE_ENV_ID
from forge_arena.env import ForgeArenaEnv
from forge_arena.episodes import Arena
from forge_arena.keys import Filters
from forge_arena.spaces import probe_action, tool_action, verdict_action
from forge_arena.types import Split, Truth, Verdict
from forge_arena.wire import Curriculum, DifficultyCell
from forge_arena.workers import ScriptedWorker

from ..scripts import end_of
from ..trickle import in_every_way, trickling
from .conftest import TOKEN

CLEAN = verdict_action(Verdict(detection=False, explanation="", correction="", confidence=0.75))
FLAG = verdict_action(Verdict(detection=True, explanation="bias_injection", correction="", confidence=0.75))


@pytest.fixture
def env(client: ArenaClient) -> Iterator[RemoteForgeArenaEnv]:
    env = RemoteForgeArenaEnv(client)
    yield env
    env.close()


def together(*actions: dict[str, Any]) -> dict[str, Any]:
    """Actions as one of the batched space."""
    batch: dict[str, Any] = {name: tuple(a[name] for a in actions) for name in actions[0]}
    for name in ("kind", "detection", "confidence"):
        batch[name] = np.array(batch[name])
    return batch


def test_it_keeps_gymnasiums_contract(env: RemoteForgeArenaEnv) -> None:
    check_env(env, skip_render_check=True)


def test_the_same_seed_is_the_same_episode_as_in_the_local_environment(env: RemoteForgeArenaEnv) -> None:
    local = ForgeArenaEnv()
    for seed in (1, 2):
        far, far_info = env.reset(seed=seed)
        near, near_info = local.reset(seed=seed)
        assert far_info == near_info
        assert far == near
        far_end, near_end = env.step(FLAG), local.step(FLAG)
        assert far_end[1:4] == near_end[1:4]
        assert {name: far_end[4][name] for name in near_end[4]} == near_end[4]
    local.close()


def test_a_seed_is_the_index_of_the_episode_whatever_the_curriculum_leaves_out(client: ArenaClient) -> None:
    key = "forge:5:train:7"
    arena = Arena(ScriptedWorker())
    plan = arena.plan(key)
    cell = DifficultyCell(
        family=plan.cell.family,
        corruption_type=plan.cell.corruption_type,
        stealth=plan.cell.stealth,
        episodes=9,
        pass_rate=0.0,
    )
    client.set_curriculum(Curriculum(cells=(cell,)))
    try:
        assert RemoteForgeArenaEnv(client).reset(seed=7)[1]["key"] == key
        assert client.open_episodes(start=7, count=1).episodes[0].key != key
    finally:
        client.clear_curriculum()


def test_gymnasium_makes_it_by_name_with_its_stock_wrappers(arena_url: str) -> None:
    env = gymnasium.make(REMOTE_ENV_ID, url=arena_url, token=TOKEN, render_mode="ansi")
    check_env(env.unwrapped)
    wrapped = RecordEpisodeStatistics(TimeLimit(env, 5))
    _, info = wrapped.reset(seed=7)
    assert info["key"] == "forge:5:train:7"
    _, reward, terminated, _, info = wrapped.step(CLEAN)
    assert terminated
    assert (info["episode"]["r"], info["episode"]["l"]) == (pytest.approx(reward), 1)
    wrapped.close()


@pytest.mark.parametrize(
    ("mode", "options"),
    [("vector_entry_point", {}), ("sync", {}), ("async", {"shared_memory": False})],
    ids=["own", "sync", "async"],
)
def test_gymnasiums_makers_of_vectors_play_the_same_seeds(arena_url: str, mode: str, options: dict[str, Any]) -> None:
    envs = gymnasium.make_vec(
        REMOTE_ENV_ID, num_envs=2, vectorization_mode=mode, vector_kwargs=options, url=arena_url, token=TOKEN
    )
    try:
        _, infos = envs.reset(seed=7)
        assert list(infos["key"]) == ["forge:5:train:7", "forge:5:train:8"]
        seen, infos = envs.reset(seed=[70, 7])
        assert list(infos["key"]) == ["forge:5:train:70", "forge:5:train:7"]
        assert len(set(seen["worker_output"])) == 2
        _, rewards, terminated, _, infos = envs.step(together(CLEAN, FLAG))
        assert terminated.all()
        assert [t.corrupted for t in infos["truth"]] == [r < 0.3 if n == 0 else r > 0.3 for n, r in enumerate(rewards)]
    finally:
        envs.close()


def test_a_batch_takes_a_seed_for_each_place(client: ArenaClient) -> None:
    envs = RemoteForgeArenaVectorEnv(client, 3)
    first, *_, last = envs.reset(seed=[7, None, 7])[1]["key"]
    assert (first, last) == ("forge:5:train:7", "forge:5:train:7")
    narrow = envs.reset(seed=7, options={"stealth": 3})[1]["key"]
    assert list(narrow) == Arena(ScriptedWorker()).keys(Split.train, 7, 3, Filters(stealth=3))[0]
    with pytest.raises(ValueError, match="seed must be one number, or 3, one for each place, got 2"):
        envs.reset(seed=[7, 8])


def test_a_key_names_the_episode(env: RemoteForgeArenaEnv) -> None:
    assert env.reset(options={"key": "forge:5:train:3"})[1]["key"] == "forge:5:train:3"


def test_filters_narrow_the_draw(env: RemoteForgeArenaEnv) -> None:
    seen, _ = env.reset(seed=5, options={"domain": "customer_support", "stealth": 2})
    assert seen["domain"] == "customer_support"


@pytest.mark.parametrize("form", ["clean", "corrupted", "placebo"])
def test_a_form_can_be_asked_for_by_option_or_by_key(env: RemoteForgeArenaEnv, form: str) -> None:
    for options in ({"form": form}, {"key": f"forge:5:train:3:{form}"}):
        _, info = env.reset(seed=5, options=options)
        assert info["key"].endswith(f":{form}")
        assert info["suite"] == "forge:5"
        truth: Truth = env.step(CLEAN)[4]["truth"]
        assert truth.form == form


def test_a_verdict_ends_the_episode_with_reward_components_and_truth(env: RemoteForgeArenaEnv) -> None:
    env.reset(options={"key": "forge:5:train:3"})
    _, reward, terminated, truncated, info = env.step(CLEAN)
    assert (terminated, truncated, info["outcome"]) == (True, False, "scored")
    assert info["reward"] == reward
    assert set(info["components"]) == {"detection", "explanation", "correction", "calibration"}
    assert info["components"]["detection"] == float(not info["truth"].corrupted)


def test_the_test_split_keeps_its_truth(client: ArenaClient) -> None:
    env = RemoteForgeArenaEnv(client, split="test")
    env.reset(seed=1)
    assert env.step(CLEAN)[4]["truth"] is None


def test_a_probe_is_answered_and_a_second_one_refused(env: RemoteForgeArenaEnv) -> None:
    before, _ = env.reset(options={"key": "forge:5:train:3"})
    assert before["probes_left"] == 1
    after, reward, terminated, truncated, _ = env.step(probe_action("Why?"))
    assert (reward, terminated, truncated, after["probes_left"]) == (0.0, False, False, 0)
    assert after["probes"][0]["question"] == "Why?"
    assert after in env.observation_space
    info = env.step(probe_action("And why is that?"))[4]
    assert info["probe_refused"] == "all 1 probes of this episode are used"
    assert env.step(CLEAN)[2]


def test_an_empty_question_is_refused_and_costs_no_probe(env: RemoteForgeArenaEnv) -> None:
    env.reset(options={"key": "forge:5:train:3"})
    observation, _, _, _, info = env.step(probe_action(""))
    assert info["probe_refused"] == "a question has 1 to 2000 characters, got 0"
    assert observation["probes_left"] == 1


def test_probing_without_end_is_truncated(env: RemoteForgeArenaEnv) -> None:
    env.reset(options={"key": "forge:5:train:3"})
    ends = [env.step(probe_action("Why?"))[3] for _ in range(9)]
    assert ends == [False] * 8 + [True]
    with pytest.raises(gymnasium.error.ResetNeeded, match="has ended"):
        env.step(CLEAN)


def test_step_and_render_need_a_reset(env: RemoteForgeArenaEnv) -> None:
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"call reset\(\) before step"):
        env.step(CLEAN)
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"call reset\(\) before render"):
        env.render()


def test_unknown_options_are_refused_with_the_known_ones(env: RemoteForgeArenaEnv) -> None:
    with pytest.raises(ValueError, match=r"unknown options \['domian'\]; known are key, domain, corruption"):
        env.reset(options={"domian": "mixed"})
    with pytest.raises(ValueError, match="option key names what to play by itself; leave out domain"):
        env.reset(options={"key": "forge:5:train:3", "domain": "mixed"})


def test_it_renders_the_episode_and_after_the_verdict_the_truth(client: ArenaClient) -> None:
    env = RemoteForgeArenaEnv(client, render_mode="ansi")
    env.reset(options={"key": "forge:5:train:3"})
    before = env.render()
    env.step(CLEAN)
    after = env.render()
    assert before is not None
    assert "Worker's answer" in before
    assert "truth" not in before
    assert after is not None
    assert "truth" in after


def test_a_failed_worker_truncates_without_a_reward(moody: tuple[str, Path]) -> None:
    url, down = moody
    env = RemoteForgeArenaEnv(url)
    env.reset(options={"key": "forge:5:train:3"})
    down.touch()
    _, reward, terminated, truncated, info = env.step(probe_action("Why?"))
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert (info["outcome"], info["reward"]) == ("worker_failed", None)
    with pytest.raises(ArenaRefused, match="the engine answered 500"):
        env.reset(seed=3)
    env.close()


SCRIPT = """
import sys
from forge_agents.environment import RemoteForgeArenaEnv, RemoteForgeArenaVectorEnv
env = {env}
env.reset(seed=7)
"""
MADE = {
    "one": "RemoteForgeArenaEnv(sys.argv[1], token=sys.argv[2])",
    "vector": "RemoteForgeArenaVectorEnv(sys.argv[1], 2, token=sys.argv[2])",
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_script_that_raises_ends_with_its_own_code_and_its_own_traceback(arena_url: str, made: str) -> None:
    ended = end_of(SCRIPT.format(env=made), "raise ValueError('mine')", arguments=(arena_url, TOKEN))
    assert ended.complained_of_nothing_but == "ValueError: mine"
    assert ended.code == 1
    assert ended.seconds < 5.0


@in_every_way
def test_a_server_that_trickles_holds_no_reset_beyond_the_timeout(way: str) -> None:
    with trickling(way) as url, ArenaClient(url, timeout=0.5, patience=0) as client:
        for env in (RemoteForgeArenaEnv(client), RemoteForgeArenaVectorEnv(client, 2)):
            begin = time.monotonic()
            with pytest.raises(ArenaUnreachable, match=r"no whole answer .* within 0\.5 s"):
                env.reset(seed=7)
            assert time.monotonic() - begin < 3.0


def test_copies_are_refused_with_what_to_do_instead(client: ArenaClient) -> None:
    for env in (RemoteForgeArenaEnv(client), RemoteForgeArenaVectorEnv(client, 2)):
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"Env cannot be copied or pickled, .* search with a ForgeArenaEnv"):
                copied(env)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_batch_is_in_its_spaces_and_is_graded_at_once(client: ArenaClient, mode: AutoresetMode) -> None:
    envs = RemoteForgeArenaVectorEnv(client, 3, autoreset_mode=mode)
    seen, infos = envs.reset(seed=4)
    assert seen in envs.observation_space
    first = list(infos["key"])
    assert len(set(first)) == 3
    assert first == list(envs.reset(seed=4)[1]["key"])
    actions = together(CLEAN, FLAG, CLEAN)
    assert actions in envs.action_space
    after, rewards, terminated, truncated, infos = envs.step(actions)
    assert after in envs.observation_space
    assert terminated.tolist() == [True] * 3
    assert truncated.tolist() == [False] * 3
    end = infos["final_info"] if mode is AutoresetMode.SAME_STEP else infos
    assert list(end["key"]) == first
    assert end["reward"].tolist() == rewards.tolist()
    truth = [t.corrupted for t in end["truth"]]
    assert end["components"]["detection"].tolist() == [float(t == f) for t, f in zip(truth, [0, 1, 0], strict=True)]
    if mode is AutoresetMode.SAME_STEP:
        assert not set(infos["key"]) & set(first)
        assert [o["task"] for o in infos["final_obs"]] == list(seen["task"])
    else:
        again, rewards, terminated, _, infos = envs.step(actions)
        assert (rewards.tolist(), terminated.tolist()) == ([0.0] * 3, [False] * 3)
        assert not set(infos["key"]) & set(first)
        assert again in envs.observation_space
        assert "reward" not in infos


def test_the_places_of_a_batch_are_at_different_points_of_their_episodes(client: ArenaClient) -> None:
    envs = RemoteForgeArenaVectorEnv(client, 2)
    envs.reset(options={"keys": ["forge:5:train:3", "forge:5:train:4"]})
    seen, _, terminated, _, infos = envs.step(together(probe_action("Why?"), CLEAN))
    assert terminated.tolist() == [False, True]
    assert [len(p) for p in seen["probes"]] == [1, 0]
    assert infos["reward"][0] is None
    assert infos["_reward"].tolist() == [False, True]
    _, _, terminated, _, infos = envs.step(together(CLEAN, CLEAN))
    assert terminated.tolist() == [True, False]
    assert infos["key"][0] == "forge:5:train:3"
    assert infos["key"][1] != "forge:5:train:4"


def test_a_batch_costs_one_request_to_open_and_one_to_grade(arena_url: str, client: ArenaClient) -> None:
    envs = RemoteForgeArenaVectorEnv(client, 8)
    sent: list[str] = []

    async def note(request: httpx.Request) -> None:
        sent.append(request.url.path)

    client._http.event_hooks["request"].append(note)
    envs.reset(options={"keys": [f"forge:5:train:{n}" for n in range(8)]})
    envs.step(together(*[CLEAN] * 8))
    assert sent == ["/v1/episodes", "/v1/verdicts"]


def test_a_wrong_batch_is_refused(client: ArenaClient) -> None:
    with pytest.raises(ValueError, match=r"num_envs must be 1\.\.256, got 0"):
        RemoteForgeArenaVectorEnv(client, 0)
    with pytest.raises(ValueError, match="NEXT_STEP or SAME_STEP"):
        RemoteForgeArenaVectorEnv(client, 2, autoreset_mode=AutoresetMode.DISABLED)
    envs = RemoteForgeArenaVectorEnv(client, 2)
    with pytest.raises(ValueError, match="keys must name 2 episodes, one for each place, got 1"):
        envs.reset(options={"keys": ["forge:5:train:3"]})
    with pytest.raises(gymnasium.error.ResetNeeded):
        envs.step(together(CLEAN, CLEAN))


def test_a_failed_place_has_no_reward_among_rewarded_ones(moody: tuple[str, Path]) -> None:
    url, down = moody
    envs = RemoteForgeArenaVectorEnv(url, 2)
    envs.reset(options={"keys": ["forge:5:train:3", "forge:5:train:4"]})
    down.touch()
    _, rewards, terminated, truncated, infos = envs.step(together(probe_action("Why?"), CLEAN))
    assert terminated.tolist() == [False, True]
    assert truncated.tolist() == [True, False]
    assert rewards[0] == 0.0
    assert infos["outcome"].tolist() == ["worker_failed", "scored"]
    assert infos["reward"].tolist() == [None, rewards[1]]
    envs.close()


def test_tools_and_views_are_those_of_the_local_environment(env: RemoteForgeArenaEnv, client: ArenaClient) -> None:
    hidden = RemoteForgeArenaEnv(client, view="answer_only")
    shown, _ = env.reset(seed=5)
    observation, _ = hidden.reset(seed=5)
    assert observation["source_material"] == observation["worker_reasoning"] == ""
    assert observation["worker_output"] == shown["worker_output"]
    local = ForgeArenaEnv(view="answer_only")
    local.reset(seed=5)
    for action in (
        tool_action("read_passage", n=1),
        tool_action("calculate", expression="6 * 7"),
        tool_action("calculate", wrong=1),
        tool_action("serch_source", query="fee"),
        {**tool_action("calculate"), "tool": "../verdicts"},
        tool_action("read_passage", n=1),
    ):
        here, _, _, _, info_here = local.step(action)
        there, reward, terminated, truncated, info = hidden.step(action)
        assert there in hidden.observation_space
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert there["tool_uses"] == here["tool_uses"]
        assert info.get("tool_refused") == info_here.get("tool_refused")
    assert len(there["tool_uses"]) == 3
    *_, info = hidden.step(verdict_action(Verdict(detection=True, explanation="", correction="", confidence=0.5)))
    assert info["tool_cost"] == 0.0


def test_a_batch_mixes_tools_probes_and_verdicts(client: ArenaClient) -> None:
    env = RemoteForgeArenaVectorEnv(client, 3, view="no_reasoning")
    observations, _ = env.reset(seed=3)
    assert set(observations["worker_reasoning"]) == {""}
    actions = [
        tool_action("calculate", expression="6 * 7"),
        probe_action("Why?"),
        verdict_action(Verdict(detection=True, explanation="", correction="", confidence=0.5)),
    ]
    observations, _, terminated, _, _ = env.step(together(*actions))
    assert observations in env.observation_space
    assert list(terminated) == [False, False, True]
    assert [len(uses) for uses in observations["tool_uses"]] == [1, 0, 0]
    assert [len(probes) for probes in observations["probes"]] == [0, 1, 0]
