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
async def session(running: Any, **headers: str) -> AsyncIterator[Socket]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(str(running.http.base_url).rstrip("/") + "/ws", headers=headers) as raw,
    ):
        yield Socket(raw)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_earns_what_the_same_verdict_earns_over_rest(shared_server: Any) -> None:
    async with session(shared_server) as socket:
        assert (await socket.ask("state"))["data"] == {"episode_id": None, "step_count": 0}
        begun = await socket.observe("reset", {"seed": 7, "split": "val", "episode_id": "mine"})
        assert (begun["reward"], begun["done"], begun["metadata"]["key"]) == (None, False, "forge:4:val:7")
        asked = await socket.observe("step", {"question": "Where does that come from?"})
        assert (asked["reward"], asked["done"]) == (0.0, False)
        assert [p["question"] for p in asked["observation"]["probes"]] == ["Where does that come from?"]
        again = await socket.observe("step", {"question": "Where does that come from?"})
        assert again["observation"] == asked["observation"]
        ended = await socket.observe("step", {**VERDICT, "metadata": {"run": 3}})
        state = (await socket.ask("state"))["data"]
    (opened,) = await shared_server.open(keys=["forge:4:val:7"])
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
    assert twin["metadata"]["key"] == "forge:4:val:7:clean"


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
        assert (await socket.observe("reset", {"seed": 2, "split": "val"}))["metadata"]["key"] == "forge:4:val:2"


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


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {"result": {"tools": []}}),
        ({"jsonrpc": "2.0", "id": "a", "method": "tools/call"}, {"error": {"code": -32601}}),
        ({}, {"error": {"code": -32600}}),
        ({"jsonrpc": "2.0", "method": 5, "id": []}, {"error": {"code": -32600}}),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_mcp_finds_no_tools(shared_server: Any, asked: dict[str, Any], answer: dict[str, Any]) -> None:
    over_http = (await shared_server.http.post("/mcp", json=asked)).json()
    async with session(shared_server) as socket:
        assert (await socket.ask("mcp", asked))["data"] == over_http
    assert over_http["jsonrpc"] == "2.0"
    assert over_http["id"] == (asked.get("id") or None)
    for name, said in answer.items():
        assert over_http[name] == said or over_http[name]["code"] == said["code"]


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
