"""A client without our Python asks a model as we do, and knows what the reward pays for."""

from typing import Any

import pytest

from forge_arena.prompts import PromptName, prompt
from forge_arena.rewards import terms, weights
from forge_arena.types import Observation

from ..stock_client import build_messages

VERDICT = {"detection": False, "explanation": "", "correction": "", "confidence": 0.7}


@pytest.mark.parametrize("name", PromptName)
@pytest.mark.asyncio(loop_scope="module")
async def test_plain_json_makes_the_messages_of_python(shared_server: Any, name: PromptName) -> None:
    (opened,) = await shared_server.open(keys=["forge:5:train:3"])
    await shared_server.http.post(f"/v1/episodes/{opened['episode_id']}/probe", json={"question": "Which section?"})
    seen = (await shared_server.state(opened["episode_id"]))["observation"]
    forms = (await shared_server.http.get("/v1/prompt")).json()["prompts"]
    assert list(forms) == list(PromptName)
    assert build_messages(forms[name], seen) == prompt(name)(Observation.model_validate(seen))


async def test_the_reward_is_the_weighted_sum_that_the_prompt_route_tells(serve: Any) -> None:
    async with serve() as running:
        rule = (await running.http.get("/v1/prompt")).json()["reward"]
        (opened,) = await running.open(keys=["forge:5:train:3:clean"])
        attempt = {"episode_id": opened["episode_id"], "attempt": 0, "verdict": VERDICT}
        (result,) = (await running.send_verdicts(attempt)).json()["results"]
    weight = {term["name"]: term["weight"] for term in rule["terms"]}
    assert weight == weights()
    assert {term["name"]: term["pays_for"] for term in rule["terms"]} == {term.name: term.pays_for for term in terms()}
    assert sum(weight[name] * paid for name, paid in result["components"].items()) == pytest.approx(result["reward"])
    # On a right answer all components but the calibration pay what the rule says, whatever the confidence.
    cleared = {term["name"]: term["cleared"] for term in rule["terms"]}
    assert {**result["components"], "calibration": 1.0} == cleared
