"""A run is reported to a real arena while it learns, and no trouble with reports ever stops or slows the run."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forge_agents.client import ArenaClient
from forge_agents.train import reporting
from forge_agents.train.journal import Journal
from forge_agents.train.online import ArenaAddress
from forge_agents.train.presets import Preset, load_preset
from forge_agents.train.reporting import UNNAMED, RunReport, describe, report_run
from forge_arena.wire import MAX_NUMBERS

from ...server_process import ServerProcess, free_port, running, serving
from .conftest import Served
from .runs import begun

PLAYER = "a token to play"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "PAUSE", 0.05)
    monkeypatch.setattr(reporting, "PAUSE_AFTER_FAILURE", 0.2)


def reported(store: Path, name: str) -> dict[tuple[str, str, int], dict[str, float]]:
    """The points that the arena keeps of the run of that name."""
    asked = "select kind, phase, step, numbers from run_points join runs on id = run_id where name = ?"
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
        return {(row[0], row[1], row[2]): json.loads(row[3]) for row in opened.execute(asked, (name,))}


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def with_tracker(**changes: Any) -> Preset:
    return load_preset("tiny", ["trackers=[arena]", *(f"{name}={value}" for name, value in changes.items())])


def test_the_steps_of_a_run_are_at_the_arena_while_it_learns_and_a_resumed_run_goes_on(
    short: Served, tmp_path: Path
) -> None:
    folder, address = tmp_path / "reported run", ArenaAddress(short.url)
    journal = begun(folder, steps=3)
    for _ in range(2):
        # The second time as a resumed run does.
        journal.begin(load_preset("tiny"), arena=short.url, suite="short:5")
        with report_run(with_tracker(), address, journal):
            journal.log("phase 1", 4, {"reward": 0.5, "kl": 0.25, "note": "no number"})
            until(lambda: ("train", "phase 1", 4) in reported(short.store, "reported run"))
        journal.log("phase 1", 5, {"reward": 0.5})
    points = reported(short.store, "reported run")
    assert [step for _, _, step in sorted(points)] == [1, 2, 3, 4, 5]
    assert points["train", "phase 1", 4] == {"reward": 0.5, "kl": 0.25}
    assert points["train", "phase 1", 1]["rewards/detection/mean"] == 0.4
    with ArenaClient(short.url) as client:
        (run,) = [run for run in client.runs() if run.name == "reported run"]
    assert (run.notes, run.points) == (describe(with_tracker()), 5)


def test_a_run_whose_preset_does_not_say_so_is_reported_nowhere(short: Served, tmp_path: Path) -> None:
    journal = begun(tmp_path / "quiet run", steps=2)
    with report_run(load_preset("tiny"), ArenaAddress(short.url), journal):
        journal.log("phase 1", 3, {"reward": 0.5})
    assert reported(short.store, "quiet run") == {}


def test_an_arena_that_is_away_costs_a_run_no_time_and_gets_every_step_when_it_is_back(tmp_path: Path) -> None:
    store, said = tmp_path / "arena.db", list[str]()
    where = {"store": f"sqlite:///{store}", "port": free_port(), "stock": 1}
    report = RunReport(
        ArenaAddress(f"http://127.0.0.1:{where['port']}"), name="patient", notes="", request="patient", say=said.append
    )
    begin = time.monotonic()
    for step in range(300):
        report.add("train", "phase 1", step, {"reward": step / 300})
    assert time.monotonic() - begin < 1.0
    until(lambda: bool(said))
    with ServerProcess(*serving(**where)) as arena:
        assert arena.url
        until(lambda: len(reported(store, "patient")) == 300)
        report.close()
    assert len(said) == 1
    assert "training goes on, and a later report is tried: no answer from the arena" in said[0]


def test_a_report_that_the_arena_forbids_is_said_once_and_ends(tmp_path: Path) -> None:
    said: list[str] = []
    store = f"sqlite:///{tmp_path}/arena.db"
    with running(*serving(store=store, stock=1, tokens=[f"player:{PLAYER}"])) as url:
        report = RunReport(ArenaAddress(url, PLAYER), name="x", notes="", request="x", say=said.append)
        report.add("train", "phase 1", 1, {"reward": 0.5})
        until(lambda: bool(said))
        report.add("train", "phase 1", 2, {"reward": 0.5})
        report.close()
    assert len(said) == 1
    assert "no longer reported to the arena, and goes on: this needs the role trainer" in said[0]


def test_a_run_ends_in_time_with_an_arena_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "LAST", 0.5)
    journal = begun(tmp_path / "run", steps=2)
    with ArenaThatHangs() as url:
        begin = time.monotonic()
        with report_run(with_tracker(), ArenaAddress(url), journal):
            journal.log("phase 1", 3, {"reward": 0.5})
        assert time.monotonic() - begin < 3.0


class ArenaThatHangs:
    """Takes connections and never answers."""

    def __enter__(self) -> str:
        import socket

        self._listener = socket.create_server(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def test_what_is_no_finite_number_is_left_out_and_a_step_has_at_most_so_many(short: Served) -> None:
    said: list[str] = []
    report = RunReport(ArenaAddress(short.url), name="odd numbers", notes="", request="odd", say=said.append)
    odd = {
        "reward": 0.5,
        "kl": float("nan"),
        "entropy": float("inf"),
        "<b>": 1.0,
        "learning_rate": "1e-5",
        "auroc": None,
        "f1": 10**400,
    }
    report.add("held_out", "phase 1", 0, odd)
    report.add("train", "phase 1", 1, {"kl": float("nan")})
    report.add("train", "phase 1", 2, {f"n{n}": n for n in range(MAX_NUMBERS + 5)})
    report.add("train", "phase <b>\n", 3, {"reward": 0.5, "kl\n": 0.5})
    report.close()
    points = reported(short.store, "odd numbers")
    assert points["train", UNNAMED, 3] == {"reward": 0.5}
    assert points["held_out", "phase 1", 0] == {"reward": 0.5}
    assert len(points["train", "phase 1", 2]) == MAX_NUMBERS
    assert len(points) == 3
    assert said == []


def test_a_run_of_very_many_steps_reports_some_of_them_and_every_measurement(
    short: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "MOST_STEPS", 3)
    journal = begun(tmp_path / "long run", steps=1)
    with report_run(with_tracker(steps=9), ArenaAddress(short.url), journal):
        for step in range(2, 10):
            journal.log("phase 1", step, {"reward": 0.5})
    assert [step for _, _, step in sorted(reported(short.store, "long run"))] == [3, 6, 9]


def test_the_name_that_a_run_has_at_the_arena_stays_in_its_folder(tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        journal = Journal(tmp_path, lambda message: None)
        journal.begin(load_preset("tiny"), arena="http://127.0.0.1:8000", suite="short:5")
        names.append(json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["report"])
    assert names[0] == names[1]
