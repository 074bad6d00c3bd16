"""The receiver operating characteristic of an overseer: what it finds, over the false alarms that this costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from forge_arena.measures.metrics import graded_arrays
from forge_arena.measures.scorecard import Row
from forge_arena.measures.statistics import Floats, roc_curve


@dataclass(frozen=True, slots=True)
class Roc:
    """False and true positive rates, 0 to 1, over all thresholds on P(corrupted), and of the overseer's decisions."""

    fpr: Floats  # (thresholds,)
    tpr: Floats  # (thresholds,)
    own: tuple[float, float]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The ROC of graded rows of both classes; an unreadable verdict is wrong at full confidence."""
        graded = graded_arrays(rows)
        fpr, tpr = roc_curve(graded.p, graded.corrupted)
        flagged, corrupted = graded.flagged, graded.corrupted
        return cls(fpr, tpr, (float(flagged[~corrupted].mean()), float(flagged[corrupted].mean())))

    def at(self, rates: Sequence[float]) -> Floats:
        """The true positive rate at some false alarm rates, on the straight lines between the thresholds: (rates,)."""
        found: Floats = np.interp(rates, self.fpr, self.tpr)
        # `interp` takes any of several points at one rate. A threshold may find more without another false alarm.
        best = [self.tpr[self.fpr == rate].max(initial=0.0) for rate in rates]
        return np.maximum(found, best)
