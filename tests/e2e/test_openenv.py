"""OpenEnv's own client and validator against a running arena.

Needs FORGE_ARENA_OPENENV, a Python with `openenv` (`make test-openenv` makes one).
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..server_process import running, serving

OPENENV = os.environ.get("FORGE_ARENA_OPENENV", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OPENENV, reason="FORGE_ARENA_OPENENV names no Python with openenv: make test-openenv"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(*serving(store=f"sqlite:///{tmp_path_factory.mktemp('openenv')}/arena.db", stock=8)) as found:
        yield found


def test_its_client_plays_an_episode(url: str) -> None:
    verdict = {"detection": True, "explanation": "temporal_shift", "correction": "", "confidence": 0.8}
    client = [OPENENV, str(Path(__file__).with_name("openenv_client.py")), url, json.dumps(verdict)]
    done = subprocess.run(client, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    saw = json.loads(done.stdout)
    (opened,) = httpx.post(f"{url}/v1/episodes", json={"keys": [saw["key"]]}).json()["episodes"]
    given = {"verdicts": [{"episode_id": opened["episode_id"], "verdict": verdict}]}
    (result,) = httpx.post(f"{url}/v1/verdicts", json=given).json()["results"]
    assert "give either detection" in saw.pop("refused")
    assert saw == {
        "key": "forge:4:val:7",
        "begun": [None, False],
        "asked": [0.0, False],
        "ended": [result["reward"], True],
        "steps": 2,
    }


def test_its_validator_passes(url: str) -> None:
    command = [str(Path(OPENENV).with_name("openenv")), "validate", "--url", url, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert (summary["failed_criteria"], summary["passed_count"]) == ([], summary["total_count"])
    assert summary["total_count"] >= 6
