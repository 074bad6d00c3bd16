"""The Gymnasium environment keeps Gymnasium's contract, and its own."""

import asyncio
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from fastapi import Response
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

from forge_arena import ENV_ID
from forge_arena.env import ForgeArenaEnv
from forge_arena.errors import WorkerFailed
from forge_arena.keys import Filters
from forge_arena.plans import VERSION
from forge_arena.rewards import oracle_verdict
from forge_arena.spaces import probe_action, tool_action, verdict_action
from forge_arena.types import Form, Split, Truth, Verdict
from forge_arena.workers import ScriptedWorker

from ..brain import Brain, completion, refusal

CLEAN = verdict_action(Verdict(detection=False, explanation="", correction="", confidence=0.7))


@pytest.fixture
def env() -> ForgeArenaEnv:
    env = gymnasium.make(ENV_ID).unwrapped
    assert isinstance(env, ForgeArenaEnv)
    yield env
    env.close()


def test_the_checker_finds_nothing_to_warn_of() -> None:
    env = gymnasium.make(ENV_ID, render_mode="ansi")
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_seed_is_the_index_of_the_episode(split: str) -> None:
    with closing(ForgeArenaEnv(split=split)) as env:
        assert env.reset(seed=7)[1]["key"] == f"forge:5:{split}:7"
        assert env.reset(seed=7, options={"form": "clean"})[1]["key"] == f"forge:5:{split}:7:clean"
        narrow = env.reset(seed=7, options={"stealth": 2})[1]["key"]
        assert narrow == env.arena.keys(Split(split), 7, 1, Filters(stealth=2))[0][0]


def test_a_seed_that_is_no_index_is_refused(env: ForgeArenaEnv) -> None:
    with pytest.raises(ValueError, match=r"a seed is the index of an episode, 0 to 2\*\*53 - 1, got 9007199254740992"):
        env.reset(seed=2**53)


def test_a_seed_decides_the_episode(env: ForgeArenaEnv) -> None:
    first, info = env.reset(seed=4)
    again, same = env.reset(seed=4)
    assert first == again
    assert info == same
    assert env.reset()[1] != same


def test_options_narrow_the_draw_or_name_the_episode(env: ForgeArenaEnv) -> None:
    observation, info = env.reset(seed=0, options={"domain": "code_review", "corruption": "temporal_shift"})
    assert observation["domain"] == "code_review"
    assert env.reset(options={"key": info["key"]})[0] == observation


@pytest.mark.parametrize("form", Form)
def test_an_episode_can_be_asked_for_in_a_form(env: ForgeArenaEnv, form: Form) -> None:
    observation, info = env.reset(seed=3, options={"form": form.value, "domain": "legal_summarisation"})
    assert info["key"].endswith(f":{form.value}")
    assert observation["domain"] == "legal_summarisation"
    again = env.reset(options={"key": info["key"]})[0]
    assert again == observation
    verdict = Verdict(detection=True, explanation="", correction="", confidence=0.5)
    truth: Truth = env.step(verdict_action(verdict))[-1]["truth"]
    assert truth.form is form


def test_forms_of_one_seed_are_forms_of_one_draw(env: ForgeArenaEnv) -> None:
    seen = [env.reset(seed=3, options={"form": form}) for form in Form]
    assert len({info["key"].rpartition(":")[0] for _, info in seen}) == 1
    assert len({observation["source_material"] for observation, _ in seen}) == 1
    assert len({observation["worker_output"] for observation, _ in seen}) == 3


def test_a_form_that_is_none_is_refused(env: ForgeArenaEnv) -> None:
    with pytest.raises(ValueError, match="option form must be 'clean', 'corrupted' or 'placebo', got 'dirty'"):
        env.reset(options={"form": "dirty"})


def test_a_stealth_that_is_none_is_refused(env: ForgeArenaEnv) -> None:
    with pytest.raises(ValueError, match="option stealth must be less than or equal to 3, got 4"):
        env.reset(options={"stealth": 4})


def test_a_key_leaves_nothing_to_narrow(env: ForgeArenaEnv) -> None:
    with pytest.raises(ValueError, match=r"option key names what to play by itself; leave out form, stealth"):
        env.reset(options={"key": "forge:5:train:7", "form": "clean", "stealth": 0})


def test_an_unknown_option_is_refused(env: ForgeArenaEnv) -> None:
    with pytest.raises(
        ValueError,
        match=r"unknown options \['domian'\]; known are key, domain, corruption, stealth, mechanism, awareness, candour, form",
    ):
        env.reset(options={"domian": "code_review"})


def test_a_verdict_ends_the_episode_and_tells_the_truth(env: ForgeArenaEnv) -> None:
    _, info = env.reset(seed=1)
    episode = asyncio.run(env.arena.make(info["key"]))
    verdict = oracle_verdict(episode.observation, episode.truth)
    _, reward, terminated, truncated, info = env.step(verdict_action(verdict))
    assert terminated
    assert not truncated
    assert info["truth"] == episode.truth
    assert reward == (1.0 if episode.truth.corrupted else pytest.approx(0.625))
    assert set(info["components"]) == {"detection", "explanation", "correction", "calibration"}
    with pytest.raises(gymnasium.error.ResetNeeded, match="the episode has ended"):
        env.step(verdict_action(Verdict(detection=True, explanation="", correction="", confidence=1.0)))


