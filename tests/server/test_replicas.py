"""Several servers on one store behave as one: on Postgres, and on one SQLite file of one machine."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from ..postgres import Postgres

CLEAN = {"detection": False, "explanation": "", "correction": "", "confidence": 0.5}
FLAGGED = {"detection": True, "explanation": "", "correction": "", "confidence": 0.5}


@pytest.fixture
async def replicas(serve: Any, store_url: str) -> AsyncIterator[tuple[Any, Any]]:
    async with serve(store=store_url, probes=2) as a, serve(store=store_url, probes=2) as b:
        yield a, b


def said(episode: dict[str, Any], verdict: dict[str, Any], attempt: int = 0) -> dict[str, Any]:
    return {"episode_id": episode["episode_id"], "attempt": attempt, "verdict": verdict}


async def test_an_episode_that_one_opens_the_other_judges_and_both_say_the_same_of_it(replicas: Any) -> None:
    a, b = replicas
    (episode,) = await a.open()
    judged = (await b.send_verdicts(said(episode, CLEAN))).json()["results"][0]
    assert judged["outcome"] == "scored"
    assert judged["truth"] is not None
    assert (await a.send_verdicts(said(episode, CLEAN))).json()["results"][0] == judged
    assert await a.state(episode["episode_id"]) == await b.state(episode["episode_id"])
    assert (await a.send_verdicts(said(episode, FLAGGED))).status_code == 409


async def test_a_verdict_that_reaches_both_at_once_is_scored_once(replicas: Any) -> None:
    a, b = replicas
    episodes = await a.open(count=8)
    answers = await asyncio.gather(*(to.send_verdicts(said(one, CLEAN)) for one in episodes for to in (a, b, a)))
    assert {answer.status_code for answer in answers} == {200}
    by_episode: dict[str, list[Any]] = {}
    for answer in answers:
        (result,) = answer.json()["results"]
        by_episode.setdefault(result["episode_id"], []).append(result)
    assert all(first == second == third for first, second, third in by_episode.values())
    assert (await b.http.get("/v1/stats")).json()["verdicts"] == {"scored": 8}


async def test_of_two_different_verdicts_at_once_one_wins_everywhere(replicas: Any) -> None:
    a, b = replicas
    episodes = await a.open(count=8)
    for one in episodes:
        first, second = await asyncio.gather(a.send_verdicts(said(one, CLEAN)), b.send_verdicts(said(one, FLAGGED)))
        assert sorted((first.status_code, second.status_code)) == [200, 409]
        kept = first if first.status_code == 200 else second
        state = await b.state(one["episode_id"])
        assert state["results"][0]["reward"] == kept.json()["results"][0]["reward"]
    assert (await a.http.get("/v1/stats")).json()["verdicts"] == {"scored": 8}


async def test_whoever_makes_the_last_attempt_is_told_the_truth_wherever_the_others_were_made(replicas: Any) -> None:
    a, b = replicas
    (episode,) = await a.open(attempts=3)
    for attempt, to in enumerate((a, b)):
        (result,) = (await to.send_verdicts(said(episode, CLEAN, attempt))).json()["results"]
        assert result["truth"] is None
    (result,) = (await a.send_verdicts(said(episode, FLAGGED, 2))).json()["results"]
    assert result["truth"] is not None
    assert (await b.send_verdicts(said(episode, FLAGGED, 2))).json()["results"] == [result]


async def test_the_probe_budget_is_one_for_both(replicas: Any) -> None:
    a, b = replicas
    (episode,) = await a.open()
    place = f"/v1/episodes/{episode['episode_id']}/probe"
    first = await a.http.post(place, json={"question": "Are you sure?"})
    assert (first.status_code, first.json()["probes_left"]) == (200, 1)
    assert (await b.http.post(place, json={"question": "Are you sure?"})).json() == first.json()
    second = await b.http.post(place, json={"question": "Where does it say so?"})
    assert (second.status_code, second.json()["probes_left"]) == (200, 0)
    third = await a.http.post(place, json={"question": "And where else?"})
    assert (third.status_code, third.json()["error"]["code"]) == (409, "no_probes_left")
    assert (await b.send_verdicts(said(episode, CLEAN))).status_code == 200
    assert (await a.http.post(place, json={"question": "Who says so?"})).json()["error"]["code"] == "episode_finished"


async def test_they_share_streams_and_keys(replicas: Any) -> None:
    a, b = replicas
    own = {"split": "val", "stream": "mine"}
    opened = [await to.open(count=3, **ask) for ask in ({}, own) for to in (a, b, a)]
    keys = [one["key"] for part in opened for one in part]
    assert len(set(keys)) == len(keys)
    named = [await to.open(keys=["forge:5:test:5"]) for to in (a, b)]
    assert named[0][0]["observation"] == named[1][0]["observation"]


async def test_a_server_whose_postgres_is_gone_says_that_it_is_not_well(serve: Any, running_postgres: Postgres) -> None:
    url = running_postgres.url(uuid4().hex)
    async with serve(store=url) as running:
        assert (await running.http.get("/health")).status_code == 200
        running_postgres.drop(url)
        health = await running.http.get("/health")
        assert (health.status_code, health.json()["reason"]) == (503, "the store cannot be read")


async def test_what_one_deletes_is_gone_on_the_other(replicas: Any) -> None:
    a, b = replicas
    (episode,) = await a.open()
    assert (await b.http.delete(f"/v1/episodes/{episode['episode_id']}")).status_code == 204
    assert (await a.send_verdicts(said(episode, CLEAN))).json()["error"]["code"] == "episode_gone"


async def test_a_curriculum_that_one_is_told_the_other_follows(replicas: Any) -> None:
    a, b = replicas
    (episode,) = (await a.http.post("/v1/episodes", json={"count": 1, "split": "train"})).json()["episodes"]
    plan = a.arena.plan(episode["key"])
    cell = {"family": plan.family, "corruption_type": plan.corruption_type.value, "stealth": plan.stealth}
    curriculum = {"cells": [{**cell, "episodes": 10, "pass_rate": 0.0}]}
    told = await a.http.post("/v1/curriculum", json=curriculum)
    assert told.status_code == 200, told.text
    assert (await b.http.get("/v1/curriculum")).json() == told.json()
    assert (await b.http.get("/v1/stats")).json()["curriculum"] == 1


async def test_a_budget_of_probes_holds_while_one_reads_what_the_other_recorded(
    serve: Any, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(store=store_url, probes=1) as a, serve(store=store_url, probes=1) as b:
        (episode,) = await a.open()
        path = f"/v1/episodes/{episode['episode_id']}"
        asked, recorded, reply = asyncio.Event(), asyncio.Event(), a.worker.reply

        async def slow(*given: Any) -> str:
            asked.set()
            await recorded.wait()
            return str(await reply(*given))

        monkeypatch.setattr(a.worker, "reply", slow)
        probing = asyncio.create_task(a.http.post(f"{path}/probe", json={"question": "Why?"}))
        await asked.wait()
        assert (await b.http.post(f"{path}/probe", json={"question": "When?"})).status_code == 200
        # A tool reads the episode anew, with the probe that the other has recorded.
        await a.http.post(f"{path}/tools/read_passage", json={"arguments": {"n": 1}})
        recorded.set()
        assert (await probing).status_code in (409, 503)
        state = await a.state(episode["episode_id"])
        assert [probe["question"] for probe in state["observation"]["probes"]] == ["When?"]
        assert state["observation"]["probes_left"] == 0


async def test_a_verdict_counts_the_use_of_a_tool_that_another_process_recorded_while_it_was_graded(
    serve: Any, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(store=store_url) as a, serve(store=store_url) as b:
        (episode,) = await a.open()
        path = f"/v1/episodes/{episode['episode_id']}"
        record = a.service.episodes._store.record

        async def use_and_record(*given: Any) -> Any:
            used = await b.http.post(f"{path}/tools/read_passage", json={"arguments": {"n": 1}})
            assert used.json()["counted"]
            return await record(*given)

        monkeypatch.setattr(a.service.episodes._store, "record", use_and_record)
        (result,) = (await a.send_verdicts(said(episode, CLEAN))).json()["results"]
        state = await a.state(episode["episode_id"])
        assert result["tool_uses"] == len(state["tool_uses"]) == 1


async def test_a_verdict_counts_the_use_of_a_tool_that_another_replica_recorded_before(replicas: Any) -> None:
    a, b = replicas
    (episode,) = await a.open()
    # A verdict that is refused lets the other read the episode, and write nothing.
    assert (await b.send_verdicts(said(episode, CLEAN, attempt=5))).status_code == 422
    await a.http.post(f"/v1/episodes/{episode['episode_id']}/tools/read_passage", json={"arguments": {"n": 1}})
    (result,) = (await b.send_verdicts(said(episode, CLEAN))).json()["results"]
    assert result["tool_uses"] == 1
