"""One server of several processes: it behaves as one process does, whichever of them answers, and whichever dies."""

import asyncio
import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
import pytest

from forge_server.processes import _Server
from forge_server.settings import Settings

from ..e2e.chaos import compared, play
from ..postgres import Postgres
from ..server_process import ServerProcess, serving

CLEAN = {"detection": False, "explanation": "", "correction": "", "confidence": 0.5}
FLAGGED = {"detection": True, "explanation": "", "correction": "", "confidence": 0.5}


def started(**settings: Any) -> ServerProcess:
    """A server of two processes. The short families load in a third of the time."""
    asked = {"processes": 2, "stock": 8, "scenarios": "short", "log_json": True, "log_level": "debug", **settings}
    return ServerProcess(*serving(**asked)).wait()


def url_of(server: ServerProcess) -> str:
    assert server.line, server.errors()[-3_000:]
    return str(json.loads(server.line)["url"])


def children(server: ServerProcess) -> list[int]:
    """The pids of the processes that serve. The other child is the resource tracker of multiprocessing."""
    listed = Path(f"/proc/{server.child.pid}/task/{server.child.pid}/children").read_text().split()
    return [int(pid) for pid in listed if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(what: Any, seconds: float = 60) -> None:
    """Wait until `what()` is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def events(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.errors().splitlines()]


def answered_by(server: ServerProcess, response: httpx.Response) -> int:
    """The number of the process that answered, as its log says."""
    wanted = response.headers["x-request-id"]

    def found() -> list[int]:
        return [e["process"] for e in events(server) if e.get("request_id") == wanted and e["event"] == "request"]

    # The line is written after the answer.
    until(found, 10)
    return found()[0]


class Two:
    """Two clients of one server. Each has one connection, and so a process of its own."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.a, self.b = (httpx.Client(base_url=url_of(server), timeout=30) for _ in range(2))
        seen = [answered_by(server, client.get("/health")) for client in (self.a, self.b)]
        assert sorted(seen) == [0, 1]

    def close(self) -> None:
        self.a.close()
        self.b.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    if request.param == "sqlite":
        store = f"sqlite:///{tmp_path_factory.mktemp('together')}/arena.db"
    else:
        running: Postgres = request.getfixturevalue("running_postgres")
        store = running.url(uuid4().hex)
    process = started(store=store)
    yield process
    process.end()


@pytest.fixture
def two(server: ServerProcess) -> Iterator[Two]:
    clients = Two(server)
    yield clients
    clients.close()


def opened(client: httpx.Client, **ask: Any) -> list[dict[str, Any]]:
    response = client.post("/v1/episodes", json={"count": 1, **ask})
    assert response.status_code == 200, response.text
    episodes: list[dict[str, Any]] = response.json()["episodes"]
    return episodes


def judged(client: httpx.Client, episode: dict[str, Any], verdict: dict[str, Any]) -> httpx.Response:
    return client.post("/v1/verdicts", json={"verdicts": [{"episode_id": episode["episode_id"], "verdict": verdict}]})


def test_connections_are_divided_evenly(server: ServerProcess) -> None:
    clients = [httpx.Client(base_url=url_of(server)) for _ in range(10)]
    try:
        answers = [client.get("/health") for client in clients]
        assert Counter(answered_by(server, answer) for answer in answers) == {0: 5, 1: 5}
        # Those of one process leave. The next ones fill its place.
        for client, answer in zip(clients, answers, strict=True):
            if answered_by(server, answer) == 0:
                client.close()
        time.sleep(0.5)
        more = [httpx.Client(base_url=url_of(server)) for _ in range(3)]
        clients += more
        assert {answered_by(server, client.get("/health")) for client in more} == {0}
    finally:
        for client in clients:
            client.close()


def test_an_episode_that_one_process_opens_the_other_judges(two: Two) -> None:
    (episode,) = opened(two.a)
    first = judged(two.b, episode, CLEAN)
    assert first.status_code == 200
    assert judged(two.a, episode, CLEAN).json() == first.json()
    assert judged(two.a, episode, FLAGGED).status_code == 409
    place = f"/v1/episodes/{episode['episode_id']}"
    assert two.a.get(place).json() == two.b.get(place).json()


def test_the_stream_gives_each_key_once(two: Two) -> None:
    keys = [episode["key"] for client in (two.a, two.b) * 4 for episode in opened(client, count=3)]
    assert len(set(keys)) == len(keys) == 24


def test_the_uses_of_a_tool_count_in_the_other_process_too(two: Two) -> None:
    (episode,) = opened(two.a)
    # Now both have it in memory.
    two.b.post(f"/v1/episodes/{episode['episode_id']}/tools/calculate", json={"arguments": {"expression": "6 * 7"}})
    used = two.a.post(
        f"/v1/episodes/{episode['episode_id']}/tools/calculate", json={"arguments": {"expression": "6 * 8"}}
    )
    assert used.status_code == 200
    (result,) = judged(two.b, episode, CLEAN).json()["results"]
    assert result["tool_uses"] == 2


def sample(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and not line.startswith("#"))


def test_counts_are_those_of_all_processes_whichever_is_asked(two: Two) -> None:
    before = sample(two.a, "forge_verdicts_total"), sample(two.a, "forge_episodes_opened_total")
    for client in (two.a, two.b):
        for _ in range(3):
            assert judged(client, opened(client)[0], CLEAN).status_code == 200
    for client in (two.a, two.b):
        assert sample(client, "forge_verdicts_total") == before[0] + 6
        assert sample(client, "forge_episodes_opened_total") == before[1] + 6
        stats = client.get("/v1/stats").json()
        asked = 'forge_making_total{awareness="",candour="",corruption_type="",event="answers_asked"}'
        assert sample(client, asked) == stats["making"]["answers_asked"]
        assert stats["verdicts"]["scored"] >= 6
    # Each keeps 4 and refills once it has 2. Whichever is asked says how much both have.
    until(lambda: two.a.get("/v1/stats").json()["stock"] == two.b.get("/v1/stats").json()["stock"] > 4)
    stock = two.a.get("/v1/stats").json()["stock"]
    assert sample(two.a, "forge_stock_episodes") == sample(two.b, "forge_stock_episodes") == stock


def test_the_page_shows_the_verdicts_of_all_processes(two: Two) -> None:
    for client in (two.a, two.b):
        assert judged(client, opened(client)[0], FLAGGED).status_code == 200
    pages = [client.get("/live").text for client in (two.a, two.b)]
    assert all("of 8 wanted" in page for page in pages)
    points = [page.partition('<polyline points="')[2].partition('"')[0] for page in pages]
    assert points[0] == points[1] != ""


async def test_mcp_over_http_finds_the_session_of_the_other_process(server: ServerProcess) -> None:
    url = url_of(server)

    async def call(http: aiohttp.ClientSession, method: str, **params: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with http.post(f"{url}/mcp", json=message) as response:
            answer: dict[str, Any] = await response.json()
        return answer

    async with aiohttp.ClientSession() as a, aiohttp.ClientSession() as b:
        name = (await call(a, "openenv/session/create"))["result"]["session_id"]
        wanted = {"session_id": name, "name": "calculate", "arguments": {"expression": "6 * 7"}}
        assert (await call(b, "tools/call", **wanted))["error"]["message"] == "there is no episode yet: reset first"
        async with a.ws_connect(f"{url}/ws?session_id={name}") as socket:
            await socket.send_json({"type": "reset", "data": {}})
            await socket.receive_json()
            # Four connections: some of them go to the process without the session.
            answers = []
            for _ in range(4):
                async with aiohttp.ClientSession() as another:
                    answers.append((await call(another, "tools/call", **wanted))["result"]["data"])
            assert answers == ["42"] * 4


async def test_a_connection_stays_open_for_longer_than_clients_keep_it(server: ServerProcess) -> None:
    # httpx keeps a connection for 5 s. A server that closes it just then loses the request that is on its way.
    url = httpx.URL(url_of(server))
    reader, writer = await asyncio.open_connection(url.host, url.port)
    for pause in (0, 6):
        await asyncio.sleep(pause)
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
    writer.close()


async def test_frames_are_not_compressed_because_that_costs_the_server_more(server: ServerProcess) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url_of(server)}/ws", compress=15) as socket:
        assert socket.compress == 0


class Half:
    """A request whose head a server has read, and which waits for its body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begin(cls, url: httpx.URL) -> "Half":
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = (
            "POST /v1/episodes HTTP/1.1",
            "host: localhost",
            "content-type: application/json",
            f"content-length: {len(cls.BODY)}",
            "expect: 100-continue",
        )
        writer.write("\r\n".join((*head, "", "")).encode())
        # The server says so once a route wants the body.
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        return cls(reader, writer)

    BODY = b'{"count": 4}'

    async def finish(self) -> str:
        """Send the body; the first line of the answer."""
        self._writer.write(self.BODY)
        answer = await self._reader.read()
        self._writer.close()
        return answer.partition(b"\r\n")[0].decode()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_processes_once_their_requests_are_answered(
    tmp_path: Path, told: signal.Signals
) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db")
    pids, url = children(server), httpx.URL(url_of(server))
    assert len(pids) == 2
    # One for each process.
    halves = [await Half.begin(url) for _ in range(2)]
    # Ctrl-C in a terminal reaches the group of the server, in which the others are not.
    assert os.getpgid(server.child.pid) not in {os.getpgid(pid) for pid in pids}
    server.child.send_signal(told)
    await asyncio.sleep(1)
    assert [await half.finish() for half in halves] == ["HTTP/1.1 200 OK"] * 2
    assert await asyncio.to_thread(server.child.wait, 60) == 0
    assert "Traceback" not in server.end()
    assert not any(alive(pid) for pid in pids)
    async with httpx.AsyncClient(base_url=url) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/health")
    assert not (tmp_path / "arena.db-wal").exists()


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_kill_9_of_a_process_loses_nothing_that_was_answered_and_the_process_is_replaced(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if store == "sqlite":
        place = f"sqlite:///{tmp_path}/arena.db"
    else:
        place = request.getfixturevalue("running_postgres").url(uuid4().hex)
    server = started(store=place, log_level="warning")

    def kill() -> None:
        for number in range(2):
            time.sleep(1)
            before = set(children(server))
            victim = sorted(before)[number]
            os.kill(victim, signal.SIGKILL)
            until(lambda before=before, victim=victim: set(children(server)) - before and not alive(victim))
        time.sleep(1)

    try:
        ledgers = play([url_of(server)], 4, kill, pause=0.05)
        with httpx.Client(base_url=url_of(server)) as http:
            verdicts = sample(http, "forge_verdicts_total")
    finally:
        errors = server.end()
    found = compared(ledgers, place)
    assert [line for ledger in ledgers for line in ledger.wrong] == []
    assert found.answered > 0
    assert (found.lost_episodes, found.lost_verdicts, found.changed) == ([], [], [])
    assert (found.never_sent, found.miscounted) == ([], [])
    assert errors.count('"event": "process_died"') == 2
    # The counts of a process outlive it. A verdict may be stored and not counted if it was killed between the two.
    assert verdicts >= 0.9 * found.answered


def test_the_processes_end_when_the_one_that_listens_is_killed(tmp_path: Path) -> None:
    server = started(store=f"sqlite:///{tmp_path}/arena.db")
    pids, url = children(server), url_of(server)
    with httpx.Client(base_url=url) as http:
        http.get("/health")
        server.end(signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in pids), 40)
    # And the port is free again.
    again = started(store=f"sqlite:///{tmp_path}/arena.db", port=int(url.rpartition(":")[2]))
    assert httpx.get(f"{url_of(again)}/health").status_code == 200
    again.end()


def test_a_rate_holds_for_all_processes_together(tmp_path: Path) -> None:
    token = "player:what a client sends"
    server = started(store=f"sqlite:///{tmp_path}/arena.db", tokens=[token], rate=0.5)
    try:
        clients = Two(server)
        headers = {"authorization": "Bearer what a client sends"}
        # The bucket holds ten seconds of requests: five.
        asked = [client.get("/v1/tools", headers=headers).status_code for client in (clients.a, clients.b) * 5]
        clients.close()
    finally:
        server.end()
    assert asked[:5] == [200] * 5
    assert asked.count(429) >= 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"worker": "psychic"}, "worker: unknown Worker 'psychic'"),
        ({"store": "sqlite:////nowhere/arena.db"}, "store: /nowhere/arena.db: unable to open database file"),
        ({"worker": "forge_arena.workers.scripted:Nobody"}, "has no class 'Nobody'"),
        # An error of the arena, which knows no settings.
        ({"awareness": "unaware"}, "give the mechanism prompt beside them"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_once(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    server = started(**{"store": f"sqlite:///{tmp_path}/arena.db", **settings})
    assert server.child.wait(60) == 1
    crashed = [event for event in events(server) if event["event"] == "crashed"]
    server.end()
    assert len(crashed) == 1
    assert message in crashed[0]["reason"]


async def test_a_server_that_ends_while_a_connection_waits_takes_no_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(Settings(processes=2), listener, lambda: None, tmp_path)
        # A process has failed for good within the moment after which a connection that nobody took is tried again.
        server._stop_taking()
        server._take_connections()
        assert listener.fileno() == -1


def with_module(folder: Path, **settings: Any) -> ServerProcess:
    """A server of two processes whose Worker is in a module of this folder."""
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    asked = {"store": f"sqlite:///{folder}/arena.db", "scenarios": "short", **settings}
    return ServerProcess(*serving(processes=2, log_json=True, **asked), environment={"PYTHONPATH": path}).wait(120)


DIES = """
import os
from forge_arena.workers import ScriptedWorker

class Dies(ScriptedWorker):
    async def start(self):
        os._exit(7)
"""


FAILS = """
from forge_arena.flaws import Flaw
from forge_arena.workers import BadAnswer, ScriptedWorker

class Fails(ScriptedWorker):
    async def start(self):
        raise BadAnswer("it says nothing", Flaw.empty)
"""


def test_a_worker_that_does_not_start_is_said_so_once_whatever_its_error_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "failing_worker.py").write_text(FAILS)
    server = with_module(tmp_path, worker="failing_worker:Fails")
    assert server.child.wait(60) == 1
    log = events(server)
    server.end()
    assert log[-1]["reason"] == "it says nothing"
    assert not any(event["event"] == "process_died" for event in log)


def test_a_process_that_always_dies_before_it_is_ready_is_not_started_for_ever(tmp_path: Path) -> None:
    (tmp_path / "dying_worker.py").write_text(DIES)
    server = with_module(tmp_path, worker="dying_worker:Dies")
    assert server.child.wait(60) == 1
    log = events(server)
    server.end()
    assert "died 3 times before it was ready" in log[-1]["reason"]
    assert not any(event["event"] == "ready" for event in log)