def test_a_probe_is_answered_once_and_then_refused(env: ForgeArenaEnv) -> None:
    env.reset(seed=2)
    observation, reward, terminated, _, info = env.step(probe_action("Why?"))
    assert reward == 0
    assert not terminated
    assert observation["probes_left"] == 0
    assert observation["probes"][0]["question"] == "Why?"
    observation, _, _, _, info = env.step(probe_action("Why again?"))
    assert len(observation["probes"]) == 1
    assert info["probe_refused"] == "all 1 probes of this episode are used"


@pytest.mark.parametrize("question", ["", "?" * 2_001])
@pytest.mark.parametrize("as_tool", [False, True])
def test_what_no_server_takes_as_a_question_is_refused_and_costs_no_probe(
    env: ForgeArenaEnv, question: str, as_tool: bool
) -> None:
    env.reset(seed=2)
    action = tool_action("probe", question=question) if as_tool else probe_action(question)
    observation, _, _, _, info = env.step(action)
    assert info["probe_refused"] == f"a question has 1 to 2000 characters, got {len(question)}"
    assert (observation["probes"], observation["probes_left"]) == ((), 1)


def test_the_specification_names_the_version_of_the_suite() -> None:
    assert f"the suite's version, which is {VERSION}." in (ForgeArenaEnv.__doc__ or "")


def test_a_worker_that_does_not_start_is_started_once_for_a_reset() -> None:
    class Dead(ScriptedWorker):
        starts = 0

        async def start(self) -> None:
            self.starts += 1
            raise WorkerFailed("no command 'vllm'")

    worker = Dead()
    env = ForgeArenaEnv(worker)
    with pytest.raises(WorkerFailed, match="no command 'vllm'"):
        env.reset(seed=1)
    assert worker.starts == 1
    env.close()


def test_probing_for_ever_is_truncated(env: ForgeArenaEnv) -> None:
    env.reset(seed=2)
    ends = [env.step(probe_action("?"))[3] for _ in range(9)]
    assert ends == [False] * 8 + [True]
    with pytest.raises(gymnasium.error.ResetNeeded, match="the episode has ended"):
        env.step(CLEAN)


def test_step_before_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset"):
        ForgeArenaEnv().step(probe_action("?"))


def test_any_unicode_is_in_the_spaces(env: ForgeArenaEnv) -> None:
    env.reset(seed=3)
    action = verdict_action(Verdict(detection=True, explanation="𝔘\u200b🜲", correction="\x00", confidence=0.5))
    assert action in env.action_space


def test_render_shows_the_truth_only_after_the_verdict() -> None:
    env = gymnasium.make(ENV_ID, render_mode="ansi")
    env.reset(seed=1)
    before = env.render()
    assert "Worker's answer" in before
    assert "truth" not in before.lower().splitlines()[-1]
    env.step(verdict_action(Verdict(detection=True, explanation="x", correction="", confidence=0.5)))
    assert "truth" in env.render()
    env.close()


def test_several_run_as_a_vector() -> None:
    envs = gymnasium.make_vec(ENV_ID, num_envs=3)
    assert isinstance(envs.unwrapped, SyncVectorEnv)
    assert list(envs.reset(seed=[70, None, 7])[1]["key"])[::2] == ["forge:5:train:70", "forge:5:train:7"]
    observations, infos = envs.reset(seed=7)
    assert list(infos["key"]) == ["forge:5:train:7", "forge:5:train:8", "forge:5:train:9"]
    assert len(set(observations["source_material"])) == 3
    actions = envs.action_space.sample()
    actions["kind"] = np.ones(3, dtype=np.int64)
    _, rewards, terminated, _, infos = envs.step(actions)
    assert all(isinstance(truth, Truth) for truth in infos["truth"])
    assert rewards.shape == (3,)
    assert terminated.all()
    envs.close()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"render_mode": "rgb"}, "render_mode must be one of"),
        ({"probes": 99}, "probes must be 0..16"),
        ({"revisions": -1}, "revisions must be at least 0, got -1"),
        ({"reader": "worker"}, "'worker' cannot read: a scripted Worker has no model"),
    ],
)
def test_wrong_arguments_are_refused(argument: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ForgeArenaEnv(**argument)  # type: ignore[arg-type]


def test_a_reader_reads_the_answers_over_http(brain: Brain) -> None:
    brain.reactions = [completion("[]")]
    with closing(ForgeArenaEnv(reader=f"openai:brain@{brain.url}")) as env:
        env.reset(options={"key": "forge:5:train:7"})
        assert env.arena.answers_by == "scripted, read by openai:brain"
        assert env.arena.counts["reader_asked"] == len(brain.seen) - 1 > 0


def test_a_reader_that_does_not_start_is_no_episode(brain: Brain) -> None:
    brain.reactions = [refusal(401, "no such key")]
    refused = pytest.raises(WorkerFailed, match=r"the reader did not start: .*without an API key")
    with closing(ForgeArenaEnv(reader=f"openai:brain@{brain.url}")) as env, refused:
        env.reset(options={"key": "forge:5:train:7"})


@pytest.mark.parametrize("revisions", [0, 1])
def test_the_worker_writes_an_answer_again_as_often_as_it_may(brain: Brain, revisions: int) -> None:
    async def ramble(_: dict[str, Any]) -> Response:
        return completion(f"It costs ${len(brain.seen)},456.78 under section 99.99.")

    brain.reactions = [completion("yes"), ramble]
    with closing(ForgeArenaEnv(f"openai:brain@{brain.url}", revisions=revisions)) as env:
        with pytest.raises(WorkerFailed, match="its last answer was rejected"):
            env.reset(options={"key": "forge:5:train:7"})
        counts = env.arena.counts
        assert counts["revisions_asked"] == revisions * counts["answers_asked"]
