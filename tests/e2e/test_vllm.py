"""A real vLLM on a tiny random checkpoint: it starts, answers, dies, comes back, and leaves nothing behind.

Set FORGE_ARENA_VLLM to a vllm executable; tests/vllm_env.sh makes one for the CPU.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import pytest_asyncio

from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, Claim, ClaimKind, Domain, Probe, Scenario
from forge_arena.workers.base import Worker
from forge_arena.workers.keeper import session_members
from forge_arena.workers.vllm import VLLMWorker

EXECUTABLE = os.environ.get("FORGE_ARENA_VLLM", "")
ENV = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(not EXECUTABLE, reason="FORGE_ARENA_VLLM names no vllm executable (see tests/vllm_env.sh)"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tiny-qwen2")
    python = Path(EXECUTABLE).with_name("python")
    script = Path(__file__).parents[1] / "tiny_checkpoint.py"
    subprocess.run([python, script, folder], check=True, env={**os.environ, **ENV}, capture_output=True)
    return str(folder)


def build(checkpoint: str, log: Path, **settings: Any) -> VLLMWorker:
    defaults: dict[str, Any] = {
        "executable": EXECUTABLE,
        "env": ENV,
        "log": log,
        "start_timeout": 240.0,
        "timeout": 60.0,
        "max_tokens": 512,
        # A random model may end at once; an empty answer would be a failure.
        "extra": {"min_tokens": 8},
    }
    return VLLMWorker(checkpoint, **(defaults | settings))


@pytest.fixture(scope="module")
def progress() -> list[str]:
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(
    checkpoint: str, tmp_path_factory: pytest.TempPathFactory, progress: list[str]
) -> AsyncIterator[VLLMWorker]:
    log = tmp_path_factory.mktemp("log") / "vllm.log"
    worker = build(checkpoint, log, on_progress=progress.append, progress_every=1.0)
    await worker.start()
    yield worker
    session = session_of(worker)
    await worker.aclose()
    assert not session_members(session)


def private_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("forge-vllm-*"))


def scenario(number: int = 0) -> Scenario:
    return Scenario(
        family="refund",
        domain=Domain.customer_support,
        task="Tell the customer when the refund arrives.",
        source_material=f"Refunds take 5 to 7 business days. Case R-{number} was confirmed.",
        claims=(Claim(id="case", kind=ClaimKind.identifier, alternatives=()),),
    )


def session_of(worker: VLLMWorker) -> int:
    assert worker.pid is not None
    return worker.pid


def engine_cores(worker: VLLMWorker) -> list[int]:
    """The processes that hold the model. vLLM gives them titles."""
    return [pid for pid, command in session_members(session_of(worker)).items() if "EngineCore" in command]


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    for _ in range(round(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not so after {seconds:g} s")


@asynccontextmanager
async def closing(worker: VLLMWorker) -> AsyncIterator[VLLMWorker]:
    try:
        yield worker
    finally:
        await worker.aclose()


async def test_it_starts_with_progress_and_answers(worker: VLLMWorker, progress: list[str]) -> None:
    assert isinstance(worker, Worker)
    assert any(re.match(r"vLLM is starting, \d+ s: .", line) for line in progress)
    assert re.search(r"serves .* at http://127\.0\.0\.1:\d+/v1 after \d+ s", progress[-1])
    answer = await worker.answer(scenario(), Random(1))
    assert answer.output


async def test_starting_what_runs_returns_at_once(worker: VLLMWorker) -> None:
    session = session_of(worker)
    await asyncio.wait_for(worker.start(), 0.5)
    assert session_of(worker) == session


async def test_it_answers_probes(worker: VLLMWorker) -> None:
    probes = (Probe(question="Sure?", answer="Yes."),)
    written = Answer(reasoning="Hm.", output="It takes 5 days.")
    assert await worker.reply(scenario(), written, probes, "Why?", Random(1))


async def test_the_same_rng_gives_the_same_answer_alone_and_under_load(worker: VLLMWorker) -> None:
    together = await asyncio.gather(*(worker.answer(scenario(n), Random(n)) for n in range(8)))
    assert len({answer.output for answer in together}) > 1
    for n in (0, 7):
        assert await worker.answer(scenario(n), Random(n)) == together[n]


async def test_many_long_seeded_prompts_do_not_end_the_cpu_engine(worker: VLLMWorker) -> None:
    session = session_of(worker)
    long = [scenario(n).model_copy(update={"source_material": f"{n} refunds. " * 190}) for n in range(24)]
    answers = await asyncio.gather(*(worker.answer(item, Random(n)) for n, item in enumerate(long)))
    assert all(answer.output for answer in answers)
    assert session_of(worker) == session


async def test_a_prompt_longer_than_the_context_fails_saying_so(worker: VLLMWorker) -> None:
    huge = scenario().model_copy(update={"source_material": "x" * 10_000})
    with pytest.raises(WorkerFailed, match="the prompt is longer than the context of"):
        await worker.answer(huge, Random(1))
    assert (await worker.answer(scenario(), Random(1))).output


async def test_a_killed_engine_fails_what_it_was_asked_and_comes_back(worker: VLLMWorker) -> None:
    before = await worker.answer(scenario(3), Random(3))
    session = session_of(worker)
    asked = [asyncio.ensure_future(worker.answer(scenario(n), Random(n))) for n in range(200)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    cores = engine_cores(worker)
    assert cores
    for pid in cores:
        os.kill(pid, signal.SIGKILL)

    began = time.monotonic()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert time.monotonic() - began < 30
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, WorkerFailed)]
    assert failed
    assert [outcome for outcome in outcomes if not isinstance(outcome, Answer | WorkerFailed)] == []

    await until(lambda: worker.pid is None)
    began = time.monotonic()
    with pytest.raises(WorkerFailed, match="the vLLM engine is restarting") as down:
        await worker.answer(scenario(), Random(1))
    assert time.monotonic() - began < 0.2
    assert "\n" not in down.value.reason

    await worker.start()
    assert session_of(worker) != session
    assert not session_members(session)
    assert await worker.answer(scenario(3), Random(3)) == before
    assert all(
        answer.output for answer in await asyncio.gather(*(worker.answer(scenario(n), Random(n)) for n in failed))
    )


async def test_an_engine_that_hangs_is_restarted_though_its_health_is_well(checkpoint: str, tmp_path: Path) -> None:
    hasty = build(checkpoint, tmp_path / "vllm.log", hang_after=5.0, chat_deadline=5.0)
    async with closing(hasty) as worker:
        await worker.start()
        before = await worker.answer(scenario(3), Random(3))
        session = session_of(worker)
        cores = engine_cores(worker)
        assert cores
        for pid in cores:
            os.kill(pid, signal.SIGSTOP)
        asked = [asyncio.ensure_future(worker.answer(scenario(n), Random(n))) for n in range(24)]
        await asyncio.sleep(3.0)
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{str(worker.url).removesuffix('/v1')}/health")).status_code == 200
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(outcome, WorkerFailed) and "it hangs" in outcome.reason for outcome in outcomes)
        await worker.start()
        assert session_of(worker) != session
        assert not session_members(session)
        assert await worker.answer(scenario(3), Random(3)) == before


async def test_an_engine_that_keeps_ending_is_left_down_until_it_is_started_again(
    checkpoint: str, tmp_path: Path
) -> None:
    folders = private_folders()
    model = tmp_path / "model"
    shutil.copytree(checkpoint, model)
    async with closing(build(str(model), tmp_path / "vllm.log", max_restarts=1, first_pause=0.1)) as worker:
        await worker.start()
        session = session_of(worker)
        model.rename(tmp_path / "away")
        os.kill(session, signal.SIGKILL)
        await until(lambda: worker.pid is None)
        with pytest.raises(WorkerFailed, match=r"restarted 1 times .* left down until .*: vLLM did not start: "):
            await worker.start()
        assert not session_members(session)
        with pytest.raises(WorkerFailed, match="left down until start"):
            await worker.answer(scenario(), Random(1))

        (tmp_path / "away").rename(model)
        await worker.start()
        assert (await worker.answer(scenario(), Random(1))).output
        session = session_of(worker)
    assert not session_members(session)
    await until(lambda: private_folders() <= folders)
    with pytest.raises(WorkerFailed, match=r"was stopped: call start\(\)"):
        await worker.answer(scenario(), Random(1))
    assert (tmp_path / "vllm.log").read_text().count("--- 20") == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"args": ["--max-model-len", "999999"]},
            r"max_model_len \(999999\) is greater than the derived max_model_len",
        ),
        ({"args": ["--no-such-flag"]}, "error: unrecognized arguments: --no-such-flag"),
    ],
)
async def test_a_failed_start_shows_the_useful_line(
    checkpoint: str, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    folders = private_folders()
    log = tmp_path / "deep" / "vllm.log"
    async with closing(build(checkpoint, log, **settings)) as worker:
        with pytest.raises(WorkerFailed, match=said) as failed:
            await worker.start()
    assert failed.value.reason.startswith("vLLM did not start: exit code ")
    assert failed.value.reason.endswith(f"(log: {log})")
    assert "\n" not in failed.value.reason
    await until(lambda: private_folders() <= folders)


async def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with closing(build("/no/such/model", tmp_path / "vllm.log")) as worker:
        with pytest.raises(WorkerFailed, match="'/no/such/model'"):
            await worker.start()


async def test_a_model_that_cannot_chat_is_not_ready_though_it_is_healthy(checkpoint: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(checkpoint, model)
    (model / "chat_template.jinja").unlink()
    async with closing(build(str(model), tmp_path / "vllm.log")) as worker:
        with pytest.raises(WorkerFailed, match=r"vLLM is up but does not chat: .*chat template"):
            await worker.start()


async def test_a_start_that_takes_too_long_is_given_up_and_cleared_away(checkpoint: str, tmp_path: Path) -> None:
    folders = private_folders()
    async with closing(build(checkpoint, tmp_path / "vllm.log", start_timeout=6.0)) as worker:
        with pytest.raises(WorkerFailed, match="vLLM was not ready after 6 s; it last said: "):
            await worker.start()
    await until(lambda: private_folders() <= folders)


async def test_a_start_can_be_called_off(checkpoint: str, tmp_path: Path) -> None:
    folders = private_folders()
    worker = build(checkpoint, tmp_path / "vllm.log")
    starting = asyncio.ensure_future(worker.start())
    await asyncio.sleep(3.0)
    await worker.aclose()
    with pytest.raises(WorkerFailed):
        await starting
    await until(lambda: private_folders() <= folders)


PARENT = """
import asyncio, sys
from forge_arena.workers.vllm import VLLMWorker

