"""A real vLLM on a tiny random checkpoint: it starts, answers, dies, comes back, and leaves nothing behind.

Set FORGE_ARENA_VLLM to a vllm executable; tests/vllm_env.sh makes one for the CPU.

On a CPU each start takes half a minute, because three processes import vLLM one after the other. So all engines of this
file start at once, two at a time, and the tests look at what became of them. What needs more starts than that (an engine
that is restarted again and again) is tested with a played engine in tests/arena/workers/test_supervision.py.
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
from dataclasses import dataclass
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
    """A process that starts a Worker and says when it is ready."""
    return subprocess.Popen([sys.executable, "-c", PARENT, *arguments], stdout=subprocess.PIPE)


def sessions_under(parent: int) -> list[int]:
    """The sessions that the children of a process lead."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    return [pid for pid in children if os.getsid(pid) == pid]


# Starts that must fail: the Worker's settings, and what the refusal says.
FAILED_STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "a context that the model lacks": (
        {"args": ["--max-model-len", "999999"]},
        r"^vLLM did not start: exit code .*max_model_len \(999999\) is greater than the derived max_model_len",
    ),
    "an unknown flag": (
        {"args": ["--no-such-flag"]},
        "^vLLM did not start: exit code .*error: unrecognized arguments: --no-such-flag",
    ),
    "a model that is not there": ({"model": "/no/such/model"}, "^vLLM did not start: exit code .*'/no/such/model'"),
    "a model that cannot chat": ({"without": "chat_template.jinja"}, "^vLLM is up but does not chat: .*chat template"),
    "a start that takes too long": ({"start_timeout": 6.0}, "^vLLM was not ready after 6 s; it last said: "),
    "a start that is called off": ({"close_after": 3.0}, "^the vLLM engine (is starting|was stopped)"),
}


@dataclass
class Starts:
    """The engines of this file, after each has started or failed to. `refusals` are by the names of FAILED_STARTS."""

    worker: VLLMWorker
    progress: list[str]
    parent: subprocess.Popen[bytes]
    refusals: dict[str, WorkerFailed]
    logs: dict[str, Path]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def starts(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Starts]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="fa-") as temporary:
        # Short, because the sockets of vLLM lie in it, and the path of a socket has at most 107 characters.
        patch.setattr(tempfile, "tempdir", temporary)
        patch.setenv("TMPDIR", temporary)
        logs = {name: tmp_path_factory.mktemp("log") / "deep" / "vllm.log" for name in (*FAILED_STARTS, "up", "parent")}
        progress: list[str] = []
        worker = build(
            checkpoint, logs["up"], on_progress=progress.append, progress_every=1.0, hang_after=8.0, chat_deadline=5.0
        )
        parent = start_parent(checkpoint, EXECUTABLE, str(logs["parent"]))
        two_at_a_time = asyncio.Semaphore(2)

        async def start_worker() -> None:
            async with two_at_a_time:
                await worker.start()

        async def wait_for_parent() -> None:
            async with two_at_a_time:
                assert parent.stdout is not None
                assert await asyncio.to_thread(parent.stdout.readline) == b"ready\n"

        async def refusal(name: str) -> WorkerFailed:
            settings = dict(FAILED_STARTS[name][0])
            close_after = settings.pop("close_after", None)
            model = settings.pop("model", checkpoint)
            if without := settings.pop("without", None):
                model = str(shutil.copytree(checkpoint, tmp_path_factory.mktemp("broken") / "model"))
                (Path(model) / without).unlink()
            async with two_at_a_time, closing(build(model, logs[name], **settings)) as failing:
                starting = asyncio.ensure_future(failing.start())
                if close_after is not None:
                    await asyncio.sleep(close_after)
                    await failing.aclose()
                try:
                    await starting
                except WorkerFailed as failed:
                    return failed
            pytest.fail(f"a Worker has started with {name}")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(start_worker())
                group.create_task(wait_for_parent())
                refusals = {name: group.create_task(refusal(name)) for name in FAILED_STARTS}
            yield Starts(worker, progress, parent, {name: task.result() for name, task in refusals.items()}, logs)
        finally:
            parent.kill()
            parent.communicate()
            session = worker.pid
            await worker.aclose()
            assert session is None or not session_members(session)
            await until(lambda: not private_folders())


