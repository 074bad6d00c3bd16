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

from forge_agents.client import ArenaClient
from forge_agents.overseers import use_overseer
from forge_agents.submission import enter, submit
from forge_arena.wire import Curriculum, DifficultyCell, RunPoint

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    # Without the frames of the driver's own stack, because they would push out what it says.
    said = [line for line in done.stderr.splitlines() if not line.startswith("#")]
    assert done.returncode == 0, "\n".join(said)[-3_000:]
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


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a browser saw on a server with two runs, two entries on the leaderboard and a curriculum."""
    store = f"sqlite:///{tmp_path_factory.mktemp('watched')}/arena.db"
    with running(*serving(store=store, stock=2, leaderboard_episodes=12)) as url:
        return drive("watch", url, fill(url))


def fill(url: str) -> str:
    """Give a server something to look at; gives back the id of a run."""
    with ArenaClient(url) as arena:
        for name in ("first", "<img src=x onerror=alert(1)>"):
            run = arena.begin_run(name, notes="<script>alert(2)</script>")
            numbers = {"reward": 0.4, "rewards/detection/mean": 0.6, "kl": 0.01, "of my own": 3.0}
            arena.report(run.run_id, [RunPoint(step=step, numbers=numbers) for step in range(1, 40)])
            held_out = {"reward": 0.4, "auroc": 0.7}
            arena.report(run.run_id, [RunPoint(kind="held_out", step=step, numbers=held_out) for step in (0, 39)])
        for name in ("rules", "always_clean"):
            with use_overseer(name) as overseer:
                submit(overseer, arena, enter(arena, name))
        cell = {"family": "roaming_bill", "corruption_type": "temporal_shift", "episodes": 9}
        rates = enumerate((0.97, 0.5, 0.1))
        cells = [DifficultyCell.model_validate(cell | {"stealth": s, "pass_rate": rate}) for s, rate in rates]
        arena.set_curriculum(Curriculum(cells=tuple(cells)))
    return run.run_id


def test_runs_entries_and_the_curriculum_are_drawn_and_chosen_by_keyboard(watched: Any) -> None:
    assert watched["drawn_first"] == 0
    assert watched["names"] == ["<img src=x onerror=alert(1)>", "first"]
    assert watched["differences"] == 1
    assert watched["curves"] == 1
    assert watched["cells"] > 100


def test_hostile_names_and_notes_of_runs_run_nothing_in_a_browser(watched: Any) -> None:
    assert watched["alerts"] == []


def test_axe_finds_nothing_on_what_is_drawn_and_nothing_is_too_wide(watched: Any) -> None:
    assert {name: found for name, found in watched["axe"].items() if found} == {}
    assert len(watched["axe"]) == 12
    assert (watched["too_wide"], watched["console"]) == ([], [])


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
