"""Several runs of training in processes of their own: what begins, and what does not begin any more."""

import time
from pathlib import Path
from typing import Any

import pytest

from forge_command import training_runs


class Reporter:
    def __init__(self, interrupt_at: int) -> None:
        self.calls, self.interrupt_at = 0, interrupt_at

    def progress(self, *_: object) -> None:
        self.calls += 1
        if self.calls == self.interrupt_at:
            raise KeyboardInterrupt


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
