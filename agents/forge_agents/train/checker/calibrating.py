"""Calibrate a checker on episodes of the arena's val split, and measure it there.

The families of val are never fitted. Here it is chosen how the sentences of an answer are summed up, and how much each
sign weighs. No answer from elsewhere takes part in this.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from sklearn.metrics import roc_auc_score

from forge_agents.overseers.checker.evidence import SUMS, Calibration, Signs, logistic
from forge_agents.overseers.checker.overseer import CALIBRATION, Checker
from forge_agents.train.demonstrations import Demonstration
from forge_agents.train.progress import Reporter
from forge_arena.files import read_json, write_whole
from forge_arena.measures.detection import GradedArrays, estimates
from forge_arena.measures.statistics import RESAMPLES
from forge_arena.types import CorruptionType, Estimate, Noun

VAL = "val.json"
# Answers that are read at a time; progress is shown after each of these parts.
PART = 8


class ValRow(Noun):
    """One episode of val.

    Attributes:
        sums: the sign `support` under each way of summing up the sentences; empty without a source.
        signs: the signs, with the sum `two_highest`.
    """

    key: str
    family: str
    corrupted: bool
    type: CorruptionType | None
    sums: dict[str, float]
    signs: Signs

    def signs_by(self, sum: str) -> Signs:
        return self.signs.model_copy(update={"support": self.sums.get(sum)})


class Measured(Noun):
    """The numbers of a checker on val.

    Attributes:
        auroc, brier, balanced_accuracy: with 95% intervals that draw whole families.
        by_type: the AUROC of each type against all right answers.
        by_sign: the AUROC of each sign alone, with such intervals. by_sum: the AUROC under each way of summing up.
    """

    episodes: int
    families: int
    auroc: Estimate
    brier: Estimate
    balanced_accuracy: Estimate
    by_type: dict[str, float]
    by_sign: dict[str, Estimate]
    by_sum: dict[str, float]


class Val(Noun):
    """What was read on val, and the numbers."""

    rows: tuple[ValRow, ...]
    measured: Measured


def calibrate(episodes: Iterable[Demonstration], folder: Path, reporter: Reporter) -> None:
    """Write `calibration.json` and `val.json` into the folder of a checker, unless both are there.

    Raises:
        BadArgument: the episodes have only one label.
    """
    if (folder / VAL).is_file() and (folder / CALIBRATION).is_file():
        return
    # Without an old calibration, whose sum would be asked for.
    (folder / CALIBRATION).unlink(missing_ok=True)
    rows = _read(Checker(str(folder)), list(episodes), reporter)
    corrupted = [row.corrupted for row in rows]
    fitted = {sum: Calibration.fit([row.signs_by(sum) for row in rows], corrupted, sum) for sum in SUMS}
    by_sum = {sum: _auroc(corrupted, _stated(rows, calibration)) for sum, calibration in fitted.items()}
    best = fitted[max(by_sum, key=by_sum.__getitem__)]
    val = Val(rows=tuple(rows), measured=_measure(rows, best, by_sum))
    write_whole(folder / VAL, val.model_dump_json(indent=1) + "\n")
    write_whole(folder / CALIBRATION, best.model_dump_json(indent=2) + "\n")


def read_val(folder: Path) -> Val:
    """What was measured on val.

    Raises:
        FileError: the file is damaged.
    """
    return read_json(folder / VAL, TypeAdapter(Val))


def _read(checker: Checker, episodes: Sequence[Demonstration], reporter: Reporter) -> list[ValRow]:
    rows: list[ValRow] = []
    for first in range(0, len(episodes), PART):
        part = episodes[first : first + PART]
        for episode, finding in zip(part, checker.read([e.observation for e in part]), strict=True):
            signs = {sum: finding.signs(sum) for sum in SUMS}
            rows.append(
                ValRow(
                    key=episode.key,
                    family=episode.truth.family,
                    corrupted=episode.truth.corrupted,
                    type=episode.truth.corruption_type,
                    sums={sum: s.support for sum, s in signs.items() if s.support is not None},
                    signs=signs["two_highest"],
                )
            )
        reporter.progress("calibrating", len(rows), len(episodes), "")
    return rows


def _stated(rows: Sequence[ValRow], calibration: Calibration) -> list[float]:
    return [calibration.p_corrupted(row.signs_by(calibration.sum)) for row in rows]


def _signs_alone(rows: Sequence[ValRow], sum: str) -> dict[str, Estimate]:
    """The AUROC of each sign, over the answers that have it. A sign that only answers of one label have is left out."""
    of_signs = {}
    signs = [row.signs_by(sum).values() for row in rows]
    for name in Signs.model_fields:
        known = [(row, value) for row, s in zip(rows, signs, strict=True) if (value := s[name]) is not None]
        if len({row.corrupted for row, _ in known}) == 2:
            of_signs[name] = _metrics([row for row, _ in known], [logistic(value) for _, value in known])["auroc"]
    return of_signs


def _metrics(rows: Sequence[ValRow], stated: Sequence[float]) -> Mapping[str, Estimate]:
    """The metrics of stated P(corrupted), with intervals that draw whole families."""
    families, corrupted = [row.family for row in rows], [row.corrupted for row in rows]
    graded = GradedArrays.of(families, corrupted, [p > 0.5 for p in stated], list(stated))
    return estimates(graded, graded.resample(np.random.default_rng(0), RESAMPLES))


def _measure(
    rows: Sequence[ValRow],
    calibration: Calibration,
    by_sum: Mapping[str, float],
) -> Measured:
    stated = _stated(rows, calibration)
    metrics = _metrics(rows, stated)
    of_type: dict[str, list[int]] = defaultdict(list)
    for n, row in enumerate(rows):
        if row.type is not None:
            of_type[row.type.value].append(n)
    right = [n for n, row in enumerate(rows) if not row.corrupted]
    return Measured(
        episodes=len(rows),
        families=len({row.family for row in rows}),
        auroc=metrics["auroc"],
        brier=metrics["brier"],
        balanced_accuracy=metrics["balanced_accuracy"],
        by_type={
            type: _auroc([False] * len(right) + [True] * len(wrong), [stated[n] for n in [*right, *wrong]])
            for type, wrong in sorted(of_type.items())
        },
        by_sign=_signs_alone(rows, calibration.sum),
        by_sum=dict(by_sum),
    )


def _auroc(corrupted: Sequence[bool], values: Sequence[float]) -> float:
    return float(roc_auc_score(list(corrupted), list(values)))
