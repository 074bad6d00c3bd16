"""Whole episodes from a real vLLM behind the real server: opened, judged, through the engine's death, and stopped.

The model has learnt by heart the right answers to two documents, so that what it writes verifies clean.
"""

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from forge_arena.corruptions import breaks_only
from forge_arena.documents.playing import ImportedFamily, load_documents, suite_of
from forge_arena.episodes import Arena
from forge_arena.types import Form, Scenario, Split
from forge_arena.verify import Verifier
from forge_arena.wire import AttemptResult, EpisodeState, OpenedEpisode, OpenedEpisodes, Stats, VerdictResults
from forge_arena.workers.keeper import session_members
from forge_arena.workers.prompts import answer_messages
from forge_arena.workers.scripted import ScriptedWorker

from ..arena.documents.proposed import EXAMPLES, keep_from

EXECUTABLE = os.environ.get("FORGE_ARENA_VLLM", "")
CONTEXT = 1024
CLIENTS = 8

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(not EXECUTABLE, reason="FORGE_ARENA_VLLM names no vllm executable (see tests/vllm_env.sh)"),
]

REASONING = "I read the terms again and copy each figure from its sentence."
# Named so that one falls into train and the other into val.
FAMILIES = {"loan-1": "loan", "warranty-0": "warranty"}
# All that the documents say of their tasks.
ANSWERS = {family: EXAMPLES[name][2] for family, name in FAMILIES.items()}


def right_answer(scenario: Scenario) -> str:
    return ANSWERS[scenario.family]


@dataclass(frozen=True)
class Taught:
    """A checkpoint and the documents whose answers it knows."""

    checkpoint: Path
    file: Path
    documents: tuple[ImportedFamily, ...]

    def scenario(self, key: str) -> Scenario:
        family = self.arena.plan(key).family
        return next(document.scenarios[0] for document in self.documents if document.name == family)

    @property
    def arena(self) -> Arena:
        """The same plans as the server's; its Worker is never asked."""
        return Arena(ScriptedWorker(), sources=self.documents, suite=suite_of(self.documents))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    folder = tmp_path_factory.mktemp("taught")
    lessons, scenarios = [], []
    for family, name in FAMILIES.items():
        text, proposal, _ = EXAMPLES[name]
        kept = keep_from(text, proposal).scenario
        assert kept is not None
        scenario = kept.model_copy(update={"family": family})
        scenarios.append(scenario.model_dump_json())
        answer = f"<think>\n{REASONING}\n</think>\n\n{right_answer(scenario)}"
        lessons.append(json.dumps({"messages": answer_messages(scenario), "answer": answer}))
    (folder / "lessons.jsonl").write_text("\n".join(lessons))
    (folder / "documents.jsonl").write_text("\n".join(scenarios))
    subprocess.run(
        [
            Path(EXECUTABLE).with_name("python"),
            Path(__file__).parents[1] / "tiny_checkpoint.py",
            folder / "model",
            folder / "lessons.jsonl",
        ],
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
    )
    return Taught(folder / "model", folder / "documents.jsonl", load_documents(folder / "documents.jsonl"))


