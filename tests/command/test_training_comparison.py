"""The stages of a training comparison: what each evaluates, where it leaves its result, and when it is left out."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from forge_agents import compare
from forge_agents.result import Result
from forge_agents.train import pipeline, warm_start
from forge_agents.train.online import ArenaAddress
from forge_agents.train.presets import load_preset
from forge_command import training_comparison
from forge_command.training_comparison import Comparison, Played

ARENA = ArenaAddress("http://127.0.0.1:1")


class Evaluations:
    """Stands in for the models: notes which result was asked for, of which split and with which settings."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[str, dict[str, Any]]] = {}
        self.said: list[str] = []

    def evaluate(self, preset: Any, model: str, arena: Any, path: Path, journal: Any, **given: Any) -> Any:
        settings = {name: value for name, value in given.items() if name not in ("step", "phase", "reporter")}
        self.asked[path.name] = (preset.held_out.split, settings)
        return SimpleNamespace(rows=(), name=given["phase"])

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> Evaluations:
    found = Evaluations()
    monkeypatch.setattr(pipeline, "evaluate_once", found.evaluate)
    monkeypatch.setattr(compare, "best_log_odds_threshold", lambda rows: 0.3)
    monkeypatch.setattr(warm_start, "starting_model", lambda *_: None)
    monkeypatch.setattr(Result, "read", lambda path: path)
    monkeypatch.setattr(training_comparison, "_begin", lambda *_: None)
    monkeypatch.setattr(training_comparison, "_say_share_that_checks", lambda *_: None)
    monkeypatch.setattr(training_comparison, "_constant", lambda name, *_: name)
    monkeypatch.setattr(training_comparison, "train_all", lambda runs, *_, **__: dict.fromkeys(runs, 20.0))
    return found


def played(evaluations: Evaluations, out: Path, samples: int = 0) -> Played:
    preset = load_preset("tiny")
    (out / "start").mkdir()
    compared = Comparison(preset, seeds=2, shuffled=1, of_untouched={"untouched": {}}, samples=samples)
    return compared.play(ARENA, out, evaluations)  # type: ignore[arg-type]


def test_every_model_is_evaluated_and_the_threshold_is_chosen_on_val(tmp_path: Path, evaluations: Evaluations) -> None:
    results = played(evaluations, tmp_path)
    assert list(results.results) == [
        *("untouched", "start", "moved", "checking", "checking moved"),
        *("grpo 0", "grpo 1", "shuffled 0", "supervised", "always_clean", "always_corrupted"),
    ]
    assert list(evaluations.asked) == [
        *("untouched.json", "before.json", "val.json", "moved.json"),
        *("checking.json", "val-checking.json", "checking-moved.json"),
    ]
    assert [evaluations.asked[name][0] for name in ("val.json", "val-checking.json")] == ["val", "val"]
    assert [name for name, (_, given) in evaluations.asked.items() if "threshold" in given] == [
        "moved.json",
        "checking-moved.json",
    ]
    assert results.sampled == {}
    assert set(results.seconds) == {"grpo 0", "grpo 1", "shuffled 0", "supervised"}


def test_without_a_threshold_on_val_none_is_moved(
    tmp_path: Path, evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(rows: object) -> float:
        raise ValueError("all are of one class")

    monkeypatch.setattr(compare, "best_log_odds_threshold", refuse)
    results = played(evaluations, tmp_path)
    assert {"start", "checking"} <= set(results.results)
    assert not {"moved", "checking moved"} & set(results.results)
    assert evaluations.said == [
        "warm start: not evaluated with another threshold: all are of one class",
        "warm start, made to check: not evaluated with another threshold: all are of one class",
    ]


def test_the_start_and_the_runs_are_also_sampled_if_samples_are_wanted(
    tmp_path: Path, evaluations: Evaluations
) -> None:
    results = played(evaluations, tmp_path, samples=4)
    assert list(results.sampled) == ["start", "grpo 0", "grpo 1"]
    assert {"sampled-start.json", "sampled-grpo-0.json", "sampled-grpo-1.json"} <= set(evaluations.asked)
