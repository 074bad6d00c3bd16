"""What each view hides, in the environment and in the prompt, and that the reward is the same."""

import numpy as np
import pytest

from forge_arena.env import ForgeArenaEnv
from forge_arena.spaces import tool_action, verdict_action
from forge_arena.tools import ToolProfile
from forge_arena.types import Verdict, View
from forge_arena.verdicts import observation_text

FLAG = Verdict(detection=True, explanation="", correction="", confidence=0.8)
HIDDEN = {
    View.full: (),
    View.no_reasoning: ("worker_reasoning",),
    View.answer_only: ("worker_reasoning", "source_material"),
}


@pytest.mark.parametrize("view", View)
def test_a_view_hides_its_texts_and_nothing_else(view: View) -> None:
    full, _ = ForgeArenaEnv().reset(seed=5)
    shown, _ = ForgeArenaEnv(view=view).reset(seed=5)
    for name in ("task", "source_material", "worker_reasoning", "worker_output"):
        assert full[name]
        assert shown[name] == ("" if name in HIDDEN[view] else full[name])


@pytest.mark.parametrize("view", View)
def test_the_reward_is_the_same_in_every_view(view: View) -> None:
    def earn(view: View) -> tuple[float, str]:
        env = ForgeArenaEnv(view=view)
        env.reset(seed=5)
        _, reward, _, _, info = env.step(verdict_action(FLAG))
        return float(reward), info["truth"]

    assert earn(view) == earn(View.full)


def test_the_prompt_says_nothing_of_hidden_reasoning_and_where_a_hidden_source_is() -> None:
    env = ForgeArenaEnv()
    env.reset(seed=5)
    assert env._seat is not None
    observation = env._seat.observation
    assert "Worker reasoning:" in observation_text(observation)
    without = observation_text(observation.in_view(View.no_reasoning))
    assert "Worker reasoning" not in without
    assert observation.source_material in without
    answer = observation_text(observation.in_view(View.answer_only))
    assert "Source material:\n(not shown: look it up with the tools)" in answer
    assert observation.source_material not in answer


def test_in_answer_only_the_source_can_be_read_with_the_tools() -> None:
    env = ForgeArenaEnv(view="answer_only", render_mode="ansi")
    observation, _ = env.reset(seed=5)
    left = observation["tools_left"]
    observation, reward, terminated, truncated, info = env.step(tool_action("read_passage", n=1))
    assert observation in env.observation_space
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert "tool_refused" not in info
    (use,) = observation["tool_uses"]
    assert (use["name"], use["ok"], use["arguments"]) == ("read_passage", 1, '{"n": 1}')
    assert use["result"].startswith("[1 of ")
    assert observation["tools_left"] == left - 1
    drawn = env.render()
    assert drawn is not None
    assert "source material" not in drawn
    assert "read_passage" in drawn
    _, _, terminated, _, info = env.step(verdict_action(FLAG))
    assert terminated
    assert info["tool_cost"] == 0.0


def test_what_cannot_be_used_is_said_and_costs_no_use() -> None:
    env = ForgeArenaEnv(tools=ToolProfile(uses=1, cost_of={"calculate": 0.5}))
    env.reset(seed=5)
    action = tool_action("calculate", expression="1 + 1")
    env.step(action)
    # The same again is free.
    observation, *_, info = env.step(action)
    assert (len(observation["tool_uses"]), observation["tools_left"]) == (1, 0)
    *_, info = env.step(tool_action("calculate", expression="1 + 2"))
    assert info["tool_refused"] == "all 1 tool uses of this attempt are spent: give your verdict"
    *_, info = env.step({**action, "arguments": "[1]"})
    assert info["tool_refused"].startswith("the arguments must be a JSON object")
    *_, info = env.step({**action, "arguments": "{"})
    assert info["tool_refused"].startswith("the arguments must be a JSON object")
    *_, info = env.step(verdict_action(FLAG))
    assert info["tool_cost"] == 0.5


def test_a_probe_by_its_name_as_a_tool_is_a_probe() -> None:
    env = ForgeArenaEnv()
    env.reset(seed=5)
    observation, *_ = env.step(tool_action("probe", question="Why?"))
    assert [probe["question"] for probe in observation["probes"]] == ["Why?"]
    assert observation["tool_uses"] == ()
    *_, info = env.step(tool_action("probe", question="Why again?"))
    assert info["probe_refused"] == "all 1 probes of this episode are used"
    *_, info = env.step(tool_action("probe", text="no question"))
    assert info["tool_refused"].startswith("question: Field required")


def test_refused_steps_come_to_an_end() -> None:
    env = ForgeArenaEnv(tools="none")
    observation, _ = env.reset(seed=5)
    assert observation["tools_left"] == np.int64(0)
    ends = [env.step(tool_action("calculate", expression="1"))[3] for _ in range(9)]
    assert ends == [False] * 8 + [True]
