"""The recipe for NeMo Gym: its rows, and its resources server under NeMo Gym's own base class.

Needs FORGE_ARENA_NEMO_GYM, a Python with `nemo-gym` (`make test-nemo-gym` makes one, of Python 3.12).
"""

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge_agents.client import ArenaClient
from forge_arena.types import Verdict
from forge_arena.verdicts import messages, verdict_text
from forge_arena.wire import Attempt

from ..server_process import running, serving

NEMO_GYM = os.environ.get("FORGE_ARENA_NEMO_GYM", "")
EXAMPLE = Path(__file__).parents[2] / "agents" / "examples" / "nemo_gym"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = f"sqlite:///{tmp_path_factory.mktemp('nemo')}/arena.db"
    with running(*serving(store=store, scenarios="short", stock=1)) as url:
        yield url


@pytest.fixture(scope="module")
def rows(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of two episodes, written by the example."""
    spec = importlib.util.spec_from_file_location("rows", EXAMPLE / "rows.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    out = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    example.main(out, url=url, split="val", start=3, episodes=2)
    return out


def verified(url: str, rows: Path, completion: str) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("nemo_gym_server.py")
    command = [NEMO_GYM, str(script), str(EXAMPLE), url, str(rows), completion]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_row_has_the_prompt_and_the_key_of_its_episode(url: str, rows: Path) -> None:
    written = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert [row["key"] for row in written] == ["short:5:val:3", "short:5:val:4"]
    with ArenaClient(url) as client:
        opened = client.open_episodes(keys=[row["key"] for row in written]).episodes
    asked = [row["responses_create_params"] for row in written]
    assert asked == [{"input": messages(episode.observation)} for episode in opened]


@pytest.mark.skipif(not NEMO_GYM, reason="FORGE_ARENA_NEMO_GYM names no Python with nemo-gym: make test-nemo-gym")
def test_the_server_pays_what_the_arena_pays_and_fails_if_the_arena_fails(url: str, rows: Path) -> None:
    verdict = Verdict(detection=True, explanation="temporal_shift", correction="", confidence=0.8)
    found = verified(url, rows, verdict_text(verdict))
    with ArenaClient(url) as client:
        opened = client.open_episodes(keys=[answer["key"] for answer in found]).episodes
        results = client.submit(Attempt(episode_id=e.episode_id, verdict=verdict) for e in opened)
    for answer, result in zip(found, results, strict=True):
        assert (answer["seeded"], answer["verified"], answer["outcome"]) == (200, 200, "scored")
        assert answer["reward"] == result.reward
        assert result.components is not None
        assert answer["components"] == result.components.model_dump()
    unreadable = verified(url, rows, "no idea")
    assert [(answer["reward"], answer["outcome"]) for answer in unreadable] == [(0.0, "invalid_verdict")] * 2
    other = rows.with_name("other.jsonl")
    other.write_text(rows.read_text(encoding="utf-8").replace('"digest": "', '"digest": "x'), encoding="utf-8")
    refused = verified(url, other, verdict_text(verdict))
    assert [(answer["verified"], answer["reward"]) for answer in refused] == [(500, None)] * 2