class Server:
    """`forge-arena serve` with a Worker of its own, in a child that has a folder for temporary files to itself."""

    def __init__(self, taught: Taught, home: Path) -> None:
        # Short: the sockets of vLLM lie in it, and the path of a socket has at most 107 characters.
        self.temporary = Path(tempfile.mkdtemp(prefix="fa-"))
        self.log = home / "server.log"
        command = [str(Path(sys.executable).with_name("forge-arena")), "serve", "--port", "0"]
        command += ["--worker", f"vllm:{taught.checkpoint}", "--documents", str(taught.file)]
        command += ["--store", f"sqlite:///{home}/arena.db"]
        command += ["--vllm", EXECUTABLE, "--vllm-args", f"--max-model-len {CONTEXT} --max-num-seqs 16"]
        with self.log.open("w") as log:
            self.child = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    **os.environ,
                    "FORGE_ARENA_STOCK": "8",
                    "HF_HUB_OFFLINE": "1",
                    # For the log of vLLM; what vLLM knows of models, which takes it long to find out, stays where it is.
                    "HOME": str(home),
                    "VLLM_CACHE_ROOT": os.environ.get("VLLM_CACHE_ROOT", str(Path.home() / ".cache" / "vllm")),
                    "TMPDIR": str(self.temporary),
                    "VLLM_CPU_KVCACHE_SPACE": "1",
                },
            )
        assert self.child.stdout is not None
        readable, _, _ = select.select([self.child.stdout], [], [], 180)
        self.line = self.child.stdout.readline().strip() if readable else ""
        self.url = self.line.rpartition(" ")[2]

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=60.0, trust_env=False)

    def engine(self) -> int | None:
        """The session of vLLM, which one child of the server leads; None while there is none."""
        for pid, parent in parents().items():
            if parent == self.child.pid and os.getsid(pid) == pid:
                return pid
        return None

    def processes(self) -> set[int]:
        """Everything that descends from the server."""
        found = {self.child.pid}
        known = parents()
        while more := {pid for pid, parent in known.items() if parent in found} - found:
            found |= more
        return found


def parents() -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state not in "ZX":
                found[int(entry.name)] = int(parent)
    return found


