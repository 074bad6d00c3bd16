"""Tools over REST, and views: the budget of an attempt, what is stored, and that nothing hidden leaves the server."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from forge_arena.tools import Toolbox, ToolProfile
from forge_arena.types import View
from forge_server.store import Store

FLAG = {"detection": True, "explanation": "", "correction": "", "confidence": 0.5}
KEY = "forge:5:val:2"


async def use(server: Any, id: str, name: str, attempt: int = 0, **arguments: Any) -> dict[str, Any]:
    body = {"attempt": attempt, "arguments": arguments}
    response = await server.http.post(f"/v1/episodes/{id}/tools/{name}", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def refused(server: Any, id: str, name: str, **body: Any) -> tuple[int, str, str]:
    response = await server.http.post(f"/v1/episodes/{id}/tools/{name}", json=body)
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_tools_are_listed_with_what_they_take(shared_server: Any) -> None:
    listed = (await shared_server.http.get("/v1/tools")).json()
    assert (listed["profile"], listed["uses"]) == ("default", 16)
    search = listed["tools"][-1]
    assert search["name"] == "search_source"
    assert search["arguments"]["required"] == ["query"]
    assert (search["uses"], search["cost"]) == (8, 0.0)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_use_is_answered_stored_and_counted(shared_server: Any) -> None:
    (opened,) = await shared_server.open(keys=[KEY])
    id, left = opened["episode_id"], opened["observation"]["tools_left"]
    word = opened["observation"]["source_material"].split()[-1]
    answer = await use(shared_server, id, "search_source", query=word)
    assert (answer["ok"], answer["counted"], answer["tools_left"]) == (True, True, left - 1)
    assert word in answer["result"]
    assert await use(shared_server, id, "search_source", query=word) == answer
    failed = await use(shared_server, id, "read_passage", n=999)
    assert (failed["ok"], failed["counted"], failed["tools_left"]) == (False, True, left - 2)
    unknown = await use(shared_server, id, "google", q="x")
    assert (unknown["ok"], unknown["counted"], unknown["tools_left"]) == (False, False, left - 2)
    stored = (await shared_server.state(id))["tool_uses"]
    assert [(s["attempt"], s["name"], s["ok"]) for s in stored] == [
        (0, "search_source", True),
        (0, "read_passage", False),
    ]
    assert stored[0]["result"] == answer["result"]
    (result,) = (await shared_server.send_verdicts({"episode_id": id, "verdict": FLAG})).json()["results"]
    assert (result["tool_uses"], result["tool_cost"]) == (2, 0.0)
    # The answer to a request that was lost can be had again; anything new cannot.
    assert await use(shared_server, id, "read_passage", n=999) == failed
    assert await refused(shared_server, id, "read_passage", arguments={"n": 1}) == (
        409,
        "episode_finished",
        "the verdict of this attempt is given: tools come before it",
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_attempts_have_uses_of_their_own_and_share_the_probe(shared_server: Any) -> None:
    (opened,) = await shared_server.open(keys=[KEY], attempts=2)
    id = opened["episode_id"]
    first = await use(shared_server, id, "calculate", expression="6 * 7")
    second = await use(shared_server, id, "calculate", attempt=1, expression="6 * 8")
    assert (first["result"], second["result"]) == ("42", "48")
    assert first["tools_left"] == second["tools_left"]
    probed = await use(shared_server, id, "probe", question="Why?")
    assert probed["ok"]
    assert await use(shared_server, id, "probe", attempt=1, question="Why?") == probed
    spent = await use(shared_server, id, "probe", attempt=1, question="Why again?")
    assert (spent["ok"], spent["result"]) == (False, "all 1 probes of this episode are used: give your verdict")
    wrong = await use(shared_server, id, "probe", text="?")
    assert (wrong["ok"], wrong["counted"]) == (False, False)
    await shared_server.send_verdicts({"episode_id": id, "verdict": FLAG})
    assert (await refused(shared_server, id, "calculate", arguments={"expression": "1"}))[1] == "episode_finished"
    assert (await use(shared_server, id, "calculate", attempt=1, expression="1"))["ok"]
    assert (await refused(shared_server, id, "calculate", attempt=2))[:2] == (422, "no_such_attempt")
    results = (await shared_server.send_verdicts({"episode_id": id, "attempt": 1, "verdict": FLAG})).json()["results"]
    assert results[0]["tool_uses"] == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_not_use_a_tool_is_told_why(shared_server: Any) -> None:
    assert (await refused(shared_server, "nobody", "calculate"))[:2] == (404, "unknown_episode")
    (opened,) = await shared_server.open(keys=[KEY])
    id = opened["episode_id"]
    assert (await refused(shared_server, id, "x" * 65))[0] == 422
    assert (await refused(shared_server, id, "calculate", arguments=[1]))[0] == 422
    long = await use(shared_server, id, "calculate", expression="1" * 60_000)
    assert (long["counted"], long["result"]) == (False, "the arguments are longer than 50000 characters: send less")
    await shared_server.http.delete(f"/v1/episodes/{id}")
    assert (await refused(shared_server, id, "calculate"))[:2] == (410, "episode_gone")


@pytest.mark.asyncio(loop_scope="module")
async def test_uses_at_the_same_time_are_counted_once_each(shared_server: Any) -> None:
    (opened,) = await shared_server.open(keys=[KEY])
    id = opened["episode_id"]

    async def ask(n: int) -> None:
        for _ in range(50):
            response = await shared_server.http.post(
                f"/v1/episodes/{id}/tools/calculate", json={"arguments": {"expression": f"{n} + 1"}}
            )
            if response.status_code == 200:
                assert response.json()["result"] == str(n + 1)
                return
            # Two of them were the same use number. A client asks again.
            assert response.json()["error"]["code"] == "busy"
        pytest.fail("never answered")

    await asyncio.gather(*(ask(n) for n in range(6)))
    stored = (await shared_server.state(id))["tool_uses"]
    assert sorted(s["arguments"]["expression"] for s in stored) == [f"{n} + 1" for n in range(6)]


async def test_uses_and_view_outlive_a_restart_and_costs_stay_what_they_were(serve: Any, tmp_path: Path) -> None:
    async with serve() as server:
        server.arena.toolbox.profile = ToolProfile(cost_of={"calculate": 0.25})
        (opened,) = await server.open(keys=[KEY], view="answer_only")
        id = opened["episode_id"]
        await use(server, id, "calculate", expression="6 * 7")
    async with serve() as server:
        state = await server.state(id)
        assert (state["observation"]["view"], state["observation"]["source_material"]) == ("answer_only", "")
        assert [(s["name"], s["cost"]) for s in state["tool_uses"]] == [("calculate", 0.25)]
        again = await use(server, id, "calculate", expression="6 * 7")
        assert again["tools_left"] == 15
        (result,) = (await server.send_verdicts({"episode_id": id, "verdict": FLAG})).json()["results"]
        assert (result["tool_uses"], result["tool_cost"]) == (1, 0.25)


async def test_a_tool_whose_process_cannot_start_is_no_use(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot_start(*_: Any) -> None:
        raise ChildProcessError("no process")

    async with serve() as server:
        (opened,) = await server.open(keys=[KEY])
        id = opened["episode_id"]
        monkeypatch.setattr(Toolbox, "use", cannot_start)
        status, code, message = await refused(server, id, "run_code", arguments={"snippet": "1"})
        assert (status, code) == (503, "infra_failed")
        assert "ask again" in message
        monkeypatch.undo()
        assert (await use(server, id, "run_code", snippet="1 + 1"))["result"] == "2"
        assert len((await server.state(id))["tool_uses"]) == 1


async def test_a_worker_that_fails_a_probe_is_no_answer_of_the_tool(serve: Any) -> None:
    async with serve() as server:
        (opened,) = await server.open(keys=[KEY])
        server.worker.mood = "fails"
        status, code, _ = await refused(server, opened["episode_id"], "probe", arguments={"question": "Why?"})
        assert (status, code) == (503, "worker_failed")


HIDDEN = {"no_reasoning": ("worker_reasoning",), "answer_only": ("worker_reasoning", "source_material")}


@pytest.mark.parametrize("view", HIDDEN)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_view_hides_leaves_the_server_by_no_way_but_the_tools(shared_server: Any, view: str) -> None:
    (whole,) = await shared_server.open(keys=[KEY])
    hidden = [whole["observation"][name] for name in HIDDEN[view]]
    assert all(hidden)
    (opened,) = await shared_server.open(keys=[KEY], view=view, attempts=2)
    id = opened["episode_id"]
    http = shared_server.http
    answers = [
        json.dumps(opened),
        (await http.get(f"/v1/episodes/{id}")).text,
        (await http.post("/reset", json={"seed": 2, "split": "val", "view": view})).text,
        (await http.post("/step", json={"episode_id": id, "action": {"tool": "calculate"}})).text,
        (await http.post(f"/v1/episodes/{id}/tools/calculate", json={"arguments": {"expression": "x"}})).text,
        (await http.post(f"/v1/episodes/{id}/probe", json={"question": "Say everything."})).text,
        (await shared_server.send_verdicts({"episode_id": id, "verdict": FLAG})).text,
        (await http.get(f"/v1/episodes/{id}")).text,
    ]
    # Lines, because a text may come in parts.
    lines = [line for text in hidden for line in text.splitlines() if len(line) > 40]
    assert lines
    for answer in answers:
        plain = answer.encode().decode("unicode_escape", "ignore")
        assert not [line for line in lines if json.dumps(line)[1:-1] in answer or line in plain]


@pytest.mark.parametrize("view", View)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_verdict_earns_the_same_in_every_view(shared_server: Any, view: View) -> None:
    async def earn(**ask: Any) -> tuple[float, Any]:
        (opened,) = await shared_server.open(keys=[KEY], **ask)
        sent = await shared_server.send_verdicts({"episode_id": opened["episode_id"], "verdict": FLAG})
        (result,) = sent.json()["results"]
        return result["reward"], result["truth"]

    assert await earn(view=view) == await earn()


async def test_the_server_has_a_view_by_default_and_a_client_may_ask_for_another(serve: Any) -> None:
    async with serve(view="no_reasoning") as server:
        views = [(await server.open(**ask))[0]["observation"] for ask in ({}, {"view": "full"}, {"keys": [KEY]})]
        assert [seen["view"] for seen in views] == ["no_reasoning", "full", "no_reasoning"]
        assert [bool(seen["worker_reasoning"]) for seen in views] == [False, True, False]
        entry = (await server.http.post("/v1/submissions", json={"overseer": "mine"})).json()
        ask = {"submission": entry["submission_id"], "count": 1}
        (episode,) = (await server.http.post("/v1/episodes", json=ask)).json()["episodes"]
        assert episode["observation"]["view"] == "full"


@pytest.mark.asyncio(loop_scope="module")
async def test_an_episode_that_is_opened_again_keeps_its_view_unless_another_is_asked_for(shared_server: Any) -> None:
    (opened,) = await shared_server.open(keys=["forge:5:train:7"], view="answer_only")
    (kept,) = await shared_server.open(again=[opened["episode_id"]])
    assert kept["observation"] == opened["observation"]
    (other,) = await shared_server.open(again=[kept["episode_id"]], view="no_reasoning")
    assert (other["observation"]["view"], bool(other["observation"]["source_material"])) == ("no_reasoning", True)


async def test_a_view_costs_the_train_stream_no_stock(serve: Any) -> None:
    async with serve() as server:
        before = len(server.service.episodes.stock)
        assert before > 0
        (opened,) = await server.open(view="answer_only")
        assert opened["observation"]["source_material"] == ""
        assert opened["key"].startswith("forge:5:train:")


async def test_what_was_read_before_a_use_was_recorded_does_not_take_it_away(server: Any) -> None:
    (opened,) = await server.open(keys=[KEY])
    id = opened["episode_id"]
    await use(server, id, "calculate", expression="6 * 7")
    store = Store(server.settings.store)
    earlier = (await store.load([id]))[id]
    store.close()
    await use(server, id, "calculate", expression="6 * 8")
    # As a second request does that has read the episode between the two.
    (await server.service.episodes.cache.get(id)).update(earlier)
    (result,) = (await server.send_verdicts({"episode_id": id, "verdict": FLAG})).json()["results"]
    assert result["tool_uses"] == 2
