"""`forge-arena bank --engine ray` with a real Ray on this machine: the local bank again, and nothing lost by a kill.

Run by `make test-ray`, in an environment that has Ray; skipped where it is missing.
"""

import asyncio
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from forge_arena.banking import Filling, fill
from forge_arena.types import Split
from forge_arena.workers.bank import Bank, BankWorker

from ..brain import Brain, completion, refusal
from ..lessons import Lessons, question
from .test_vllm_episodes import ANSWERS, Taught, taught

__all__ = ["taught"]

VLLM = os.environ.get("FORGE_ARENA_VLLM", "")
ACTORS, CONCURRENCY = 2, 4

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (see make test-ray)"),
]

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("FORGE_ARENA_", "RAY_"))},
    "COLUMNS": "200",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
}


def command(file: Path, worker: str, count: int, *more: str, engine: str = "ray") -> list[str]:
    start = [sys.executable, "-m", "forge_command", "bank", str(file), "--worker", worker, "--count", str(count)]
    ray = ("--engine", "ray", "--actors", str(ACTORS)) if engine == "ray" else ()
    return [*start, "--concurrency", str(CONCURRENCY), *ray, *more]


def run(
    file: Path, worker: str, count: int, *more: str, engine: str = "ray", code: int = 0, **environ: str
) -> tuple[dict[str, Any], str]:
    """What the command gives as JSON, and what it says."""
    done = subprocess.run(
        [*command(file, worker, count, *more, engine=engine), "--json", "-"],
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT | environ,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout or "{}") | {"bank": ""}, done.stderr


def records(file: Path) -> dict[str, dict[str, Any]]:
    """What a bank holds, but for the time at which it was answered."""
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert len({line["key"] for line in lines}) == len(lines)
    return {line["key"]: {name: value for name, value in line.items() if name != "at"} for line in lines}


def lessons(folder: Path, count: int) -> dict[str, str]:
    """What a brain must know to answer `count` keys rightly, by what it is asked."""
    worker = Lessons()
    filling = Filling(worker="scripted", split=Split.train, count=count)
    with Bank(folder / "lessons.bank") as bank:
        asyncio.run(fill(filling.arena(BankWorker(bank, worker), *filling.sources()), filling))
    return worker.answers


def teach(brain: Brain, answers: dict[str, str], *, but: int = 0) -> None:
    """Let the brain answer by heart, after a moment; every `but`-th seed it refuses."""

    async def react(body: dict[str, Any]) -> Response:
        await asyncio.sleep(0.02)
        if body["max_tokens"] == 1:
            return completion("Yes.")
        if but and body["seed"] % but == 0:
            return refusal(400, "not this one")
        return completion(answers[question(body)])

    brain.reactions = [react]


def asked(brain: Brain) -> Counter[str]:
    """How often each question was put, but for the one whether the brain is there."""
    return Counter(question(body) for body in brain.seen if body["max_tokens"] > 1)


