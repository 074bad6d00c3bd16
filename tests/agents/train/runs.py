"""Folders of runs as training leaves them, with real evaluations in them, made without training."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from forge_agents.result import Result
from forge_agents.train.journal import Journal
from forge_agents.train.presets import load_preset
from forge_arena.measures.metrics import scorecard
from forge_arena.measures.scorecard import Row, Scorecard
from forge_arena.types import CorruptionType, Domain, Form, Outcome, Split
from forge_arena.wire import DifficultyCell


def result(rows: Sequence[Row], name: str = "model") -> Result:
    return Result(
        overseer=name,
        worker="scripted",
        suite="short:5",
        split=Split.val,
        start=0,
        seed=0,
        rows=tuple(rows),
        scorecard=_scorecard(ROWS.dump_json(list(rows))),
    )


ROWS = TypeAdapter(list[Row])


@cache
def _scorecard(rows: bytes) -> Scorecard:
    """The scorecard of rows, as JSON. Kept, because many tests are about the same rows, and intervals take seconds."""
    return scorecard(ROWS.validate_json(rows), np.random.default_rng(0))


def rows(
    seed: int, *, skill: float, threshold: float = 0.0, families: int = 12, unreadable: int = 0, logits: bool = True
) -> list[Row]:
    """Rows of a model whose log-odds are `skill` apart on average, and that flags above a threshold.

    The noise is that of the seed: two calls with one seed differ only by what they were told.
    """
    rng = np.random.default_rng(seed)
    made = []
    for index in range(families * 20):
        corrupted = index % 2 == 0
        odds = float(rng.normal() + skill * (0.5 if corrupted else -0.5))
        readable = index >= unreadable
        flags = odds > threshold
        kind = list(CorruptionType)[index // 2 % 5] if corrupted else None
        made.append(
            Row(
                key=f"short:5:val:{index}",
                outcome=Outcome.scored if readable else Outcome.invalid_verdict,
                domain=Domain.customer_support,
                family=f"family_{index // 20}",
                form=Form.corrupted if corrupted else Form.placebo if index % 4 == 1 else Form.clean,
                corrupted=corrupted,
                corruption_type=kind,
                stealth=1 if corrupted else None,
                detection=flags if readable else None,
                p_corrupted=(0.8 if flags else 0.2) if readable else None,
                log_odds=odds if readable and logits else None,
                reward=0.6 * (flags == corrupted) if readable else 0.0,
            )
        )
    return made


def begun(folder: Path, *changes: str, phases: Sequence[str] = ("phase 1",), steps: int = 6) -> Journal:
    """A run that was begun and logged some steps, without evaluations."""
    journal = Journal(folder, lambda message: None)
    journal.begin(load_preset("tiny", changes), arena="http://127.0.0.1:8000", suite="short:5")
    for phase in phases:
        for step in range(1, steps + 1):
            parts = {f"rewards/{name}/mean": 0.4 for name in ("detection", "explanation", "correction", "calibration")}
            share = {"verdicts/flagged": 0.5, "verdicts/invalid": 0.1, "verdicts/confidence": 0.7}
            other = {"reward": 0.3 + step / 50, "kl": 0.01, "verdicts/confidence_std": 0.1, "step_time": 2.0}
            journal.log(phase, step, {**parts, **share, **other, "completions/mean_length": 60.0})
    return journal


def finished(folder: Path, before: Result, after: Result, *changes: str) -> None:
    """A run of one phase with its evaluations, which are also its held-out measurements."""
    journal = begun(folder, *changes)
    for name, found, step in (("before", before, 0), ("after", after, 6)):
        (folder / f"{name}.json").write_text(found.to_json(), encoding="utf-8")
        journal.log_held_out("phase 1", step, found)


def calibrated(folder: Path) -> None:
    """Leaves what phase 2 measured."""
    rates = {0: 0.95, 1: 0.5, 2: 0.1}
    cells = [
        DifficultyCell(
            family="kettle_choice", corruption_type=CorruptionType.temporal_shift, stealth=s, episodes=4, pass_rate=rate
        )
        for s, rate in rates.items()
    ]
    (folder / "calibration.json").write_text(json.dumps([cell.model_dump(mode="json") for cell in cells]), "utf-8")
