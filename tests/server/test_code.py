"""Corrections that hold code: it is run apart, and whoever sends an endless loop waits alone."""

import asyncio
import time
from typing import Any

import pytest

from forge_arena.keys import Filters
from forge_arena.types import ClaimKind, Domain, Episode, Split
from forge_arena.verify import Verifier, proposals
from forge_arena.verify.code import run_cases


async def code_episode(running: Any) -> tuple[Episode, dict[str, Any]]:
    """A corrupted episode whose scenario runs code, opened."""
    index = 0
    while True:
        [key], index = running.arena.keys(Split.train, index, 1, Filters(domain=Domain.code_review))
        if running.arena.plan(key).corrupted:
            episode = await running.arena.make(key)
            if any(claim.kind is ClaimKind.behaviour for claim in episode.scenario.claims):
                [opened] = await running.open(keys=[key])
                return episode, opened


def with_endless_loop(episode: Episode) -> str:
    """The clean answer, and after it another definition of the function, which never ends."""
    (claim,) = [claim for claim in episode.scenario.claims if claim.kind is ClaimKind.behaviour]
    name = claim.cases[0].call.partition("(")[0]
    code = f"def {name}(*anything, **named):\n    while True:\n        pass\n"
    return f"{episode.truth.clean_output}\n\n```python\n{code}```\n"


def flagged(opened: dict[str, Any], correction: str) -> dict[str, Any]:
    verdict = {"detection": True, "explanation": "", "correction": correction, "confidence": 0.9}
    return {"episode_id": opened["episode_id"], "attempt": 0, "verdict": verdict}


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_an_endless_loop_holds_nobody_else_up(shared_server: Any) -> None:
    episode, opened = await code_episode(shared_server)
    correction = with_endless_loop(episode)
    assert Verifier(episode.scenario).runs_code(correction)
    grading = asyncio.create_task(shared_server.send_verdicts(flagged(opened, correction)))
    longest = 0.0
    while not grading.done():
        start = time.perf_counter()
        assert (await shared_server.http.get("/health")).status_code == 200
        longest = max(longest, time.perf_counter() - start)
        await asyncio.sleep(0.05)
    [result] = (await grading).json()["results"]
    assert result["outcome"] == "scored"
    assert result["components"]["correction"] < 0.6
    assert longest < 1.0


@pytest.mark.asyncio(loop_scope="module")
async def test_code_that_the_family_knows_is_not_run_again(shared_server: Any) -> None:
    episode, opened = await code_episode(shared_server)
    assert not Verifier(episode.scenario).runs_code(episode.truth.clean_output)
    [result] = (await shared_server.send_verdicts(flagged(opened, episode.truth.clean_output))).json()["results"]
    assert result["components"]["correction"] == 1.0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_runner_that_does_not_come_up_is_no_score(shared_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    episode, opened = await code_episode(shared_server)

    def no_process(*_: object, **__: object) -> None:
        raise ChildProcessError("no process")

    monkeypatch.setattr("forge_arena.verify.proposals.run_cases", no_process)
    attempt = flagged(opened, with_endless_loop(episode))
    response = await shared_server.send_verdicts(attempt)
    assert response.status_code == 503
    assert response.json()["error"]["outcome"] == "infra_failed"
    assert (await shared_server.state(opened["episode_id"]))["results"] == []
    monkeypatch.undo()
    assert (await shared_server.send_verdicts(attempt)).json()["results"][0]["outcome"] == "scored"


@pytest.mark.asyncio(loop_scope="module")
async def test_on_the_sealed_split_the_time_of_grading_does_not_tell_the_label(
    shared_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def counted(code: str, *given: Any, **named: Any) -> Any:
        ran.append(code)
        return run_cases(code, *given, **named)

    monkeypatch.setattr(proposals, "run_cases", counted)
    labels = set()
    for index in range(400):
        plan = shared_server.arena.plan(shared_server.arena.key(Split.test, index))
        if plan.domain is not Domain.code_review or (plan.family, plan.corrupted) in labels:
            continue
        (opened,) = await shared_server.open(keys=[shared_server.arena.key(Split.test, index)])
        live = await shared_server.service.episodes.cache.get(opened["episode_id"])
        if any(claim.kind is ClaimKind.behaviour for claim in live.episode.scenario.claims):
            labels.add((plan.family, plan.corrupted))
            ran.clear()
            (result,) = (await shared_server.send_verdicts(flagged(opened, f"```python\nx = {index}\n```"))).json()[
                "results"
            ]
            assert (result["outcome"], result["reward"], len(ran)) == ("scored", None, 1)
        if len(labels) == 4:
            break
    assert {corrupted for _, corrupted in labels} == {True, False}
