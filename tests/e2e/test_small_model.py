"""A real instruct model of 135M parameters as the Worker, behind a real vLLM: of little use, and the arena says so.

Set FORGE_ARENA_VLLM to a vllm executable, and FORGE_ARENA_SMALL_MODEL to a folder that tests/smollm2.py made.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..command_line import ENVIRONMENT

EXECUTABLE = os.environ.get("FORGE_ARENA_VLLM", "")
MODEL = os.environ.get("FORGE_ARENA_SMALL_MODEL", "")
# The prompt of a light task and an answer fit; a longer context would only take memory.
VLLM = ["--vllm", EXECUTABLE, "--vllm-args", "--max-model-len 3072 --max-num-seqs 4"]
WORKER = f"vllm:{MODEL}#max_tokens=400,timeout=300"

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.nightly,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (EXECUTABLE and MODEL), reason="FORGE_ARENA_VLLM and FORGE_ARENA_SMALL_MODEL name no vllm and no model"
    ),
]


def command(*args: str) -> list[str]:
    return [sys.executable, "-c", "from forge_command.app import main; main()", *args]


def test_a_trial_says_how_much_of_its_work_can_be_used(tmp_path: Path) -> None:
    out = tmp_path / "trial.json"
    done = subprocess.run(
        command("worker", WORKER, *VLLM, "--load", "light", "--count", "4", "--revisions", "1", "--json", str(out)),
        env={**ENVIRONMENT, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=1_500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    assert (report["asked"], report["failed"]) == (4, 0)
    assert len({group["name"] for group in report["domains"]}) == 4
    assert report["requests"] >= 4
    assert report["output_tokens"] > 100
    usable = sum(report["total"]["usable"])
    assert usable + sum(bool(reason["answers"]) for reason in report["reasons"]) > 0
    assert report["advice"]
    assert "4 of 4 scenarios" in done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]", Path]]:
    log, store = tmp_path / "server.log", ("--store", f"sqlite:///{tmp_path}/a.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command("serve", *store, "--port", str(port), "--worker", WORKER, *VLLM, "--load", "light"),
            env={**ENVIRONMENT, "HF_HUB_OFFLINE": "1", "FORGE_ARENA_WATCH_EVERY": "10"},
            stderr=stderr,
        )
    yield f"http://127.0.0.1:{port}", process, log
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def test_a_server_says_why_it_has_no_episode(server: tuple[str, "subprocess.Popen[bytes]", Path]) -> None:
    url, process, log = server
    until = time.monotonic() + 900
    reason = ""
    while time.monotonic() < until and "most often" not in reason:
        time.sleep(2)
        try:
            health = httpx.get(f"{url}/health", timeout=30)
        except httpx.TransportError:
            continue
        if health.status_code == 200:
            pytest.skip("the model made an episode")
        reason = health.json()["reason"]
    assert "usable: 0" in reason
    assert "most often" in reason
    process.send_signal(signal.SIGTERM)
    process.wait(120)
    [stopped] = [line for line in log.read_text().splitlines() if "stopped_before_ready" in line]
    assert "most often" in stopped