@pytest.fixture(scope="module")
def worker(starts: Starts) -> VLLMWorker:
    return starts.worker


def private_folders() -> set[Path]:
    """The folders of engines, in the folder for temporary files that the engines of this file have to themselves."""
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


async def test_it_starts_with_progress_and_answers(starts: Starts) -> None:
    worker, progress = starts.worker, starts.progress
    assert isinstance(worker, Worker)
    assert any(re.match(r"vLLM is starting, \d+ s: .", line) for line in progress)
    assert re.search(r"serves .* at http://127\.0\.0\.1:\d+/v1 after \d+ s", progress[-1])
    answer = await worker.answer(scenario(), Random(1))
    assert answer.output


@pytest.mark.parametrize("name", FAILED_STARTS)
async def test_a_failed_start_shows_the_useful_line_and_is_cleared_away(starts: Starts, name: str) -> None:
    reason = starts.refusals[name].reason
    assert re.search(FAILED_STARTS[name][1], reason)
    assert "\n" not in reason
    assert reason.endswith(f"(log: {starts.logs[name]})") == (name != "a start that is called off")
    # Those of the Worker that runs and of the parent's.
    assert len(private_folders()) <= 2


async def test_nothing_outlives_a_parent_that_is_killed_when_it_is_ready(starts: Starts) -> None:
    folders = private_folders()
    assert len(folders) == 2
    (session,) = sessions_under(starts.parent.pid)
    # The keeper, vLLM's server, its engine and the engine's worker.
    assert len(session_members(session)) >= 4
    starts.parent.kill()
    await until(lambda: not session_members(session))
    await until(lambda: len(private_folders()) == 1)


async def test_nothing_outlives_a_parent_that_is_killed_while_it_starts(
    starts: Starts, checkpoint: str, tmp_path: Path
) -> None:
    folders = private_folders()
    with start_parent(checkpoint, EXECUTABLE, str(tmp_path / "vllm.log")) as parent:
        await until(lambda: bool(sessions_under(parent.pid)))
        (session,) = sessions_under(parent.pid)
        await until(lambda: len(session_members(session)) >= 2)
        # Into the imports of vLLM.
        await asyncio.sleep(3.0)
        assert len(session_members(session)) >= 2
        parent.kill()
        await until(lambda: not session_members(session))
    await until(lambda: private_folders() == folders)


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


async def test_an_engine_that_hangs_is_restarted_though_its_health_is_well(worker: VLLMWorker) -> None:
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


async def test_a_killed_engine_fails_what_it_was_asked_and_can_be_stopped_while_it_restarts(starts: Starts) -> None:
    """That a killed engine comes back, and that nothing is lost by its death, is in test_vllm_episodes.py."""
    worker = starts.worker
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
    assert [outcome for outcome in outcomes if isinstance(outcome, WorkerFailed)]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Answer | WorkerFailed)] == []

    await until(lambda: worker.pid is None)
    began = time.monotonic()
    with pytest.raises(WorkerFailed, match="the vLLM engine is restarting") as down:
        await worker.answer(scenario(), Random(1))
    assert time.monotonic() - began < 0.2
    assert "\n" not in down.value.reason

    await until(lambda: starts.logs["up"].read_text().count("--- 20") == 3)
    assert private_folders()
    assert not session_members(session)
    await worker.aclose()
    assert not private_folders()
    with pytest.raises(WorkerFailed, match=r"was stopped: call start\(\)"):
        await worker.answer(scenario(), Random(1))


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