def descendants(pid: int) -> set[int]:
    parents: dict[int, set[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(parent, set()).add(int(folder.name))
    found, new = set(), {pid}
    while new:
        found |= new
        new = set().union(*(parents.get(member, set()) for member in new)) - found
    return found - {pid}


def listening(pids: set[int]) -> set[str]:
    """The addresses at which these processes listen, as the kernel writes them."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(descriptor)))
            except OSError:
                continue
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def mentioned(text: str) -> bool:
    """Whether any process has the text on its command line."""
    found = False
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found |= text.encode() in path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def until(true: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so after {seconds:g} s"
        time.sleep(0.05)


def test_the_bank_is_the_local_one_record_for_record(tmp_path: Path) -> None:
    local, _ = run(tmp_path / "local.bank", "scripted", 120, engine="local")
    ray, said = run(tmp_path / "ray.bank", "scripted", 120)
    assert ray == local
    assert local["failed"] == 0
    assert records(tmp_path / "ray.bank") == records(tmp_path / "local.bank")
    assert not (tmp_path / "ray.bank.d").exists()
    assert "ray.bank: 120 of 120 episodes" in said


def test_failures_of_an_endpoint_are_counted_as_locally_and_never_recorded(tmp_path: Path, brain: Brain) -> None:
    teach(brain, lessons(tmp_path, 60), but=5)
    worker = f"openai:brain@{brain.url}"
    local, _ = run(tmp_path / "local.bank", worker, 60, engine="local")
    asked_locally = asked(brain)
    brain.seen.clear()
    ray, _ = run(tmp_path / "ray.bank", worker, 60)
    assert {**ray, "last_failure": ""} == {**local, "last_failure": ""}
    assert asked(brain) == asked_locally
    assert records(tmp_path / "ray.bank") == records(tmp_path / "local.bank")
    assert 0 < ray["failed"] < 30
    assert ray["recorded"] + ray["failed"] == asked(brain).total()


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, brain: Brain) -> None:
    answers = lessons(tmp_path, 300)
    teach(brain, answers)
    worker = f"openai:brain@{brain.url}"
    file = tmp_path / "ray.bank"
    driver = subprocess.Popen(command(file, worker, 300), env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    until(lambda: asked(brain).total() > 60 or driver.poll() is not None)
    family = descendants(driver.pid)
    assert len(family) >= ACTORS
    assert listening(family | {driver.pid}) <= LOOPBACK
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    assert 60 < asked(brain).total() < len(answers) / 2

    # At once: its actors live a moment longer than the driver, and what they write then counts too.
    result, _ = run(file, worker, 300)
    assert (result["answers"], result["failed"]) == (len(answers), 0)
    assert set(asked(brain)) == set(answers)
    assert asked(brain).total() - len(answers) <= ACTORS * CONCURRENCY
    assert not (tmp_path / "ray.bank.d").exists()
    run(tmp_path / "local.bank", worker, 300, engine="local")
    assert records(file) == records(tmp_path / "local.bank")


def test_an_endpoint_that_is_down_ends_it_with_the_reason(tmp_path: Path) -> None:
    _, said = run(tmp_path / "ray.bank", "openai:brain@http://127.0.0.1:9/v1", 40, code=2)
    assert "no connection to http://127.0.0.1:9/v1 (5 tries): is the server running" in " ".join(said.split())
    assert (tmp_path / "ray.bank").read_text().count("\n") == 1


@pytest.fixture
def fake_vllm(tmp_path: Path) -> Path:
    """Notes which GPUs it may see, and fails as a vLLM does that finds none."""
    program = tmp_path / "vllm"
    program.write_text(
        f'#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES" >> {tmp_path}/seen\necho "RuntimeError: no GPU"\nexit 1\n'
    )
    program.chmod(0o755)
    return program


def test_an_actor_has_gpus_of_its_own_and_a_vllm_that_does_not_start_says_why(tmp_path: Path, fake_vllm: Path) -> None:
    more = ("--gpus", "1", "--vllm", str(fake_vllm))
    _, said = run(tmp_path / "ray.bank", "vllm:model", 40, *more, code=2, RAY_OVERRIDE_RESOURCES='{"GPU": 2}')
    assert "vLLM did not start: exit code 1: RuntimeError: no GPU" in " ".join(said.split())
    assert set(tmp_path.joinpath("seen").read_text().split()) <= {"0", "1"}


def test_gpus_that_are_not_there_are_not_waited_for(tmp_path: Path) -> None:
    _, said = run(tmp_path / "ray.bank", "vllm:model", 40, "--gpus", "1", code=2, RAY_OVERRIDE_RESOURCES='{"GPU": 0}')
    assert "2 actors with 1 GPUs each are wanted, and Ray finds 0 here" in said


@pytest.mark.skipif(not VLLM, reason="FORGE_ARENA_VLLM names no vllm executable (see tests/vllm_env.sh)")
def test_every_actor_has_a_vllm_of_its_own(tmp_path: Path, taught: Taught) -> None:
    home = tmp_path / "home"
    home.mkdir()
    more = ("--vllm", VLLM, "--vllm-args", "--max-model-len 1024", "--documents", str(taught.file))
    ray, _ = run(tmp_path / "ray.bank", f"vllm:{taught.checkpoint}", 24, *more, HOME=str(home))
    assert (ray["recorded"], ray["failed"]) == (24, 0)
    written = [record["answer"]["output"] for record in records(tmp_path / "ray.bank").values()]
    assert all(output.startswith(tuple(ANSWERS.values())) for output in written)
    assert len(list(home.glob(".cache/forge-arena/vllm-*.log"))) == ACTORS
    until(lambda: not mentioned(str(taught.checkpoint)))