@pytest.fixture(scope="module")
def server(taught: Taught, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(taught, tmp_path_factory.mktemp("home"))
    try:
        assert server.line.startswith("ForgeArena is ready at http://127.0.0.1:"), server.log.read_text()[-4_000:]
        yield server
    finally:
        server.child.terminate()
        server.child.communicate(timeout=60)
        shutil.rmtree(server.temporary, ignore_errors=True)


async def open_keys(http: httpx.AsyncClient, *keys: str, attempts: int = 1) -> httpx.Response:
    return await http.post("/v1/episodes", json={"keys": keys, "attempts": attempts})


def opened(response: httpx.Response) -> tuple[OpenedEpisode, ...]:
    assert response.status_code == 200, response.text
    return OpenedEpisodes.model_validate_json(response.content).episodes


async def give(http: httpx.AsyncClient, episode: OpenedEpisode, detection: bool, attempt: int = 0) -> AttemptResult:
    verdict = {"detection": detection, "explanation": "By its figures.", "correction": "", "confidence": 0.8}
    body = {"verdicts": [{"episode_id": episode.episode_id, "attempt": attempt, "verdict": verdict}]}
    response = await http.post("/v1/verdicts", json=body)
    assert response.status_code == 200, response.text
    return VerdictResults.model_validate_json(response.content).results[0]


async def stats(http: httpx.AsyncClient) -> Stats:
    return Stats.model_validate_json((await http.get("/v1/stats")).content)


def test_the_learnt_answers_are_right(taught: Taught) -> None:
    assert {document.split for document in taught.documents} == {Split.train, Split.val}
    for document in taught.documents:
        (scenario,) = document.scenarios
        assert Verifier(scenario).verify(right_answer(scenario)).clean
        assert len(document.corruptions) >= 4


async def test_episodes_carry_the_models_answer_and_a_label_that_its_text_bears_out(
    server: Server, taught: Taught
) -> None:
    keys = [taught.arena.key(Split.train, n) for n in range(16)] + [taught.arena.key(Split.val, n) for n in range(8)]
    waiting = iter(keys)
    answers: dict[str, OpenedEpisode] = {}

    async def client() -> None:
        async with server.client() as http:
            for key in waiting:
                (answers[key],) = opened(await open_keys(http, key))

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    assert sorted(answers) == sorted(keys)
    corrupted = 0
    async with server.client() as http:
        for number, (key, episode) in enumerate(answers.items()):
            plan, scenario, seen = taught.arena.plan(key), taught.scenario(key), episode.observation
            verifier = Verifier(scenario)
            assert (seen.task, seen.source_material) == (scenario.task, scenario.source_material)

            right = number % 3 != 0
            result = await give(http, episode, plan.corrupted == right)
            assert result.outcome == "scored"
            assert result.reward is not None
            assert result.components is not None
            assert result.components.detection == right
            assert result.truth is not None
            assert result.truth.clean_output == right_answer(scenario)
            assert result.truth.corrupted == plan.corrupted
            assert result.truth.form is plan.form
            assert seen.worker_reasoning.startswith(REASONING)
            if not plan.corrupted:
                assert (seen.worker_output == right_answer(scenario)) is (plan.form is Form.clean)
                assert verifier.verify(seen.worker_output).clean
                continue
            corrupted += 1
            assert result.truth.target is not None
            assert result.truth.corruption_type == plan.corruption_type
            assert breaks_only(verifier, seen.worker_output, scenario.claim(result.truth.target))
    assert 8 <= corrupted <= 16


@dataclass
class Told:
    """What the clients were told."""

    opened: list[OpenedEpisode] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    results: dict[str, list[AttemptResult]] = field(default_factory=dict)

    async def ask(self, http: httpx.AsyncClient, *keys: str) -> bool:
        """Whether all of them were opened; what was not must say so in the one way that is no score."""
        response = await open_keys(http, *keys, attempts=2)
        if response.status_code == 503:
            error = response.json()["error"]
            assert (error["code"], error["outcome"]) == ("worker_failed", "worker_failed")
            assert int(response.headers["retry-after"]) > 0
            self.refused += keys
            return False
        self.opened += opened(response)
        failed = response.json()["failed"]
        assert {one["outcome"] for one in failed} <= {"worker_failed"}
        self.refused += [one["key"] for one in failed]
        return not failed

    async def send_verdict(
        self, http: httpx.AsyncClient, episode: OpenedEpisode, detection: bool, attempt: int
    ) -> None:
        result = await give(http, episode, detection, attempt)
        assert result.outcome == "scored"
        # With the last attempt comes the truth, which a later look shows with the last result only.
        self.results.setdefault(episode.episode_id, []).append(result)


class Watch(Thread):
    """Looks at health and stats all the time, from a thread that waits for nothing else, and keeps how long it took."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.enough = Event()
        self.seconds: list[float] = []
        self.statuses: set[int] = set()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30.0, trust_env=False) as http:
            while not self.enough.wait(0.1):
                for path in ("/health", "/v1/stats"):
                    began = time.monotonic()
                    self.statuses.add(http.get(path).status_code)
                    self.seconds.append(time.monotonic() - began)


async def test_the_death_of_the_engine_scores_nothing_loses_nothing_and_passes(server: Server, taught: Taught) -> None:
    told, watch = Told(), Watch(server.url)
    arena = taught.arena
    fresh = (arena.key(split, n) for n in range(1_000, 100_000) for split in (Split.train, Split.val))
    over = asyncio.Event()

    async def client(number: int) -> None:
        async with server.client() as http:
            while not over.is_set():
                if not await told.ask(http, *(next(fresh) for _ in range(1 + number % 3))):
                    # What Retry-After asks for.
                    await asyncio.sleep(5.0)

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(server.client())
        before = await stats(http)
        first = list(opened(await open_keys(http, *(arena.key(Split.train, 500 + n) for n in range(6)), attempts=2)))
        told.opened += first
        for episode in first:
            await told.send_verdict(http, episode, True, 0)

        watch.start()
        clients = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
        while len(told.opened) < 30:
            await asyncio.sleep(0.01)
            assert not any(task.done() for task in clients)
        session = server.engine()
        assert session is not None
        (core,) = [pid for pid, command in session_members(session).items() if "EngineCore" in command]
        os.kill(core, signal.SIGKILL)
        killed = time.monotonic()

        own = arena.key(Split.train, 600)
        while not told.refused:
            await told.ask(http, own)
            assert time.monotonic() - killed < 10

        # What is made already needs no Worker: verdicts, episodes, and the stock.
        for episode in first:
            await told.send_verdict(http, episode, False, 1)
            assert (await http.get(f"/v1/episodes/{episode.episode_id}")).status_code == 200
        last = told.opened[-1]
        question = {"question": "Which figure did you copy?"}
        probed = await http.post(f"/v1/episodes/{last.episode_id}/probe", json=question)
        assert (probed.status_code, probed.json()["error"]["outcome"]) == (503, "worker_failed")
        from_stock = await http.post("/v1/episodes", json={"count": 2, "attempts": 2})
        told.opened += opened(from_stock)

        while not await told.ask(http, own):
            await asyncio.sleep(0.2)
            assert time.monotonic() - killed < 120, server.log.read_text()[-2_000:]
        outage = time.monotonic() - killed
        over.set()
        await asyncio.gather(*clients)
        watch.enough.set()
        await asyncio.to_thread(watch.join)
        print(
            f"down for {outage:.0f} s; {len(told.opened)} opened, {len(told.refused)} refused; "
            f"{len(watch.seconds)} looks, the slowest {[round(s, 3) for s in sorted(watch.seconds)[-5:]]} s"
        )

        assert server.engine() not in (None, session)
        assert not session_members(session)
        assert len(told.refused) > CLIENTS
        assert watch.statuses == {200}
        # Two cores shared with an engine that takes all it gets: a look may have to wait for a core, never for vLLM.
        assert sum(seconds > 1.0 for seconds in watch.seconds) <= 0.01 * len(watch.seconds)
        assert max(watch.seconds) < 5.0
        probed = await http.post(f"/v1/episodes/{last.episode_id}/probe", json=question)
        assert probed.status_code == 200, probed.text

        by_key = {episode.key: episode.observation for episode in told.opened}
        again = [*told.refused[:50], *list(by_key)[:10]]
        for start in range(0, len(again), 32):
            response = await open_keys(http, *again[start : start + 32], attempts=2)
            assert response.json()["failed"] == []
            told.opened += opened(response)
        for episode in told.opened:
            assert episode.observation == by_key.setdefault(episode.key, episode.observation)

        for episode in told.opened:
            state = EpisodeState.model_validate_json((await http.get(f"/v1/episodes/{episode.episode_id}")).content)
            if episode.episode_id != last.episode_id:
                assert state.observation == episode.observation
            assert list(state.results) == told.results.get(episode.episode_id, [])
        after = await stats(http)
        assert sum(after.episodes.values()) - sum(before.episodes.values()) == len(told.opened)
        given = sum(map(len, told.results.values()))
        assert sum(after.verdicts.values()) - sum(before.verdicts.values()) == given
        assert set(after.verdicts) == {"scored"}


async def test_sigterm_leaves_no_process_and_no_temporary_file(server: Server, taught: Taught) -> None:
    async with server.client() as http:
        keys = [taught.arena.key(Split.val, 900 + n) for n in range(12)]
        opened(await open_keys(http, keys[0]))
        session, processes = server.engine(), server.processes()
        assert session is not None
        assert len(session_members(session)) >= 3
        assert set(session_members(session)) < processes
        assert list(server.temporary.iterdir())

        asked = [asyncio.create_task(open_keys(http, key)) for key in keys[1:]]
        await asyncio.sleep(0.1)
        server.child.send_signal(signal.SIGTERM)
        for response in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(response, httpx.Response):
                assert response.status_code == 200 or response.json()["error"]["code"] in ("worker_failed", "starting")
            else:
                assert isinstance(response, httpx.TransportError)
    code = await asyncio.to_thread(server.child.wait, 45)
    assert code in (0, -signal.SIGTERM)
    assert not session_members(session)
    assert not processes & set(parents())
    assert list(server.temporary.iterdir()) == []
    assert "Traceback" not in server.log.read_text()
