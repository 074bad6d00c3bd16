"""A Worker that fails: every command that needs a Worker ends with the Worker's reason, and closes the Worker."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from forge_arena.errors import WorkerFailed
from forge_arena.workers import ScriptedWorker

from ..brain import Brain, completion, refusal
from ..command_line import called, ran

COMMANDS = {
    "serve": ["serve", "--port", "0", "--store", "sqlite:///a.db"],
    "bank": ["bank", "a.bank", "--count", "3"],
    "labels": ["audit", "labels", "--split", "val", "--draws", "1", "--fresh", "1"],
    "shortcuts": ["audit", "shortcuts", "--quick", "--episodes", "200"],
}


class WorkerThatDoesNotStart(ScriptedWorker):
    closed = 0

    async def start(self) -> None:
        raise WorkerFailed("the engine is down")

    async def aclose(self) -> None:
        WorkerThatDoesNotStart.closed += 1


@pytest.mark.parametrize(
    "command",
    [COMMANDS["bank"], COMMANDS["labels"], COMMANDS["shortcuts"], ["audit", "labels", "--export", "reading"]],
    ids=" ".join,
)
def test_a_worker_whose_start_fails_is_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    monkeypatch.setattr(WorkerThatDoesNotStart, "closed", 0)
    _, err = called(*command, "--worker", f"{__name__}:WorkerThatDoesNotStart", cwd=tmp_path, code=2)
    assert "the engine is down" in err
    assert WorkerThatDoesNotStart.closed == 1


async def without_system_role(body: dict[str, Any]) -> Response:
    if body["messages"][0]["role"] == "system":
        return refusal(400, "System role not supported")
    return completion("It takes 5 days.")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_worker_that_takes_no_system_role_is_refused_at_the_start_with_the_setting(
    brain: Brain, tmp_path: Path, command: list[str]
) -> None:
    brain.reactions = [without_system_role]
    _, err = ran(*command, "--worker", f"openai:brain@{brain.url}", cwd=tmp_path, code=2)
    said = "answered 400: System role not supported; such a setting follows the Worker's name: #system_role=user"
    assert said in err
    assert len(brain.seen) == 1


def test_with_the_setting_the_worker_is_asked(brain: Brain, tmp_path: Path) -> None:
    brain.reactions = [without_system_role]
    worker = f"openai:brain@{brain.url}#system_role=user,temperature=none,seed=none"
    out, err = ran("bank", "a.bank", "--count", "3", "--worker", worker, cwd=tmp_path)
    assert "System role" not in out + err
    assert len(brain.seen) > 3
    assert all(body["messages"][0]["role"] == "user" for body in brain.seen)


def test_an_audit_for_which_no_episode_can_be_made_does_not_pass_and_says_why(brain: Brain, tmp_path: Path) -> None:
    async def one_token_only(body: dict[str, Any]) -> Response:
        return completion("Yes") if body["max_tokens"] == 1 else refusal(400, "maximum context length is 16 tokens")

    brain.reactions = [one_token_only]
    worker = f"openai:brain@{brain.url}"
    ran(*COMMANDS["labels"], "--worker", worker, "--json", "report.json", cwd=tmp_path, code=1)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (why,) = [table for table in report["tables"] if table["title"] == "why there was no episode"]
    assert all("the prompt is longer than the context" in reason for _, reason, *_ in why["rows"])
