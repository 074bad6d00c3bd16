"""Finished entries of the leaderboard against each other: ROC curves, and paired differences with intervals.

Nothing here may tell the labels of the sealed split. With another probability for each episode, an exact ROC curve
would tell them one by one, so a curve is known at few places, and there only roughly. Differences are rounded like
scores (`forge_server.rounding`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forge_arena.measures.metrics import graded_arrays
from forge_arena.measures.paired import NothingInCommon, differences
from forge_arena.measures.roc import Roc
from forge_arena.measures.scorecard import Row, graded_rows
from forge_arena.types import Estimate
from forge_server.rounding import rounded, rounded_estimates

# The false alarm rates at which a curve is known, and the steps in which the share that was found is rounded.
RATES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ROUNDED = 0.025


@dataclass(frozen=True, slots=True)
class RocCurve:
    """A rough ROC curve as (false alarm rate, share found), and the place of the overseer's own decisions."""

    points: tuple[tuple[float, float], ...]
    own: tuple[float, float]


def roc_curve(rows: Sequence[Row]) -> RocCurve | None:
    """The rough curve of an entry; None if its episodes are all of one class."""
    graded = graded_rows(rows)
    if not graded or not graded_arrays(graded).both_classes:
        return None
    roc = Roc.of(graded)
    places = ((rate, rounded(float(found), ROUNDED)) for rate, found in zip(RATES, roc.at(RATES), strict=True))
    return RocCurve(((0.0, 0.0), *places), (rounded(roc.own[0], ROUNDED), rounded(roc.own[1], ROUNDED)))


def paired_differences(first: Sequence[Row], second: Sequence[Row]) -> Mapping[str, Estimate]:
    """The second entry less the first, on the episodes that both judged, rounded; empty if there are none."""
    try:
        return rounded_estimates(differences([(first, second)]))
    except NothingInCommon:
        return {}
