"""The pages in a real browser: an episode played by keyboard, what axe finds, and what hostile texts do.

Needs FORGE_ARENA_BROWSER, a Python with `selenium` and `axe-core-python` (`make test-page` makes one), and Chromium with
its driver (Debian's packages chromium and chromium-driver). FORGE_ARENA_SCREENSHOTS names a folder for pictures.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..server_process import running, serving

BROWSER = os.environ.get("FORGE_ARENA_BROWSER", "")
MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="FORGE_ARENA_BROWSER names no Python with selenium: make test-page"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed here: {', '.join(MISSING)}"),
]
TOKEN = "a token to play"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(*serving(store=f"sqlite:///{tmp_path_factory.mktemp('page')}/arena.db", stock=8)) as found:
        yield found


def drive(*arguments: str) -> Any:
    """What the driver of the browser prints, as JSON."""
    command = [BROWSER, str(Path(__file__).with_name("page_browser.py")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def played(url: str) -> Any:
    return drive("play", url)


def test_an_episode_is_played_by_keyboard_and_the_reward_shown_is_the_apis(played: Any, url: str) -> None:
    state = httpx.get(f"{url}/v1/episodes/{played['path'].rpartition('/')[2]}").json()
    (result,) = state["results"]
    assert result["outcome"] == "scored"
    assert float(played["reward"]) == result["reward"]
    assert f"{result['reward']:.3f}" == played["reward_shown"]


def test_the_keys_do_what_the_page_says(played: Any) -> None:
    assert played["confidence"] == "85"
    assert played["detection"] == "corrupted"
    assert played["corruption"] == "temporal_shift"
    assert played["marked"] == {"answer": [2], "source": [1]}
    assert played["reasoning_open"]
    assert played["probe_shown"] == "What is due, and when?"
    assert played["after_probe"] == played["before_probe"]


def test_marks_make_the_explanation_that_the_server_would_make(played: Any) -> None:
    from forge_server.pages.pieces import explain

    assert played["explanation"] == explain("temporal_shift", played["answer_words"], played["source_words"])
    assert played["edited"] == f"{played['explanation']} My own words."
    # A text that a person has changed is kept when another piece is marked or another type is chosen.
    assert "My own words." in played["after_more"]
    assert played["after_more"].startswith("bias_injection: ")


def test_axe_finds_nothing_on_any_page_in_light_and_dark_wide_and_narrow(played: Any) -> None:
    assert played["axe"]
    assert {name: found for name, found in played["axe"].items() if found} == {}
    assert len(played["axe"]) >= 24


def test_no_page_is_wider_than_its_window_and_the_console_is_empty(played: Any) -> None:
    assert played["too_wide"] == []
    assert played["console"] == []


def test_a_login_opens_the_pages_and_a_script_does_not_see_the_cookie(tmp_path: Path) -> None:
    with running(*serving(store=f"sqlite:///{tmp_path}/arena.db", stock=2, tokens=[f"player:{TOKEN}"])) as url:
        saw = drive("login", url, TOKEN)
    assert saw == {
        "wrong": "This token does not open this arena.",
        "heading": "Play the overseer",
        "cookie": "",
        "out": "/",
    }


def test_hostile_texts_of_the_worker_run_nothing_in_a_browser(tmp_path: Path) -> None:
    program = str(Path(__file__).with_name("hostile_server.py"))
    with running(program, f"sqlite:///{tmp_path}/arena.db") as url:
        saw = drive("hostile", url)
    assert saw["alerts"] == []
    assert saw["scripts"] == ["/static/page.js"]
    assert saw["images"] == 0
    assert saw["texts"] >= 4
    # The marked words get into the explanation as they are.
    assert "<img src=x onerror=alert(2)>" in saw["explanation"]
