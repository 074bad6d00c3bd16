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

PACKAGE = Path(__file__).parents[2] / "deploy" / "openenv"
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
        "key": "forge:5:val:7",
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


def test_its_validator_takes_the_package() -> None:
    command = [str(Path(OPENENV).with_name("openenv")), "validate", str(PACKAGE), "--level", "static"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Verdict: PASS" in done.stdout


def test_what_a_push_checks_before_it_uploads_holds() -> None:
    """`openenv push` would go on to upload, so only its own check is called."""
    code = "import sys; from pathlib import Path; from openenv.cli.commands.push import _validate_openenv_directory; "
    code += "print(_validate_openenv_directory(Path(sys.argv[1]))[0])"
    done = subprocess.run([OPENENV, "-c", code, str(PACKAGE)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "forge_arena"


def test_its_client_by_the_name_that_the_package_gives_plays_a_task(url: str) -> None:
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from client import ForgeArenaEnv\n"
        "with ForgeArenaEnv(base_url=sys.argv[2]).sync() as env:\n"
        "    print(json.dumps(env.reset(split='val', index=7).observation['metadata']['key']))"
    )
    command = [OPENENV, "-c", code, str(PACKAGE), url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == "forge:5:val:7"
