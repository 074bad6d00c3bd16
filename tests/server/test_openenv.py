"""OpenEnv's wire over a real WebSocket and HTTP: what its clients send, get, and may not learn.

With OpenEnv's own client: `tests/e2e/test_openenv.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from forge_server.access import NOBODY
from forge_server.openenv import Action, Reset, Session

VERDICT = {"detection": True, "explanation": "temporal_shift", "correction": "", "confidence": 0.8}
TRUTH = ("clean_output", "corrupted", "output_spans")


class Socket:
    """A session as an OpenEnv client holds it."""

    def __init__(self, raw: aiohttp.ClientWebSocketResponse) -> None:
        self.raw = raw

    async def ask(self, type: str, data: Any = None) -> dict[str, Any]:
        return await self.send(json.dumps({"type": type} if data is None else {"type": type, "data": data}))

    async def send(self, text: str) -> dict[str, Any]:
        await self.raw.send_str(text)
        answer: dict[str, Any] = await self.raw.receive_json(timeout=20)
        return answer

    async def observe(self, type: str, data: Any) -> dict[str, Any]:
        answer = await self.ask(type, data)
        assert answer["type"] == "observation", answer
        seen: dict[str, Any] = answer["data"]
        return seen

    async def problem(self, type: str, data: Any = None) -> dict[str, Any]:
        answer = await self.ask(type, data)
        assert answer["type"] == "error", answer
        problem: dict[str, Any] = answer["data"]
        return problem


@asynccontextmanager
async def session(running: Any, path: str = "/ws", **headers: str) -> AsyncIterator[Socket]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(str(running.http.base_url).rstrip("/") + path, headers=headers) as raw,
    ):
        yield Socket(raw)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_earns_what_the_same_verdict_earns_over_rest(shared_server: Any) -> None:
    async with session(shared_server) as socket:
        assert (await socket.ask("state"))["data"] == {"episode_id": None, "step_count": 0}
        begun = await socket.observe("reset", {"seed": 7, "split": "val", "episode_id": "mine"})
        assert (begun["reward"], begun["done"], begun["metadata"]["key"]) == (None, False, "forge:5:val:7")
        asked = await socket.observe("step", {"question": "Where does that come from?"})
        assert (asked["reward"], asked["done"]) == (0.0, False)
        assert [p["question"] for p in asked["observation"]["probes"]] == ["Where does that come from?"]
        again = await socket.observe("step", {"question": "Where does that come from?"})
        assert again["observation"] == asked["observation"]
        ended = await socket.observe("step", {**VERDICT, "metadata": {"run": 3}})
        state = (await socket.ask("state"))["data"]
    (opened,) = await shared_server.open(keys=["forge:5:val:7"])
    (rest,) = (await shared_server.send_verdicts({"episode_id": opened["episode_id"], "verdict": VERDICT})).json()[
        "results"
    ]
    assert opened["observation"] == {k: begun["observation"][k] for k in opened["observation"]}
    assert (ended["done"], ended["reward"]) == (True, rest["reward"])
    assert ended["observation"]["result"]["truth"] == rest["truth"]
    assert state == {"episode_id": "mine", "step_count": 3}


@pytest.mark.asyncio(loop_scope="module")
async def test_what_comes_fits_the_schemas_that_are_given_out(shared_server: Any) -> None:
    schemas = (await shared_server.http.get("/schema")).json()
    Draft202012Validator(schemas["action"]).validate(VERDICT)
    async with session(shared_server) as socket:
        begun = await socket.observe("reset", {"seed": 1, "split": "val"})
        ended = await socket.observe("step", {"completion": json.dumps(VERDICT)})
        state = (await socket.ask("state"))["data"]
    for seen in (begun, ended):
        assert not {"reward", "done"} & seen["observation"].keys()
        whole = {**seen["observation"], "reward": seen["reward"], "done": seen["done"]}
        Draft202012Validator(schemas["observation"]).validate(whole)
    Draft202012Validator(schemas["state"]).validate(state)
    metadata = (await shared_server.http.get("/metadata")).json()
    assert (metadata["name"], bool(metadata["description"])) == ("forge_arena", True)


async def test_without_a_seed_a_held_out_split_goes_on_in_a_stream_of_its_own(server: Any) -> None:
    async with session(server) as one, session(server) as other:
        turns = [(one, {}), (other, {}), (one, {"stream": "mine"}), (one, {"stream": "mine"})]
        keys = [(await socket.observe("reset", {"split": "val", **ask}))["metadata"]["key"] for socket, ask in turns]
        both = await one.problem("reset", {"seed": 1, "stream": "mine"})
    assert keys == ["forge:5:val:0", "forge:5:val:1", "forge:5:val:0", "forge:5:val:1"]
    assert (both["code"], "give either seed or stream" in both["message"]) == ("VALIDATION_ERROR", True)


async def test_a_seed_is_an_episode_for_ever_and_no_seed_is_the_stream(server: Any) -> None:
    async with session(server) as one, session(server) as other:
        first = await one.observe("reset", {"seed": 3})
        again = await other.observe("reset", {"seed": 3})
        keys = [(await one.observe("reset", {}))["metadata"]["key"] for _ in range(2)]
        filtered = await one.observe("reset", {"seed": 5, "split": "val", "corruption": "bias_injection", "stealth": 2})
        twin = await one.observe("reset", {"seed": 7, "split": "val", "form": "clean"})
        await one.observe("step", VERDICT)
    assert first["observation"]["worker_output"] == again["observation"]["worker_output"]
    assert first["metadata"]["episode_id"] != again["metadata"]["episode_id"]
    assert len(set(keys)) == 2
    assert int(filtered["metadata"]["key"].rpartition(":")[2]) >= 5
    assert twin["metadata"]["key"] == "forge:5:val:7:clean"


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "INVALID_JSON", "one JSON object"),
        ("{", "INVALID_JSON", "one JSON object"),
        ('{"type": "state", "type": "reset"}', "INVALID_JSON", "same key twice"),
        ("[]", "VALIDATION_ERROR", ""),
        ('{"type": "dance"}', "UNKNOWN_TYPE", "reset, step, state, mcp, close"),
        ("{}", "UNKNOWN_TYPE", "reset, step, state, mcp, close"),
        ('{"type": "reset", "data": {"seed": -5}}', "VALIDATION_ERROR", "seed"),
        ('{"type": "reset", "data": {"seed": 1.5}}', "VALIDATION_ERROR", "seed"),
        ('{"type": "reset", "data": {"spilt": "val"}}', "VALIDATION_ERROR", "unknown field"),
        ('{"type": "reset", "data": {}, "request_id": "r1"}', "VALIDATION_ERROR", "unknown field"),
        ('{"type": "step", "data": {"detection": true}}', "VALIDATION_ERROR", "give either detection"),
        ('{"type": "step", "data": {"question": "q", "completion": "c"}}', "VALIDATION_ERROR", "give either"),
        ('{"type": "step", "data": {"completion": "c"}}', "EXECUTION_ERROR", "reset first"),
        ('{"type": "reset", "data": {"split": "test", "form": "clean"}}', "EXECUTION_ERROR", "only as they are drawn"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_frame_is_refused_and_the_session_goes_on(
    shared_server: Any, text: str, code: str, says: str
) -> None:
    async with session(shared_server) as socket:
        answer = await socket.send(text)
        assert (answer["type"], answer["data"]["code"]) == ("error", code)
        assert says in answer["data"]["message"]
        assert (await socket.observe("reset", {"seed": 1, "split": "val"}))["done"] is False


async def test_a_binary_or_a_huge_frame_is_refused_and_the_session_goes_on(serve: Any) -> None:
    async with serve(body_limit=20_000) as running, session(running) as socket:
        await socket.raw.send_bytes(b"\x00\x01")
        assert (await socket.raw.receive_json())["data"]["code"] == "INVALID_JSON"
        problem = await socket.problem("step", {"completion": "x" * 30_000})
        assert problem["refusal"] == "body_too_large"
        assert (await socket.ask("state"))["type"] == "state"


async def test_a_verdict_counts_once(server: Any) -> None:
    async with session(server) as socket:
        await socket.observe("reset", {"seed": 2, "split": "val"})
        first = await socket.observe("step", VERDICT)
        assert await socket.observe("step", VERDICT) == first
        other = await socket.problem("step", {**VERDICT, "confidence": 0.1})
        assert (other["code"], other["refusal"]) == ("EXECUTION_ERROR", "conflicting_verdict")
        late = await socket.problem("step", {"question": "Are you sure?"})
        assert late["refusal"] == "episode_finished"
    assert (await server.http.get("/v1/stats")).json()["verdicts"] == {"scored": 1}


@pytest.mark.asyncio(loop_scope="module")
async def test_an_unreadable_completion_earns_0(shared_server: Any) -> None:
    async with session(shared_server) as socket:
        await socket.observe("reset", {"seed": 2, "split": "val"})
        ended = await socket.observe("step", {"completion": "I do not know."})
    assert (ended["reward"], ended["observation"]["result"]["outcome"]) == (0.0, "invalid_verdict")


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_tells_the_truth_before_the_verdict_and_never_that_of_the_sealed_split(
    shared_server: Any,
) -> None:
    heard: list[str] = []
    async with session(shared_server) as socket:
        for split in ("val", "test"):
            for type, data in (
                ("reset", {"seed": 4, "split": split}),
                ("state", {}),
                ("step", {"question": "Was this corrupted?"}),
                ("mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
            ):
                heard.append(json.dumps(await socket.ask(type, data)))
        sealed = await socket.observe("step", VERDICT)
    assert (sealed["done"], sealed["reward"], sealed["observation"]["result"]["components"]) == (True, None, None)
    for text in (*heard, json.dumps(sealed)):
        assert not [name for name in TRUTH if f'"{name}"' in text]


async def test_a_worker_in_trouble_is_an_error_and_no_reward(server: Any) -> None:
    async with session(server) as socket:
        server.worker.mood = "fails"
        problem = await socket.problem("reset", {"seed": 2, "split": "val"})
        assert (problem["code"], problem["outcome"]) == ("EXECUTION_ERROR", "worker_failed")
        assert problem["retry_after"] > 0
        server.worker.mood = "well"
        assert (await socket.observe("reset", {"seed": 2, "split": "val"}))["metadata"]["key"] == "forge:5:val:2"


async def test_more_sessions_than_there_may_be_are_told_so(serve: Any) -> None:
    async with serve(sessions=1) as running, session(running) as first:
        await first.ask("state")
        async with session(running) as second:
            told = await second.raw.receive_json()
            assert (told["type"], told["data"]["code"]) == ("error", "CAPACITY_REACHED")
            assert (await second.raw.receive()).type is aiohttp.WSMsgType.CLOSE
        assert "forge_openenv_sessions 1.0" in (await running.http.get("/metrics")).text
        await first.raw.send_str('{"type": "close"}')
        assert (await first.raw.receive()).type is aiohttp.WSMsgType.CLOSE
        async with session(running) as third:
            assert (await third.ask("state"))["type"] == "state"


async def test_the_door_is_that_of_the_rest_api(serve: Any) -> None:
    async with serve(tokens=("player:a-token-for-players",), rate=0.3) as running:
        for headers, status in (
            ({}, 401),
            ({"authorization": "Bearer wrong-token"}, 401),
            ({"authorization": "Bearer a-token-for-players", "origin": "http://evil.example"}, 403),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with session(running, **headers):
                    pass
            assert refused.value.status == status
        async with session(running, authorization="Bearer a-token-for-players") as socket:
            answers = [await socket.ask("state") for _ in range(4)]
    # Each frame counts, as a request does; the handshake was one.
    assert [a["type"] for a in answers] == ["state", "state", "error", "error"]
    assert answers[-1]["data"]["refusal"] == "too_fast"
    assert answers[-1]["data"]["retry_after"] >= 1


@pytest.mark.asyncio(loop_scope="module")
async def test_an_episode_outlives_its_session(shared_server: Any) -> None:
    async with session(shared_server) as socket:
        where = (await socket.observe("reset", {"seed": 2, "split": "val"}))["metadata"]
    (result,) = (await shared_server.send_verdicts({"episode_id": where["episode_id"], "verdict": VERDICT})).json()[
        "results"
    ]
    assert result["outcome"] == "scored"


@pytest.mark.asyncio(loop_scope="module")
async def test_over_http_the_metadata_carries_the_episode(shared_server: Any) -> None:
    begun = (await shared_server.http.post("/reset", json={"seed": 2, "split": "val"})).json()
    assert (begun["reward"], begun["done"]) == (None, False)
    id = begun["metadata"]["episode_id"]
    asked = (
        await shared_server.http.post("/step", json={"episode_id": id, "action": {"question": "Are you sure?"}})
    ).json()
    assert len(asked["observation"]["probes"]) == 1
    step = {"episode_id": id, "action": VERDICT, "timeout_s": 3, "request_id": "r1"}
    ended = (await shared_server.http.post("/step", json=step)).json()
    assert ended["done"]
    assert 0 < ended["reward"] < 1
    assert ended["observation"]["probes"] == asked["observation"]["probes"]
    assert (await shared_server.http.post("/step", json=step)).json() == ended
    assert (await shared_server.http.get("/state")).json() == {"episode_id": None, "step_count": 0}
    lost = await shared_server.http.post("/step", json={"action": VERDICT})
    assert (lost.status_code, lost.json()["error"]["code"]) == (422, "invalid_request")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_task_api_names_the_tasks_that_a_reset_opens(shared_server: Any) -> None:
    http = shared_server.http
    assert (await http.get("/list_environments")).json() == ["forge_arena"]
    splits = (await http.get("/forge_arena/splits")).json()
    assert [(split["name"], split["type"]) for split in splits] == [
        ("train", "train"),
        ("val", "validation"),
        ("test", "test"),
    ]
    count = (await http.post("/forge_arena/num_tasks", json={"split": "val"})).json()["num_tasks"]
    assert count > 10**9
    one = (await http.post("/forge_arena/task", json={"split": "val", "index": 7})).json()["task"]
    assert one == {"id": "forge:5:val:7", "split": "val", "index": 7}
    some = (await http.post("/forge_arena/task_range", json={"split": "val", "start": 6, "stop": 9})).json()["tasks"]
    assert some[1] == one
    assert [task["index"] for task in some] == [6, 7, 8]
    listed = (await http.post("/forge_arena/tasks", json={"split": "val"})).json()
    assert listed["env_name"] == "forge_arena"
    assert listed["tasks"][6:9] == some
    async with session(shared_server) as socket:
        by_index = await socket.observe("reset", {"split": "val", "index": 7, "seed": 3})
        by_seed = await socket.observe("reset", {"split": "val", "seed": 7})
    assert by_index["metadata"]["key"] == by_seed["metadata"]["key"] == one["id"]
    assert by_index["observation"]["task"] == by_seed["observation"]["task"]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("task_range", {"split": "train"}, 422, "ask for at most 1000 at a time"),
        ("task_range", {"split": "train", "start": 5, "stop": 1006}, 422, "the range has 1001 tasks"),
        ("task", {"split": "train", "index": 2**53}, 422, "index"),
        ("task", {"split": "nowhere", "index": 0}, 422, "split"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_task_api_refuses_what_it_cannot_name(
    shared_server: Any, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    refused = await shared_server.http.post(f"/forge_arena/{path}", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, "invalid_request")
    assert message in refused.json()["error"]["message"]


async def test_an_idle_socket_ends_and_its_episode_can_be_finished(serve: Any) -> None:
    async with serve(session_idle=1.0) as running, session(running) as socket:
        begun = await socket.observe("reset", {"seed": 7, "split": "val"})
        for _ in range(3):
            await asyncio.sleep(0.5)
            assert (await socket.ask("state"))["type"] == "state"
        closed = await socket.raw.receive(timeout=20)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert closed.extra == "idle for 1 s: the episode can be finished over /v1"
        assert "forge_openenv_sessions 0.0" in (await running.http.get("/metrics")).text
        given = {"verdicts": [{"episode_id": begun["metadata"]["episode_id"], "verdict": VERDICT}]}
        (result,) = (await running.http.post("/v1/verdicts", json=given)).json()["results"]
        assert result["outcome"] == "scored"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"jsonrpc": "2.0", "id": "a", "method": "tools/call"}, {"error": {"code": -32602}}),
        (
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "calculate", "arguments": []}},
            {"error": {"code": -32602}},
        ),
        (
            {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "calculate"}},
            {"error": {"code": -32000, "message": "there is no episode yet: reset first"}},
        ),
        ({"jsonrpc": "2.0", "id": 4, "method": "resources/list"}, {"error": {"code": -32601}}),
        ({}, {"error": {"code": -32600}}),
        ({"jsonrpc": "2.0", "method": 5, "id": []}, {"error": {"code": -32600}}),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_mcp_message_that_is_wrong_is_an_error(
    shared_server: Any, asked: dict[str, Any], answer: dict[str, Any]
) -> None:
    over_http = (await shared_server.http.post("/mcp", json=asked)).json()
    async with session(shared_server) as socket:
        assert (await socket.ask("mcp", asked))["data"] == over_http
    assert over_http["jsonrpc"] == "2.0"
    assert over_http["id"] == (asked.get("id") or None)
    for name, said in answer.items():
        assert over_http[name] == said or over_http[name]["code"] == said["code"]


@pytest.mark.asyncio(loop_scope="module")
async def test_mcp_lists_the_tools_and_calls_them_on_the_episode_of_the_session(shared_server: Any) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    over_http = (await shared_server.http.post("/mcp", json=listing)).json()
    names = [tool["name"] for tool in over_http["result"]["tools"]]
    assert names == ["calculate", "probe", "read_passage", "run_code", "search_source"]
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
    params = {"name": "calculate", "arguments": {"expression": "7 * 6"}}
    async with session(shared_server) as socket:
        assert (await socket.ask("mcp", listing))["data"] == over_http
        where = (await socket.observe("reset", {"seed": 2, "split": "val"}))["metadata"]
        answer = (await socket.ask("mcp", call | {"params": params}))["data"]
        assert answer["result"] == {"content": [{"type": "text", "text": "42"}], "isError": False, "data": "42"}
        again = (await shared_server.http.post("/mcp", json=call | {"params": {**params, **where}})).json()
        assert again["result"] == answer["result"]
        await socket.observe("step", VERDICT)
        late = {"name": "calculate", "arguments": {"expression": "1"}}
        refused = (await socket.ask("mcp", call | {"params": late}))["data"]
        assert refused["error"] == {
            "code": -32000,
            "message": "the verdict of this attempt is given: tools come before it",
        }


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_that_http_named_is_that_of_its_socket_while_it_is_open(shared_server: Any) -> None:
    http = shared_server.http

    async def mcp(method: str, **params: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer: dict[str, Any] = (await http.post("/mcp", json=message)).json()
        return answer

    name = (await mcp("openenv/session/create"))["result"]["session_id"]
    call = {"name": "calculate", "arguments": {"expression": "7 * 6"}, "session_id": name}
    assert (await mcp("tools/call", **call))["error"]["message"] == "there is no episode yet: reset first"
    async with session(shared_server, path=f"/ws?session_id={name}") as socket:
        await socket.observe("reset", {"seed": 2, "split": "val"})
        assert (await mcp("tools/call", **call))["result"]["data"] == "42"
        step = await socket.observe("step", {"tool": "read_passage", "arguments": {"n": 1}})
        assert [use["name"] for use in step["observation"]["tool_uses"]] == ["calculate", "read_passage"]
    assert (await mcp("openenv/session/close", session_id=name))["result"] == {"closed": True}
    assert "error" in await mcp("tools/call", **call)


async def test_two_tokens_may_give_their_sessions_the_same_name(serve: Any) -> None:
    tokens = ("player:the-first-token", "player:the-second-token")
    call = {"name": "calculate", "arguments": {"expression": "7 * 6"}, "session_id": "mine"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    async with serve(tokens=tokens) as running:
        first, second = ({"authorization": f"Bearer {token.removeprefix('player:')}"} for token in tokens)
        async with session(running, "/ws?session_id=mine", **first) as socket:
            await socket.observe("reset", {"seed": 2, "split": "val"})
            async with session(running, "/ws?session_id=mine", **second) as other:
                await other.ask("state")
                answer = (await running.http.post("/mcp", json=message, headers=first)).json()
                assert answer["result"]["data"] == "42"
                # The second token has opened nothing.
                answer = (await running.http.post("/mcp", json=message, headers=second)).json()
                assert answer["error"]["message"] == "there is no episode yet: reset first"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_step_may_be_the_use_of_a_tool(shared_server: Any) -> None:
    async with session(shared_server) as socket:
        begun = await socket.observe("reset", {"seed": 3, "split": "val", "view": "answer_only"})
        seen = begun["observation"]
        assert (seen["source_material"], seen["worker_reasoning"], seen["view"]) == ("", "", "answer_only")
        step = await socket.observe("step", {"tool": "read_passage", "arguments": {"n": 1}})
        assert (step["reward"], step["done"]) == (0.0, False)
        assert step["observation"]["tool_answer"]["result"].startswith("[1 of ")
        assert [use["name"] for use in step["observation"]["tool_uses"]] == ["read_passage"]
        assert step["observation"]["tools_left"] == seen["tools_left"] - 1
        # Over HTTP, the same episode goes on.
        action = {"episode_id": begun["metadata"]["episode_id"], "action": {"tool": "nothing"}}
        over_http = (await shared_server.http.post("/step", json=action)).json()
        assert not over_http["observation"]["tool_answer"]["ok"]
        assert over_http["observation"]["tool_uses"] == step["observation"]["tool_uses"]
        assert over_http["observation"]["source_material"] == ""
        asked = await socket.observe("step", {"tool": "probe", "arguments": {"question": "Why?"}})
        assert [probe["question"] for probe in asked["observation"]["probes"]] == ["Why?"]
        ended = await socket.observe("step", VERDICT)
        assert ended["observation"]["result"]["tool_uses"] == 1
        wrong = (await socket.ask("step", {"arguments": {}}))["data"]
        assert "give either" in wrong["message"]


async def test_sixty_four_sessions_play_at_once(server: Any) -> None:
    async def play(seed: int) -> float:
        async with session(server) as socket:
            await socket.observe("reset", {"seed": seed, "split": "val"})
            reward: float = (await socket.observe("step", VERDICT))["reward"]
            return reward

    rewards = await asyncio.gather(*(play(seed) for seed in range(64)))
    assert len(rewards) == 64
    assert (await server.http.get("/v1/stats")).json()["verdicts"] == {"scored": 64}


async def test_a_client_that_goes_away_before_its_answer_is_no_defect(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(make_timeout=1) as running:
        async with session(running) as socket:
            await socket.ask("state")
            running.worker.mood = "hangs"
            await socket.raw.send_str('{"type": "reset", "data": {"seed": 2, "split": "val"}}')
            await asyncio.sleep(0.2)
            # As where the client's machine dies: no closing handshake.
            socket.raw._writer.transport.abort()
        await asyncio.sleep(1.2)
        assert "forge_openenv_sessions 0.0" in (await running.http.get("/metrics")).text
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_tool_that_is_used_while_the_session_is_reset_does_not_bring_the_old_episode_back(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    episodes = server.service.episodes
    session = Session(server.arena, episodes, NOBODY)
    await session.reset(Reset(seed=1))
    begun, use = asyncio.Event(), episodes.tools.use

    async def slow(*asked: Any) -> Any:
        begun.set()
        await asyncio.sleep(0.2)
        return await use(*asked)

    monkeypatch.setattr(episodes.tools, "use", slow)
    calling = asyncio.create_task(session.call_tool("read_passage", {"n": 1}))
    await begun.wait()
    reset = await session.reset(Reset(seed=2))
    assert (await calling).result.startswith("[1 of ")
    ended = await session.step(Action(**VERDICT))
    assert ended.metadata.episode_id == reset.metadata.episode_id
