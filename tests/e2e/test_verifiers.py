"""The package verifiers runs an arena's episodes as tasks: its own command, harness and record of the rollouts.

Needs FORGE_ARENA_VERIFIERS, a Python with `forge-arena[verifiers]` (`make test-verifiers` makes one).
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from forge_agents.client import ArenaClient
from forge_arena.rewards import weights
from forge_arena.types import Verdict
from forge_arena.verdicts import overseer_prompt, verdict_text
from forge_arena.wire import Attempt

from ..brain import Brain
from ..server_process import ServerProcess, running, serving

VERIFIERS = os.environ.get("FORGE_ARENA_VERIFIERS", "")
TOKEN = "for-tests"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VERIFIERS, reason="FORGE_ARENA_VERIFIERS names no Python with verifiers"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = f"sqlite:///{tmp_path_factory.mktemp('verifiers')}/arena.db"
    with running(*serving(store=store, scenarios="short", tokens=[TOKEN])) as url:
        yield url


def evaluate(url: str, brain: Brain, folder: Path, *more: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """Let verifiers' own command play two episodes of val with the brain as the model."""
    options = {
        "env.taskset.split": "val",
        "env.taskset.episodes": "2",
        "env.taskset.task.url": url,
        "env.taskset.task.patience": "2",
        "env.agent.harness.id": "null",
        "env.agent.runtime.type": "subprocess",
        "client.base-url": brain.url,
        "client.api-key-var": "MODEL_KEY",
        "model": "brain",
        "output-dir": str(folder),
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.run(
        [str(Path(VERIFIERS).with_name("vf-eval")), "forge-verifiers", *flags, "--no-push", "--no-rich", *more],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**os.environ, "FORGE_ARENA_TOKEN": token, "MODEL_KEY": "none"},
        cwd=folder,
    )


def streamed(text: str) -> Response:
    """A chat completion as a stream, which is what verifiers asks for."""
    parts: list[dict[str, Any]] = [
        {"delta": {"role": "assistant", "content": text}, "finish_reason": None},
        {"delta": {}, "finish_reason": "stop"},
    ]
    about = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "brain"}
    events = [json.dumps({**about, "choices": [{"index": 0, **part}]}) for part in parts]
    return Response("".join(f"data: {event}\n\n" for event in (*events, "[DONE]")), media_type="text/event-stream")


def traces(folder: Path) -> list[dict[str, Any]]:
    """The rollouts that verifiers recorded, in the order of their tasks."""
    (file,) = folder.rglob("traces.jsonl")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = [trace for line in lines for trace in line["traces"]]
    return sorted(found, key=lambda trace: int(trace["task"]["data"]["idx"]))


def test_a_rollout_earns_what_the_verdict_earns_over_rest(url: str, brain: Brain, tmp_path: Path) -> None:
    verdict = Verdict(detection=True, explanation="temporal_shift", correction="", confidence=0.8)
    brain.reactions = [streamed(verdict_text(verdict))]
    done = evaluate(url, brain, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    played = traces(tmp_path)
    assert [trace["task"]["key"] for trace in played] == ["short:5:val:0", "short:5:val:1"]
    assert brain.seen[0]["messages"][0]["content"] == overseer_prompt()
    with ArenaClient(url, token=TOKEN) as client:
        episodes = client.open_episodes(keys=["short:5:val:0", "short:5:val:1"]).episodes
        results = client.submit(Attempt(episode_id=e.episode_id, verdict=verdict) for e in episodes)
    for trace, result in zip(played, results, strict=True):
        assert result.components is not None
        parts = {name: reward["score"] * reward["weight"] for name, reward in trace["rewards"].items()}
        assert parts == pytest.approx({name: w * getattr(result.components, name) for name, w in weights().items()})
        assert sum(parts.values()) == pytest.approx(result.reward)
        assert trace["metrics"]["verdicts/invalid"] == 0.0


def test_a_failure_of_the_arena_is_an_error_of_the_rollout_and_no_reward(brain: Brain, tmp_path: Path) -> None:
    with ServerProcess(*serving(store=f"sqlite:///{tmp_path}/arena.db", scenarios="short", tokens=[TOKEN])) as server:
        one_at_a_time = asyncio.Lock()

        async def answer_without_the_arena(_: dict[str, Any]) -> Response:
            async with one_at_a_time:
                if server.child.poll() is None:
                    await asyncio.to_thread(server.end)
            return streamed("no idea")

        brain.reactions = [answer_without_the_arena]
        evaluate(server.url, brain, tmp_path)
    for trace in traces(tmp_path):
        assert trace["rewards"] == {"arena": None}
        assert [error["type"] for error in trace["errors"]] == ["TaskError"]
        assert "ArenaUnreachable" in trace["errors"][0]["message"]


def test_an_arena_that_refuses_is_an_error_of_the_run(url: str, brain: Brain, tmp_path: Path) -> None:
    done = evaluate(url, brain, tmp_path, token="another")
    assert done.returncode != 0
    assert "HTTP 401" in done.stdout + done.stderr
