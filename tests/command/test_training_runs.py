"""Several runs of training in processes of their own: what begins, and what does not begin any more."""

import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from forge_command import training_runs


class Reporter:
    def __init__(self, interrupt_at: int | None = None) -> None:
        self.calls, self.interrupt_at = 0, interrupt_at
        self.said: list[str] = []
        self.shown: list[tuple[int, str]] = []

    def progress(self, _: str, done: int, __: int, note: str) -> None:
        self.calls += 1
        self.shown.append((done, note))
        if self.calls == self.interrupt_at:
            raise KeyboardInterrupt

    def say(self, message: str) -> None:
        self.said.append(message)


def test_after_an_interrupt_no_further_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def train(folder: Path, *_: object) -> float:
        begun.append(folder.name)
        time.sleep(0.3)
        return 0.3

    monkeypatch.setattr(training_runs, "_train", train)
    monkeypatch.setattr(training_runs, "LOOK_EVERY", 0.05)
    runs = {f"run {number}": [] for number in range(6)}
    ignored: Any = None
    with pytest.raises(KeyboardInterrupt):
        training_runs.train_all(
            runs, ignored, ignored, tmp_path, start=tmp_path, before=tmp_path, reporter=Reporter(interrupt_at=2)
        )
    assert begun == ["run-0", "run-1"]


def test_a_run_that_fails_is_told_at_once_and_those_that_have_begun_go_on_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    both = threading.Barrier(2)

    def train(folder: Path, *_: object) -> float:
        folder.mkdir()
        both.wait(timeout=10)
        if folder.name == "run-0":
            raise ValueError("run-0 was killed")
        for number in range(6):
            (folder / training_runs.SAID).write_text(f"step {number}, 0:00:0{number} so far")
            time.sleep(0.1)
        ended.append(folder.name)
        return 0.6

    monkeypatch.setattr(training_runs, "_train", train)
    monkeypatch.setattr(training_runs, "AT_A_TIME", 2)
    monkeypatch.setattr(training_runs, "LOOK_EVERY", 0.05)
    reporter, ignored = Reporter(), Any
    with pytest.raises(ValueError, match="run-0 was killed"):
        training_runs.train_all(
            {f"run {number}": [] for number in range(4)},
            cast(Any, ignored),
            cast(Any, ignored),
            tmp_path,
            start=tmp_path,
            before=tmp_path,
            reporter=cast(Any, reporter),
        )
    assert ended == ["run-1"]
    assert reporter.said == [
        "failed: run 0, see said.txt in its folder; what has begun goes on to its end, and no other run begins"
    ]
    # What goes on is still shown after the failure.
    assert any("step 5" in note for _, note in reporter.shown)


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, " was killed, as happens if the memory is full"), (-15, " was ended by SIGTERM"), (1, "")],
)
def test_a_run_that_a_signal_ended_says_so(code: int, words: str) -> None:
    assert training_runs._how_it_ended(code).startswith(words)
    assert bool(training_runs._how_it_ended(code)) == bool(words)