async def main():
    worker = VLLMWorker(sys.argv[1], executable=sys.argv[2], log=sys.argv[3], env={"VLLM_CPU_KVCACHE_SPACE": "1"})
    await worker.start()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def start_parent(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PARENT, *arguments], stdout=subprocess.PIPE)


def sessions_under(parent: int) -> list[int]:
    """The sessions that the children of a process lead."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    return [pid for pid in children if os.getsid(pid) == pid]


@pytest.mark.parametrize("when", ["while it starts", "when it is ready"])
async def test_nothing_outlives_a_parent_that_is_killed(checkpoint: str, tmp_path: Path, when: str) -> None:
    folders = private_folders()
    parent = start_parent(checkpoint, EXECUTABLE, str(tmp_path / "vllm.log"))
    assert parent.stdout is not None
    with parent, parent.stdout:
        if when == "when it is ready":
            assert await asyncio.to_thread(parent.stdout.readline) == b"ready\n"
        else:
            await asyncio.sleep(12.0)
        (session,) = sessions_under(parent.pid)
        assert len(session_members(session)) >= 2
        parent.kill()
        await until(lambda: not session_members(session))
    await until(lambda: private_folders() <= folders)


async def test_a_command_that_is_not_there_fails_saying_what_to_do() -> None:
    worker = VLLMWorker("model", executable="no-such-vllm")
    with pytest.raises(WorkerFailed, match="no command 'no-such-vllm' to run vLLM with: install vllm, or name"):
        await worker.start()
    await worker.aclose()


async def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        worker = VLLMWorker("model", executable=EXECUTABLE, port=taken.getsockname()[1])
        with pytest.raises(WorkerFailed, match=r"port \d+ for vLLM cannot be had"):
            await worker.start()
        await worker.aclose()
