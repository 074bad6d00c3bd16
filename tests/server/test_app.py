"""What the API refuses, how fast, and that it never repeats what it was sent."""

import asyncio
import gzip
import json
import time
from html import escape
from html.parser import HTMLParser
from typing import Any, cast

import httpx
import pytest
import structlog

from forge_arena.types import Answer
from forge_arena.wire import ErrorBody
from forge_server import examples, logs
from forge_server.app import create_app

MARK = "zqxjkvbpyg"
VERDICT = '{"detection":true,"explanation":"","correction":"","confidence":0.5}'


def batch(verdict: str, more: str = "") -> bytes:
    return f'{{"verdicts":[{{"episode_id":"{MARK}","attempt":0,"verdict":{verdict}{more}}}]}}'.encode()


BAD = {
    "no JSON at all": (f"{MARK}".encode(), 400, "malformed_json"),
    "an empty body": (b"", 400, "malformed_json"),
    "a cut body": (batch(VERDICT)[:-3], 400, "malformed_json"),
    "a list": (b"[]", 422, "invalid_request"),
    "not UTF-8": (b'{"verdicts":"\xff\xfe"}', 400, "malformed_json"),
    "a raw control character": (f'{{"verdicts":"{MARK}\x01"}}'.encode(), 400, "malformed_json"),
    "a lone surrogate": (batch(VERDICT.replace('""', '"\\ud800"')), 400, "malformed_json"),
    "nested a hundred thousand deep": (b"[" * 100_000, 400, "malformed_json"),
    "NaN": (batch(VERDICT.replace("0.5", "NaN")), 422, "invalid_request"),
    "Infinity": (batch(VERDICT.replace("0.5", "Infinity")), 422, "invalid_request"),
    "an overflowing number": (batch(VERDICT.replace("0.5", "1e999")), 422, "invalid_request"),
    "a million digits": (batch(VERDICT.replace("0.5", "9" * 1_000_000)), 400, "malformed_json"),
    "confidence above one": (batch(VERDICT.replace("0.5", "1.5")), 422, "invalid_request"),
    "confidence below zero": (batch(VERDICT.replace("0.5", "-0.1")), 422, "invalid_request"),
    "a word for a truth value": (batch(VERDICT.replace("true", f'"{MARK}"')), 422, "invalid_request"),
    "a number for a text": (batch(VERDICT.replace('""', "7")), 422, "invalid_request"),
    "a missing field": (batch('{"detection":true}'), 422, "invalid_request"),
    "an unknown field with a strange name": (batch(VERDICT, f',"{MARK} = 1":1'), 422, "invalid_request"),
    "an unknown field with a long name": (batch(VERDICT, f',"{MARK * 5}":1'), 422, "invalid_request"),
    "a duplicate key": (batch(VERDICT.replace("}", ',"confidence":0.9}')), 400, "malformed_json"),
    "a duplicate key in disguise": (batch(VERDICT.replace("}", ',"c\\u006fnfidence":0.9}')), 400, "malformed_json"),
    "both verdict and completion": (batch(VERDICT, ',"completion":""'), 422, "invalid_request"),
    "a negative attempt": (batch(VERDICT, "").replace(b'"attempt":0', b'"attempt":-1'), 422, "invalid_request"),
    "too long a correction": (batch(VERDICT.replace('""', f'"{MARK * 2000}"')), 422, "invalid_request"),
    "no verdicts": (b'{"verdicts":[]}', 422, "invalid_request"),
    "too many verdicts": (json.dumps({"verdicts": [{}] * 257}).encode(), 422, "invalid_request"),
    "many wrong entries": (b'{"verdicts":[' + b"1," * 100_000 + b"1]}", 422, "invalid_request"),
    "many unknown fields": (b"{%s}" % b",".join(b'"%d":1' % n for n in range(90_000)), 422, "invalid_request"),
    "ten megabytes": (b'{"verdicts":"' + b"a" * 10_000_000 + b'"}', 413, "body_too_large"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.asyncio(loop_scope="module")
async def test_bad_input_is_refused_at_once_in_words_of_our_own(shared_server: Any, what: str) -> None:
    body, status, code = BAD[what]
    seconds = []
    for _ in range(10):
        if seconds and min(seconds) < 0.05:  # On a busy machine the best of several is what it takes.
            break
        start = time.process_time()
        response = await shared_server.http.post("/v1/verdicts", content=body)
        seconds.append(time.process_time() - start)
        error = ErrorBody.model_validate_json(response.content).error
        assert (response.status_code, error.code) == (status, code), response.text
        assert MARK not in response.text
        assert len(error.message) < 600
    assert min(seconds) < 0.05
    assert (await shared_server.http.get("/v1/stats")).json()["verdicts"] == {}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "either count or keys or again"),
        ({"count": 1, "keys": ["forge:5:train:0"]}, "either count or keys or again"),
        ({"keys": ["forge:5:train:0"], "again": ["an id"]}, "either count or keys or again"),
        ({"count": 1, "start": 0, "stream": "mine"}, "either start or stream"),
        ({"count": 1, "stream": f"{MARK}:"}, "should match pattern"),
        ({"keys": ["forge:5:train:0"], "stream": "mine"}, "keys already say everything"),
        ({"again": ["an id"], "start": 1}, "again already say everything"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"count": 257}, "less than or equal to 256"),
        ({"count": 1, "split": MARK}, "'train', 'val', 'test' or 'public'"),
        ({"count": 1, "stealth": 4}, "less than or equal to 3"),
        ({"count": 1, "attempts": 65}, "less than or equal to 64"),
        ({"keys": ["forge:5:train:0"], "stealth": 1}, "keys already say everything"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_request_for_episodes_says_what_was_wanted(shared_server: Any, body: Any, word: str) -> None:
    response = await shared_server.http.post("/v1/episodes", json=body)
    assert response.status_code == 422
    assert word in response.json()["error"]["message"]
    assert MARK not in response.text


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/episodes", {"count": 1, "spilt": "val"}, "body: unknown field 'spilt'. Did you mean 'split'?"),
        (
            "/v1/episodes",
            {"count": 1, "episodes": 3},
            "body: unknown field 'episodes'. See /docs for the ones that there",
        ),
        (
            "/v1/verdicts",
            {"verdicts": [{"episode_id": "a", "verdict": {**json.loads(VERDICT), "confidance": 1}}]},
            "verdicts[0].verdict: unknown field 'confidance'. Did you mean 'confidence'?",
        ),
        ("/reset", {"sed": 7}, "body: unknown field 'sed'. Did you mean 'seed'?"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_unknown_field_is_named_with_the_nearest_known_one(
    shared_server: Any, path: str, body: Any, message: str
) -> None:
    response = await shared_server.http.post(path, json=body)
    assert response.status_code == 422
    assert message in response.text


@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_without_a_length_is_cut_off_at_the_limit(shared_server: Any) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b"a" * 100_000

    response = await shared_server.http.post("/v1/verdicts", content=endless())
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")


async def test_a_body_that_does_not_arrive_is_given_up(serve: Any) -> None:
    async with serve(body_timeout=0.2) as running:
        reader, writer = await asyncio.open_connection(running.http.base_url.host, running.http.base_url.port)
        writer.write(b"POST /v1/verdicts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        async with asyncio.timeout(5):
            assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_a_token_is_asked_for_and_not_repeated(serve: Any) -> None:
    async with serve(tokens=("correct horse", "battery staple")) as running:
        for given in ({}, {"authorization": f"Bearer {MARK}"}, {"authorization": "correct horse"}):
            for path in ("/v1/stats", "/metrics", "/v1/episodes/x", "/nowhere"):
                response = await running.http.get(path, headers=given)
                assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
                assert response.headers["www-authenticate"] == "Bearer"
                assert MARK not in response.text
        for token in running.settings.tokens:
            headers = {"authorization": f"Bearer {token}"}
            assert (await running.http.get("/v1/stats", headers=headers)).status_code == 200
        assert (await running.http.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/v2", 404, "not_found"), ("PUT", "/v1/stats", 405, "method_not_allowed")],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_path_or_method_has_the_same_form_of_error(
    shared_server: Any, method: str, path: str, status: int, code: str
) -> None:
    response = await shared_server.http.request(method, path)
    assert (response.status_code, ErrorBody.model_validate_json(response.content).error.code) == (status, code)


async def test_until_the_worker_is_ready_requests_are_told_to_wait(serve: Any, moody: Any) -> None:
    worker = moody()
    worker.started.clear()
    async with serve(worker=worker, wait=False) as running:
        health = await running.http.get("/health")
        assert health.status_code == 503
        assert health.json() == {
            "ready": False,
            "reason": "the Worker scripted is starting",
            "status": "unhealthy",
        }
        response = await running.http.post("/v1/episodes", json={"count": 1})
        assert (response.status_code, response.json()["error"]["code"]) == (503, "starting")
        assert response.headers["retry-after"]
        worker.started.set()
        async with asyncio.timeout(10):
            await running.service.ready.wait()
        assert (await running.http.get("/health")).json() == {"ready": True, "reason": None, "status": "healthy"}
    assert worker.closed


async def test_metrics_count_episodes_verdicts_and_seconds(server: Any) -> None:
    [opened] = await server.open()
    body = {"verdicts": [{"episode_id": opened["episode_id"], "completion": "?"}]}
    assert (await server.http.post("/v1/verdicts", json=body)).status_code == 200
    text = (await server.http.get("/metrics")).text
    for line in (
        'forge_episodes_opened_total{split="train"} 1.0',
        'forge_verdicts_total{outcome="invalid_verdict"} 1.0',
        'forge_request_seconds_count{route="/v1/verdicts",status="200"} 1.0',
        "forge_stock_episodes ",
    ):
        assert line in text


@pytest.mark.parametrize("thoughts", ["<think>{}</think>", "{}</think>", "[THINK]{}[/THINK]"])
async def test_a_raw_completion_with_long_thoughts_is_read_and_kept_without_them(server: Any, thoughts: str) -> None:
    [opened] = await server.open()
    said = thoughts.format(f"Perhaps {VERDICT}. " * 3_000) + VERDICT
    attempt = {"episode_id": opened["episode_id"], "completion": said}
    first = (await server.send_verdicts(attempt)).json()
    assert first["results"][0]["outcome"] == "scored"
    assert (await server.send_verdicts(attempt)).json() == first
    other = (await server.send_verdicts({**attempt, "completion": said.replace("0.5", "0.6")})).json()
    assert other["error"]["code"] == "conflicting_verdict"


async def test_what_the_worker_did_with_hidden_instructions_is_published(serve: Any) -> None:
    async with serve(mechanism="prompt") as running:
        assert await running.open(count=40)
        making = (await running.http.get("/v1/stats")).json()["making"]
        obeyed = {name: count for name, count in making.items() if name.startswith("instruction_obeyed:")}
        assert obeyed
        lines = (await running.http.get("/metrics")).text.splitlines()
    by_level = {name: count for name, count in obeyed.items() if name.count(":") == 3}
    assert sum(by_level.values()) == sum(obeyed.values()) - sum(by_level.values())
    for name, count in by_level.items():
        _, kind, awareness, candour = name.split(":")
        labels = f'awareness="{awareness}",candour="{candour}",corruption_type="{kind}",event="instruction_obeyed"'
        assert f"forge_making_total{{{labels}}} {count}.0" in lines
    # Each is in a sum once.
    assert sum('event="instruction_obeyed"' in line for line in lines) == len(by_level)


@pytest.mark.asyncio(loop_scope="module")
async def test_every_answer_carries_an_id_to_look_for_in_the_log(shared_server: Any) -> None:
    ids = [(await shared_server.http.get("/health")).headers["x-request-id"] for _ in range(2)]
    assert ids[0] != ids[1]


def test_every_example_is_what_its_model_accepts() -> None:
    for model, given in examples.REQUESTS.items():
        for example in given.values():
            model.model_validate_json(json.dumps(example["value"]))
    for model, example in examples.ANSWERS.items():
        model.model_validate_json(json.dumps(example))


@pytest.mark.asyncio(loop_scope="module")
async def test_openapi_documents_every_route_with_its_body_and_refusals(shared_server: Any) -> None:
    document = (await shared_server.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    operations = [(m, p, o) for p, methods in document["paths"].items() for m, o in methods.items()]
    assert {(m.upper(), p) for m, p, _ in operations} == {
        ("POST", "/v1/episodes"),
        ("POST", "/v1/verdicts"),
        ("POST", "/v1/episodes/{episode_id}/probe"),
        ("GET", "/v1/tools"),
        ("POST", "/v1/episodes/{episode_id}/tools/{name}"),
        ("GET", "/v1/episodes/{episode_id}"),
        ("DELETE", "/v1/episodes/{episode_id}"),
        ("POST", "/v1/curriculum"),
        ("GET", "/v1/curriculum"),
        ("DELETE", "/v1/curriculum"),
        ("POST", "/v1/submissions"),
        ("GET", "/v1/submissions"),
        ("GET", "/v1/submissions/{submission_id}"),
        ("POST", "/v1/runs"),
        ("GET", "/v1/runs"),
        ("POST", "/v1/runs/{run_id}/points"),
        ("GET", "/v1/runs/{run_id}"),
        ("DELETE", "/v1/runs/{run_id}"),
        ("GET", "/v1/leaderboard"),
        ("GET", "/v1/prompt"),
        ("GET", "/v1/stats"),
        ("GET", "/leaderboard"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("POST", "/reset"),
        ("POST", "/step"),
        ("GET", "/state"),
        ("GET", "/schema"),
        ("GET", "/metadata"),
        ("POST", "/mcp"),
        ("GET", "/list_environments"),
        ("GET", "/forge_arena/splits"),
        ("POST", "/forge_arena/num_tasks"),
        ("POST", "/forge_arena/tasks"),
        ("POST", "/forge_arena/task"),
        ("POST", "/forge_arena/task_range"),
    }
    for method, path, operation in operations:
        assert operation["description"], path
        if method == "post":
            content = operation["requestBody"]["content"]["application/json"]
            assert content["schema"]["$ref"].rpartition("/")[2] in schemas
            assert content["examples"]
            # Who asks for tools or for names of tasks is answered from the start.
            at_once = path == "/mcp" or path.startswith("/forge_arena/")
            always = {"200", "400", "401", "413", "415", "422"} | (set() if at_once else {"503"})
            assert always <= operation["responses"].keys()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_app_without_its_lifespan_says_that_it_is_starting(shared_server: Any) -> None:
    app = create_app(shared_server.settings, shared_server.arena)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as http:
        assert (await http.get("/v1/stats")).json()["error"]["code"] == "starting"


async def test_a_server_that_leaves_closes_the_connections_that_still_ask(server: Any) -> None:
    assert "connection" not in (await server.http.get("/health")).headers
    server.service.leaving = lambda: True
    answer = await server.http.post("/v1/episodes", json={"count": 1})
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_method_that_a_path_does_not_know_is_answered_with_all_those_it_knows(shared_server: Any) -> None:
    answer = await shared_server.http.put("/v1/episodes/an-episode")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD"


@pytest.mark.asyncio(loop_scope="module")
async def test_every_path_says_which_methods_it_knows(shared_server: Any) -> None:
    for path, known in (await shared_server.http.get("/openapi.json")).json()["paths"].items():
        answer = await shared_server.http.request("TRACE", path.replace("{", "").replace("}", ""))
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed"), path
        head = {"HEAD"} if "get" in known else set()
        assert set(answer.headers["allow"].split(", ")) == {method.upper() for method in known} | head, path


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_parameter_of_the_path_that_is_none_is_refused_without_being_repeated(
    shared_server: Any, method: str
) -> None:
    answer = await shared_server.http.request(method, "/v1/episodes/" + "x" * 65)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
    assert "xxx" not in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/episodes", {"count": True}),
        ("/v1/episodes", {"count": "2"}),
        ("/v1/episodes", {"count": 1, "attempts": 1.0}),
        ("/v1/verdicts", {"verdicts": [{"episode_id": "x", "attempt": False, "completion": "y"}]}),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_only_looks_like_a_number_is_refused(shared_server: Any, path: str, body: dict[str, Any]) -> None:
    answer = await shared_server.http.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


async def test_what_a_worker_or_an_overseer_writes_is_not_in_the_log(
    serve: Any, moody: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("debug", as_json=True)
    forged = '\x1b[2J\n{"event": "ready", "worker": "forged"}'

    class Forger(moody):  # type: ignore[misc]
        async def answer(self, *given: Any) -> Answer:
            if self.mood == "forges":
                return Answer(reasoning=forged, output=forged)
            return cast(Answer, await super().answer(*given))

    try:
        async with serve(worker=Forger(), open_timeout=2) as running:
            (episode,) = await running.open()
            attempt = {"episode_id": episode["episode_id"], "attempt": 0, "completion": forged}
            assert (await running.send_verdicts(attempt)).json()["results"][0]["outcome"] == "invalid_verdict"
            running.worker.mood = "forges"
            await running.http.post("/v1/episodes", json={"count": 1, "split": "val"})
        log = capfd.readouterr().err
    finally:
        structlog.reset_defaults()
    events = [json.loads(line) for line in log.splitlines()]
    assert {"ready", "request", "worker_failed"} <= {event["event"] for event in events}
    assert "forged" not in log
    assert "\x1b" not in log


class Elements(HTMLParser):
    """The elements of a page that are open, the addresses that it fetches, and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.fetched: list[str | None] = []
        self.links: list[str] = []
        self.ids: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        found = dict(attrs)
        self.fetched += [found["src"]] if "src" in found else []
        self.ids += [found["id"]] if "id" in found else []
        if tag == "a":
            self.links.append(found["href"] or "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_of_the_api_shows_every_route_and_fetches_nothing(shared_server: Any) -> None:
    answer = await shared_server.http.get("/docs")
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    page = Elements(answer.text)
    assert (page.open, page.fetched) == ([], [])
    assert not page.names & {"script", "link", "iframe", "img", "base"}
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    document = (await shared_server.http.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"<code>{method.upper()} {path}</code>" in answer.text
            assert escape(operation["summary"]) in answer.text
    for name in document["components"]["schemas"]:
        assert name in page.ids


async def test_other_requests_go_on_while_the_page_of_the_api_is_made(serve: Any) -> None:
    async with serve() as running:
        page, others = asyncio.create_task(running.http.get("/docs")), 0
        while not page.done():
            await running.http.get("/health")
            others += 1
        assert page.result().status_code == 200
        assert others > 5


@pytest.mark.asyncio(loop_scope="module")
async def test_head_is_answered_wherever_get_is_without_a_body(shared_server: Any) -> None:
    (episode,) = await shared_server.open()
    known = {"/health", "/docs", "/openapi.json", "/leaderboard", "/metrics", "/state", "/schema", "/metadata"}
    known |= {"/v1/stats", "/v1/leaderboard", f"/v1/episodes/{episode['episode_id']}"}
    for path in sorted(known):
        head, get = await shared_server.http.head(path), await shared_server.http.get(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["content-type"] == get.headers["content-type"]
        assert path in ("/metrics", "/v1/stats") or head.headers["content-length"] == get.headers["content-length"]
    for path, status in {"/v1/episodes": 405, "/nowhere": 404, "/v1/episodes/x": 404}.items():
        assert (await shared_server.http.head(path)).status_code == status


@pytest.mark.parametrize("prefix", ["", "/of/mine"])
async def test_under_a_path_all_is_found_whether_the_proxy_takes_the_path_off_or_not(serve: Any, prefix: str) -> None:
    async with serve(root_path="/of/mine", tokens=("player:a token to play",)) as running:
        play = {"authorization": "Bearer a token to play"}
        document = (await running.http.get(f"{prefix}/openapi.json")).json()
        assert document["servers"] == [{"url": "/of/mine"}]
        assert (await running.http.get(f"{prefix}/docs")).status_code == 200
        assert (await running.http.get(f"{prefix}/health")).status_code == 200
        assert (await running.http.get(f"{prefix}/v1/stats")).status_code == 401
        opened = await running.http.post(f"{prefix}/v1/episodes", json={"count": 1}, headers=play)
        assert opened.status_code == 200
        # What the gate forbids and limits by path is the same below it.
        assert (await running.http.delete(f"{prefix}/v1/curriculum", headers=play)).status_code == 403
        large = await running.http.post(f"{prefix}/v1/verdicts", content=b" " * 2_000_000, headers=play)
        assert large.status_code == 400


NO_CONFIDENCE = {name: value for name, value in json.loads(VERDICT).items() if name != "confidence"}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"verdict": {**NO_CONFIDENCE, "confidence": 2}}, "verdicts[0].verdict.confidence: Input should be less than"),
        ({"verdict": NO_CONFIDENCE}, "verdicts[0].verdict.confidence: Field required"),
        ({"attempt": -1, "completion": "x"}, "verdicts[0].attempt: Input should be greater than or equal to 0"),
        ({}, "verdicts[0]: give either verdict or completion"),
        ({"completion": "x", "form": "x"}, "verdicts[0]: unknown field 'form'."),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_verdict_is_refused_for_its_own_fault_alone(shared_server: Any, item: Any, message: str) -> None:
    response = await shared_server.http.post("/v1/verdicts", json={"verdicts": [{"episode_id": "a", **item}]})
    said = response.json()["error"]["message"]
    assert response.status_code == 422
    assert said.startswith(message)
    assert "; " not in said


@pytest.mark.asyncio(loop_scope="module")
async def test_a_verdict_that_is_no_batch_is_told_where_its_fields_belong(shared_server: Any) -> None:
    response = await shared_server.http.post("/v1/verdicts", json={"episode_id": "a", "verdict": json.loads(VERDICT)})
    assert response.json()["error"]["message"] == (
        "verdicts: Field required; body: unknown field 'episode_id' here. It belongs at verdicts[].episode_id; "
        "body: unknown field 'verdict' here. It belongs at verdicts[].verdict"
    )


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        ([], "verdicts: The list should have at least 1 item, not 0"),
        ([{"episode_id": "a", "completion": "x"}] * 257, "verdicts: The list should have at most 256 items, not 257"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_batch_of_the_wrong_size_is_told_its_limits(shared_server: Any, verdicts: Any, message: str) -> None:
    response = await shared_server.http.post("/v1/verdicts", json={"verdicts": verdicts})
    assert response.json()["error"]["message"] == message


@pytest.mark.asyncio(loop_scope="module")
async def test_a_compressed_body_is_refused_as_such(shared_server: Any) -> None:
    body = gzip.compress(batch(VERDICT))
    response = await shared_server.http.post("/v1/verdicts", content=body, headers={"content-encoding": "gzip"})
    assert (response.status_code, response.json()["error"]["code"]) == (415, "encoded_body")
    assert "without compression" in response.json()["error"]["message"]
