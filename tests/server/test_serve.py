"""The server as a process: it says when it is ready, dies cleanly, and kill -9 takes nothing from what it answered."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from fastapi import Response
from structlog.testing import capture_logs

from forge_arena.workers.openai import OpenAIWorker
from forge_server.logs import RareWarning

from ..brain import Brain, completion, refusal, running_brain
from ..server_process import ServerProcess, serving


def started(**settings: Any) -> ServerProcess:
    """A server on a free port that is ready, or that has ended. The short families load in a third of the time."""
    return ServerProcess(*serving(**{"stock": 8, "scenarios": "short", **settings})).wait()


def test_it_prints_its_url_once_an_episode_can_be_had_and_ends_on_sigterm(tmp_path: Path) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db", scenarios=None)
    assert server.line.startswith("ForgeArena is ready at http://127.0.0.1:")
    assert httpx.post(f"{server.url}/v1/episodes", json={"count": 2}).status_code == 200
    assert "Traceback" not in server.end(signal.SIGTERM)
    assert not (tmp_path / "arena.db-wal").exists()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_server_without_a_free_file_says_so_once_and_goes_on_later(tmp_path: Path, processes: int) -> None:
    few_files = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)); "
    settings = {"store": f"sqlite:///{tmp_path}/arena.db", "scenarios": "short", "stock": 2, "processes": processes}
    flag, program, settings_as_json = serving(**settings)
    with ServerProcess(flag, few_files + program, settings_as_json) as server, ExitStack() as stack:
        url = httpx.URL(server.url)
        for _ in range(processes * 80):
            stack.enter_context(socket.create_connection((url.host, url.port or 0)))
        time.sleep(3)
        lines = server.errors().splitlines()
        assert len([line for line in lines if "no_connection_taken" in line]) == processes
        assert len(lines) < 10
        stack.close()
        assert httpx.get(f"{server.url}/health", timeout=30).json()["ready"] is True


def test_a_rare_warning_counts_what_it_does_not_tell() -> None:
    times = iter([0.0, 0.0, 1.0, 9.0, 11.0, 11.0, 12.0])
    warning = RareWarning("full", every=10, clock=lambda: next(times))
    with capture_logs() as told:
        for _ in range(5):
            warning.note(OSError("too many"))
    assert [(line["event"], line["error"], line["times"]) for line in told] == [
        ("full", "too many", 1),
        ("full", "too many", 3),
    ]


async def leave_in_mid_body(url: httpx.URL, head: bytes = b"content-length: 1000") -> None:
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /v1/verdicts HTTP/1.1\r\nhost: localhost\r\n%s\r\n\r\n" % head)
    writer.write(b'5\r\n{"ver' if b"chunked" in head else b'{"ver')
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()


async def say(url: httpx.URL, what: bytes) -> None:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(what)
    # The server may answer and keep the connection.
    assert await reader.read(1)
    writer.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_every_line_is_json_where_that_was_asked_for_whatever_clients_do(
    tmp_path: Path, how: signal.Signals
) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db", log_json=True)
    serving = json.loads(server.line)
    url = httpx.URL(serving.pop("url"))
    assert serving["event"] == "serving"
    await leave_in_mid_body(url)
    await leave_in_mid_body(url, b"transfer-encoding: chunked")
    await say(url, b"\x16\x03\x01\x02 hello\r\n\r\n")
    await say(
        url, b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nnonsense\r\n\r\n"
    )
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/ws") as socket:
        await socket.send_json({"type": "reset", "data": {}})
        assert socket._response.connection is not None
        socket._response.connection.transport.abort()  # type: ignore[union-attr]
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/ws") as socket:
        await socket._writer.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
        await socket.receive(timeout=10)
    log = await asyncio.to_thread(server.end, how)
    events = [json.loads(line) for line in log.splitlines()]
    assert events[0]["event"] == "ready"
    assert "Invalid HTTP request received." in {event["event"] for event in events}
    requests = [event["status"] for event in events if event["event"] == "request" and event["status"] >= 400]
    assert requests.count(499) == 2
    assert max(requests) < 500
    assert "Exception in ASGI application" not in "".join(event["event"] for event in events)


def test_why_it_did_not_start_is_json_too(tmp_path: Path) -> None:
    settings = {"worker": "vllm:x", "vllm": "/nowhere", "log_json": True}
    server = started(store=f"sqlite:///{tmp_path}/arena.db", **settings)
    assert server.line == ""
    assert server.child.wait(30) == 1
    events = [json.loads(line) for line in server.end(signal.SIGTERM).splitlines()]
    assert events[-1]["event"] == "crashed"
    assert "Traceback" in events[-1]["exception"]


@dataclass(frozen=True)
class Restart:
    """What a server answered, was killed with -9, and answered to the same requests once it was started again."""

    answers: tuple[dict[str, Any], dict[str, Any]]
    attempts_left: tuple[int, ...]
    verdicts: int
    sealed: tuple[dict[str, Any], dict[str, Any]]


def sealed_observation(http: httpx.Client) -> dict[str, Any]:
    opened: dict[str, Any] = http.post("/v1/episodes", json={"keys": ["short:5:test:5"]}).json()["episodes"][0]
    return opened["observation"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def restart(tmp_path_factory: pytest.TempPathFactory) -> Restart:
    store = f"sqlite:///{tmp_path_factory.mktemp('restart')}/arena.db"
    server = started(store=store)
    with httpx.Client(base_url=server.url) as http:
        ids = [e["episode_id"] for e in http.post("/v1/episodes", json={"count": 4, "attempts": 2}).json()["episodes"]]
        sent = {id: {"verdicts": [{"episode_id": id, "attempt": 1, "completion": '{"detection": true}'}]} for id in ids}
        before = {id: http.post("/v1/verdicts", json=body).json() for id, body in sent.items()}
        sealed = sealed_observation(http)
    server.end(signal.SIGKILL)
    server = started(store=store)
    with httpx.Client(base_url=server.url) as http:
        seen = Restart(
            answers=(before, {id: http.post("/v1/verdicts", json=body).json() for id, body in sent.items()}),
            attempts_left=tuple(http.get(f"/v1/episodes/{id}").json()["attempts_left"] for id in ids),
            verdicts=sum(http.get("/v1/stats").json()["verdicts"].values()),
            sealed=(sealed, sealed_observation(http)),
        )
    server.end(signal.SIGINT)
    return seen


def test_kill_9_loses_no_answered_verdict_and_scores_none_twice(restart: Restart) -> None:
    before, after = restart.answers
    assert before == after
    assert all(len(answer["results"]) == 1 for answer in before.values())
    assert restart.attempts_left == (1, 1, 1, 1)
    assert restart.verdicts == 4


def test_an_episode_of_the_sealed_split_is_the_same_after_a_restart(restart: Restart) -> None:
    before, after = restart.sealed
    assert before == after


async def test_an_open_session_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db")
    async with aiohttp.ClientSession() as http, http.ws_connect(server.url + "/ws") as socket:
        await socket.send_json({"type": "reset", "data": {}})
        assert (await socket.receive_json())["type"] == "observation"
        begun = time.monotonic()
        ending = asyncio.create_task(asyncio.to_thread(server.end, signal.SIGTERM))
        assert (await socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        assert "Traceback" not in await ending
    assert time.monotonic() - begun < 10


async def test_a_store_whose_file_is_deleted_or_replaced_is_not_well_until_the_file_is_back(
    serve: Any, tmp_path: Path
) -> None:
    file = tmp_path / "arena.db"
    with capture_logs() as log:
        async with serve() as running:
            assert (await running.http.get("/health")).status_code == 200
            file.rename(tmp_path / "elsewhere.db")
            for _ in range(2):
                health = await running.http.get("/health")
                assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
                assert "deleted or replaced: put it back, or restart" in health.json()["reason"]
                opened = await running.http.post("/v1/episodes", json={"count": 1})
                assert (opened.status_code, opened.json()["error"]["code"]) == (503, "infra_failed")
                file.write_bytes(b"")
            (tmp_path / "elsewhere.db").replace(file)
            assert (await running.http.get("/health")).status_code == 200
            assert (await running.http.post("/v1/episodes", json={"count": 1})).status_code == 200
    assert [line for line in log if line.get("exc_info")] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, the disk that is always full")
def test_a_full_disk_under_the_log_fails_no_request(tmp_path: Path) -> None:
    settings = serving(store=f"sqlite:///{tmp_path}/arena.db", stock=8, scenarios="short")
    server = ServerProcess(*settings, log=Path("/dev/full")).wait()
    try:
        opened = [httpx.post(f"{server.url}/v1/episodes", json={"count": 1}) for _ in range(5)]
        refused = [httpx.post(f"{server.url}/v1/verdicts", content=b"?") for _ in range(5)]
    finally:
        # /dev/full gives zeros for ever.
        server.end(read=False)
    assert [answer.status_code for answer in opened + refused] == [200] * 5 + [400] * 5


def test_it_listens_on_an_ipv6_address_in_brackets(tmp_path: Path) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db", host="[::1]")
    assert server.url.startswith("http://[::1]:")
    assert httpx.get(f"{server.url}/health").status_code == 200
    server.end(signal.SIGTERM)


def test_as_many_requests_reach_the_worker_at_a_time_as_were_asked_for(tmp_path: Path) -> None:
    async def ponder(_: dict[str, Any]) -> Response:
        await asyncio.sleep(0.5)
        return completion("I cannot tell.")

    with running_brain() as brain:
        brain.reactions = [ponder]
        # Half of them are for the stock, the other half for requests, of which there are none yet.
        store = f"sqlite:///{tmp_path}/arena.db"
        command = [sys.executable, *serving(store=store, worker=f"openai:brain@{brain.url}", concurrency=48)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            until = time.monotonic() + 60
            while brain.most_at_once < 24 and time.monotonic() < until:
                time.sleep(0.1)
            child.terminate()
    assert brain.most_at_once == 24


async def hopeless(serve: Any, brain: Brain, wanted: str, **settings: Any) -> tuple[str, list[Any]]:
    """What /health of a server that asks `brain` says once it says what is `wanted`, and the events of its log."""
    worker = OpenAIWorker("brain", brain.url)
    with capture_logs() as log:
        async with serve(
            worker=worker, wait=False, **{"stock": 64, "concurrency": 16, "watch_every": 0.5, **settings}
        ) as server:
            reason, logged = "", False
            async with asyncio.timeout(60):
                while not (re.search(wanted, reason) and logged):
                    await asyncio.sleep(0.05)
                    health = await server.http.get("/health")
                    assert health.status_code == 503
                    reason = health.json()["reason"]
                    logged = any(line["event"] == "not_ready" and re.search(wanted, line["reason"]) for line in log)
    return reason, list(log)


async def test_a_worker_whose_answers_are_all_rejected_is_said_to_be_so_everywhere(serve: Any, brain: Brain) -> None:
    async def ponder(_: dict[str, Any]) -> Response:
        await asyncio.sleep(0.8)
        return completion("It costs $123,456.78.")

    brain.reactions = [completion("yes"), ponder]
    # The time limit ends every episode before its fourth answer is rejected.
    reason, log = await hopeless(serve, brain, r"usable: 0 \(\d\d rejected, \d+ failed", make_timeout=2)
    assert re.search(r"most often: (?:missing|wrong|invented|violated) \w+ \(\d+\), [a-z]+ \w+ \(\d+\)", reason)
    assert "take a stronger instruction-tuned model, ask less of this one (--load light), or" in reason
    lines = {line["event"]: line for line in log}
    assert "usable: 0" in lines["not_ready"]["reason"]
    assert log[-1]["event"] == "stopped_before_ready"
    assert "usable: 0" in log[-1]["reason"]
    assert "most often" in lines["worker_failed"]["reason"]


async def hang(_: dict[str, Any]) -> Response:
    await asyncio.sleep(3600)
    return completion("")


async def test_a_worker_whose_endpoint_hangs_is_said_to_be_so_before_the_first_time_limit(
    serve: Any, brain: Brain
) -> None:
    brain.reactions = [completion("yes"), hang]
    reason, log = await hopeless(serve, brain, "8 still awaited")
    assert "usable: 0 (8 still awaited); see whether the Worker's endpoint hangs or is overloaded" in reason
    assert "8 still awaited" in log[-1]["reason"]


async def test_a_worker_that_does_not_even_start_is_said_to_be_so_while_it_is_awaited(serve: Any, brain: Brain) -> None:
    brain.reactions = [hang]
    reason, log = await hopeless(serve, brain, "so far")
    wanted = r"the Worker openai:brain is starting, for \d+ s so far; it has answered no chat yet: .* endpoint hangs"
    assert re.fullmatch(wanted, reason), reason
    assert re.fullmatch(wanted, log[-1]["reason"])


async def test_a_worker_whose_endpoint_refuses_is_said_to_be_so_with_its_words(serve: Any, brain: Brain) -> None:
    brain.reactions = [completion("yes"), refusal(400, "this model takes no seed")]
    reason, log = await hopeless(serve, brain, r"usable: 0 \(\d+ failed")
    assert re.search(r"this model takes no seed; such a setting follows the Worker's name: #seed=none", reason), reason
    assert "this model takes no seed" in log[-1]["reason"]


def test_a_named_set_is_served_under_its_name(tmp_path: Path) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db")
    opened = httpx.post(f"{server.url}/v1/episodes", json={"split": "val", "count": 3}).json()["episodes"]
    assert all(re.fullmatch(r"short:5:val:\d+", episode["key"]) for episode in opened)
    again = httpx.post(f"{server.url}/v1/episodes", json={"keys": [opened[0]["key"]]}).json()["episodes"][0]
    assert again["observation"] == opened[0]["observation"]
    server.end(signal.SIGTERM)


def test_lighter_tasks_are_served_under_a_suite_of_their_own(tmp_path: Path) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db", scenarios=None, load="light")
    opened = httpx.post(f"{server.url}/v1/episodes", json={"split": "val", "count": 3}).json()["episodes"]
    assert all(re.fullmatch(r"forge-light:5:val:\d+", episode["key"]) for episode in opened)
    assert httpx.get(f"{server.url}/v1/stats").json()["suite"] == "forge-light"
    refused = httpx.post(f"{server.url}/v1/episodes", json={"keys": ["forge:5:val:7"]})
    assert refused.status_code == 422
    assert "forge-light:5" in refused.text
    server.end(signal.SIGTERM)


# Each by the settings that cannot be served. None needs Postgres, whose drivers are hidden.
REFUSED = [
    ({"host": "0.0.0.0"}, "needs a token"),
    ({"host": "203.0.113.1", "tokens": ["a long token"]}, "SettingsError: cannot listen on 203.0.113.1 port 0"),
    (
        {"store": "sqlite:////nowhere/at/all.db"},
        "SettingsError: store: /nowhere/at/all.db: unable to open database file",
    ),
    # The store need not be asked for this secret, and is needed all the same.
    ({"store": "sqlite:////nowhere/at/all.db", "secret": "a secret of 32 characters or more"}, "SettingsError: store:"),
    ({"store": "postgresql://localhost/arena"}, "SettingsError: store: psycopg is missing"),
    ({"store": "postgresql+psycopg://localhost/arena"}, "pip install 'forge-arena[postgres]'"),
    (
        {"worker": "openai:m@http://127.0.0.1:1/v1", "documents": "/nowhere/docs.jsonl"},
        "SettingsError: documents: /nowhere/docs.jsonl: No such file or directory",
    ),
    ({"worker": "psychic"}, "SettingsError: worker: unknown Worker 'psychic'"),
    ({"tool_profile": "/nowhere/few.json"}, "SettingsError: tool_profile: no tool profile in /nowhere/few.json"),
    ({"reader": "worker"}, "SettingsError: reader: 'worker' cannot read: a scripted Worker has no model"),
    ({"scenarios": "shrot"}, "Did you mean 'short'?"),
    ({"scenarios": "short", "load": "light"}, "has no load 'light', only 'full'"),
    ({"load": "lihgt"}, "load: Input should be 'light', 'normal' or 'full'"),
    ({"scenarios": "short", "documents": "mine.jsonl"}, "scenarios and documents exclude each other"),
]
REFUSE = """
import json, sys
sys.modules["psycopg"] = sys.modules["psycopg2"] = None
from forge_server.process import serve
from forge_server.settings import Settings
for settings in json.loads(sys.argv[1]):
    try:
        serve(Settings.from_environment({}, **settings))
    except Exception as error:
        print(json.dumps(f"{type(error).__name__}: {error}"))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What one process was told that tried to serve each of `REFUSED`, and what it printed beside."""
    store = f"sqlite:///{tmp_path_factory.mktemp('refused')}/arena.db"
    tried = json.dumps([{"port": 0, "store": store, **settings} for settings, _ in REFUSED])
    done = subprocess.run([sys.executable, "-c", REFUSE, tried], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("number", "wanted"), list(enumerate(wanted for _, wanted in REFUSED)))
def test_what_cannot_be_served_is_refused(refusals: list[str], number: int, wanted: str) -> None:
    assert wanted in refusals[number]


def test_what_cannot_be_served_never_prints_a_url(refusals: list[str]) -> None:
    assert len(refusals) == len(REFUSED)
    assert not [line for line in refusals if "http://" in line]


async def test_the_metrics_say_after_how_many_revisions_answers_were_usable(serve: Any, brain: Brain) -> None:
    async def repeat(body: dict[str, Any]) -> Response:
        return completion("Yes" if body["max_tokens"] == 1 else "It costs $123,456.78.")

    brain.reactions = [repeat]
    worker = OpenAIWorker("brain", brain.url)
    async with serve(worker=worker, wait=False, stock=1) as server:
        server.arena.counts["answers_usable_after_2"] += 3
        async with asyncio.timeout(20):
            text = ""
            while 'event="revisions_repeated"' not in text:
                await asyncio.sleep(0.05)
                text = (await server.http.get("/metrics")).text
    labels = 'awareness="",candour="",corruption_type=""'
    assert f'forge_making_total{{{labels},event="answers_usable_after_2"}} 3.0' in text
