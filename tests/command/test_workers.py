"""A Worker that fails: every command that needs a Worker ends with the Worker's reason, and closes the Worker."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from forge_arena.errors import WorkerFailed
from forge_arena.workers import ScriptedWorker

from ..brain import Brain, completion, refusal, running_brain
from ..command_line import EACH, ENVIRONMENT, Ended, called, parted, ran, without_frames

COMMANDS = {
    "bank": "bank a.bank --count 3",
    "labels": "audit labels --split val --draws 1 --fresh 1",
    "shortcuts": "audit shortcuts --quick --episodes 200",
    "exploits": "audit exploits --quick --episodes 20",
    "serve": "serve --port 0 --store sqlite:///a.db",
}


class WorkerThatDoesNotStart(ScriptedWorker):
    closed = 0

    async def start(self) -> None:
        raise WorkerFailed("the engine is down")

    async def aclose(self) -> None:
        WorkerThatDoesNotStart.closed += 1


@pytest.mark.parametrize(
    "command",
    [
        COMMANDS["bank"],
        COMMANDS["labels"],
        COMMANDS["shortcuts"],
        COMMANDS["exploits"],
        "audit labels --export reading",
    ],
)
def test_a_worker_whose_start_fails_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    monkeypatch.setattr(WorkerThatDoesNotStart, "closed", 0)
    _, err = called(*command.split(), "--worker", f"{__name__}:WorkerThatDoesNotStart", cwd=tmp_path, code=2)
    assert "the engine is down" in err
    assert WorkerThatDoesNotStart.closed == 1


async def without_system_role(body: dict[str, Any]) -> Response:
    if body["messages"][0]["role"] == "system":
        return refusal(400, "System role not supported")
    return completion("It takes 5 days.")


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Ended], int]:
    """How each command ended, and how many requests the endpoint got from all of them."""
    with running_brain() as brain:
        brain.reactions = [without_system_role]
        done = subprocess.run(
            [sys.executable, "-c", EACH, *(f"{line} --worker openai:brain@{brain.url}" for line in COMMANDS.values())],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path_factory.mktemp("refused"),
            env=ENVIRONMENT,
            check=True,
        )
    assert "Traceback" not in done.stderr
    return dict(zip(COMMANDS, parted(done.stdout, without_frames(done.stderr)), strict=True)), len(brain.seen)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_worker_that_takes_no_system_role_is_refused_at_the_start_with_the_setting(
    refused: tuple[dict[str, Ended], int], command: str
) -> None:
    ended = refused[0][command]
    assert ended.code == 2
    said = "answered 400: System role not supported; such a setting follows the Worker's name: #system_role=user"
    assert said in ended.err


def test_a_worker_that_is_refused_is_asked_once(refused: tuple[dict[str, Ended], int]) -> None:
    assert refused[1] == len(COMMANDS)


def test_with_the_setting_the_worker_is_asked(brain: Brain, tmp_path: Path) -> None:
    brain.reactions = [without_system_role]
    worker = f"openai:brain@{brain.url}#system_role=user,temperature=none,seed=none"
    out, err = ran("bank", "a.bank", "--count", "3", "--worker", worker, cwd=tmp_path, code=2)
    assert "System role" not in out + err
    assert len(brain.seen) > 3
    assert all(body["messages"][0]["role"] == "user" for body in brain.seen)


@pytest.mark.parametrize(("given", "requests"), [((), 2 * 8), (("--revisions", "0"), 8)])
def test_a_bank_is_filled_with_the_revisions_that_the_command_gives(
    brain: Brain, tmp_path: Path, given: tuple[str, ...], requests: int
) -> None:
    ran("bank", "a.bank", "--count", "1", "--worker", f"openai:brain@{brain.url}", *given, cwd=tmp_path, code=2)
    assert sum(body["max_tokens"] > 1 for body in brain.seen) == requests


def test_an_audit_for_which_no_episode_can_be_made_does_not_pass_and_says_why(
    brain: Brain, documents: Path, tmp_path: Path
) -> None:
    async def one_token_only(body: dict[str, Any]) -> Response:
        return completion("Yes") if body["max_tokens"] == 1 else refusal(400, "maximum context length is 16 tokens")

    brain.reactions = [one_token_only]
    few = ("--documents", documents, "--draws", "1", "--fresh", "1")
    ran("audit", "labels", *few, "--worker", f"openai:brain@{brain.url}", "--json", "report.json", cwd=tmp_path, code=1)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (why,) = [table for table in report["tables"] if table["title"] == "why there was no episode"]
    assert all("the prompt is longer than the context" in reason for _, reason, *_ in why["rows"])
