"""The statistics of the arena, each defined once: AUROC, the best threshold, and 95% intervals.

Rows of one cluster (one family, or one document) err together. The bootstrap therefore draws whole clusters: as many as
there are, with replacement. The rows of a draw are never copied. A draw is a weight for each cluster, and every
statistic of a draw is computed from weighted sums.

Importing this module loads numpy alone; scipy is imported by the one function that needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forge_arena.errors import BadArgument
from forge_arena.types import Estimate

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

RESAMPLES = 1_000
LEVEL = 0.95
# How many numbers of an array (draws, rows) may be in memory at a time: 2 MB, which also stay in the processor's cache.
# A dozen such arrays are in use at a time.
CELLS_AT_A_TIME = 250_000

Sampler = Literal["picks", "counts"]


class BoundedEstimate(Estimate):
    """An estimate that is defined and has both ends of its interval."""

    value: float
    low: float
    high: float


def both_classes(corrupted: Mask) -> bool:
    """Whether some rows are corrupted and some are not."""
    return bool(corrupted.any() and not corrupted.all())


def auroc(scores: Floats, corrupted: Mask) -> float:
    """The chance that a corrupted row scores higher than another row: AUROC = U / (P * N).

    U is the Mann-Whitney statistic, the number of (corrupted, other) pairs in the right order, where a tie counts one
    half; P and N are the numbers of corrupted and of other rows (Hanley and McNeil 1982). scikit-learn's checks of its
    input take a hundred times as long as this formula on a few hundred rows.

    Raises:
        ValueError: all rows are corrupted, or none.
    """
    if not both_classes(corrupted):
        raise ValueError(f"AUROC needs both classes, got {int(corrupted.sum())} corrupted of {len(corrupted)}")
    wins = _wins(scores[corrupted], np.sort(scores[~corrupted]))
    return float(wins.sum() / (int(corrupted.sum()) * int((~corrupted).sum())))


def roc_curve(scores: Floats, corrupted: Mask) -> tuple[Floats, Floats]:
    """False and true positive rates: at no alarm, then at each distinct score as the threshold, from the highest on.

    Returns: both (1 + distinct scores,).

    Raises:
        ValueError: all rows are corrupted, or none.
    """
    if not both_classes(corrupted):
        raise ValueError(f"a ROC needs both classes, got {int(corrupted.sum())} corrupted of {len(corrupted)}")
    alarms, hits = _alarms_and_hits(scores, corrupted)
    return np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])


def partial_auroc(scores: Floats, corrupted: Mask, limit: float) -> float:
    """The area under the ROC up to a false alarm rate, standardised: chance is 0.5, perfection 1 (McClish 1989).

    The same as scikit-learn's `roc_auc_score(..., max_fpr=limit)` to the last digit, also in that the points in the
    middle of a straight line are left out.

    Raises:
        ValueError: all rows are corrupted, or none.
    """
    if not both_classes(corrupted):
        raise ValueError(f"AUROC needs both classes, got {int(corrupted.sum())} corrupted of {len(corrupted)}")
    alarms, hits = _alarms_and_hits(scores, corrupted)
    if len(alarms) > 2:
        corners = np.concatenate([[True], (np.diff(alarms, 2) != 0) | (np.diff(hits, 2) != 0), [True]])
        alarms, hits = alarms[corners], hits[corners]
    fpr, tpr = np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])
    stop = int(np.searchsorted(fpr, limit, "right"))
    tpr = np.append(tpr[:stop], np.interp(limit, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1]))
    fpr = np.append(fpr[:stop], limit)
    area = float((np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2.0).sum())
    chance = 0.5 * limit**2
    return 0.5 * (1 + (area - chance) / (limit - chance))


def _alarms_and_hits(scores: Floats, corrupted: Mask) -> tuple[Floats, Floats]:
    """How many clean and how many corrupted rows score at least each distinct score, from the highest on."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # (distinct scores,)
    hits = np.cumsum(corrupted[order], dtype=np.float64)[last]
    return last + 1.0 - hits, hits


def best_threshold(scores: Floats, corrupted: Mask) -> float:
    """The threshold with the best balanced accuracy if scores above it are flagged; the lowest one if several are best.

    It lies halfway between two scores, or beyond all of them.

    Raises:
        ValueError: there is no score, or all rows are of one class.
    """
    if not both_classes(corrupted):
        raise BadArgument("a threshold needs scores of corrupted and of clean answers")
    thresholds = _thresholds(scores)
    balanced = [((scores[corrupted] > t).mean() + (scores[~corrupted] <= t).mean()) / 2.0 for t in thresholds]
    return float(thresholds[int(np.argmax(balanced))])


def threshold_within(scores: Floats, of: Mask, limit: float) -> float:
    """The lowest threshold that at most the share `limit` of the scores in `of` exceeds.

    Like the best threshold it lies halfway between two scores, or beyond all of them. Equal scores are flagged together
    or not at all, so the share that is reached may lie far below the limit.

    Args:
        scores: one for each row: (rows,).
        of: the rows that are counted: (rows,).
        limit: a share, 0 to 1.

    Raises:
        ValueError: `of` holds no row.
    """
    if not of.any():
        raise BadArgument("a threshold within a limit needs scores of the rows that are counted")
    exceeding = [(float((scores[of] > t).mean()), float(t)) for t in _thresholds(scores)]
    # In floating point, a share of exactly the limit may be a hair above it.
    return min(t for share, t in exceeding if share <= limit + 1e-12)


def _thresholds(scores: Floats) -> Floats:
    """A threshold below all scores, one halfway between each two distinct scores, and one above all: ascending."""
    distinct = np.unique(scores)
    halfway = (distinct[1:] + distinct[:-1]) / 2.0
    return np.concatenate([[distinct[0] - 1.0], halfway, [distinct[-1] + 1.0]])


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95% interval of a share of independent trials (Wilson 1927); 0 to 1 if there were no trials."""
    from scipy.stats import binomtest

    if trials == 0:
        return 0.0, 1.0
    interval = binomtest(successes, trials).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def exact_bounds(rate: float, clusters: int) -> tuple[float, float]:
    """The 95% interval of a rate that is 0 or 1 on all rows of so many clusters, whatever rows of a cluster share.

    If all rows of a cluster are alike, each cluster is one trial. This is the worst case, and its exact interval
    (Clopper and Pearson 1934) ends at 1 - 0.025^(1 / clusters) for a rate of 0. Ten clusters: 0 to 0.31.
    """
    far = 1.0 - ((1.0 - LEVEL) / 2.0) ** (1.0 / clusters)
    return (1.0 - far, 1.0) if rate else (0.0, far)


def percentile_interval(spread: Floats) -> tuple[Floats, Floats]:
    """The ends of the 95% interval over the draws, NaN aside: (draws, ...) -> (...) and (...)."""
    low, high = np.nanquantile(spread, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0], axis=0)
    return low, high


def estimate(value: float | None, spread: Floats | None) -> Estimate:
    """A value with the interval of its values over the draws; without an interval if no draw defines it."""
    if value is None or spread is None or np.isnan(spread).all():
        return Estimate(value=value)
    low, high = percentile_interval(spread)
    return Estimate(value=value, low=float(low), high=float(high))


def cluster_weights(clusters: int, rng: np.random.Generator, count: int, sampler: Sampler) -> Floats:
    """How often each cluster occurs in each draw: (draws, clusters).

    Args:
        clusters: how many clusters there are, and how many a draw holds.
        rng: decides the draws.
        count: how many draws.
        sampler: how the generator is used. "picks" takes one number for each cluster of a draw, "counts" takes all
            counts of a draw at once. The distribution is the same, the draws differ. Scorecards use "picks" and audits
            use "counts". Exchanging them would change every published interval a little.
    """
    if sampler == "counts":
        return rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=count).astype(np.float64)
    picks = rng.integers(clusters, size=(count, clusters))  # (draws, clusters)
    weights = np.zeros((count, clusters))
    np.add.at(weights, (np.arange(count)[:, None], picks), 1.0)
    return weights


class Resamples:
    """Rows under the draws of a bootstrap.

    Args:
        cluster: the number of each row's cluster: (rows,).
        weights: how often each cluster occurs in each draw, from `cluster_weights`: (draws, clusters).
    """

    def __init__(self, cluster: Numbers, weights: Floats) -> None:
        self.cluster = cluster
        self.weights = weights

    def total(self, values: Floats | Mask) -> Floats:
        """The sum of the values over the rows of each draw: (rows,) -> (draws,)."""
        clusters = self.weights.shape[1]
        sums = np.bincount(self.cluster, weights=values.astype(np.float64), minlength=clusters)  # (clusters,)
        totals: Floats = self.weights @ sums.astype(np.float64)
        return totals

    def batches(self, rows: int) -> Iterator[Floats]:
        """The weights, some draws at a time, so that an array (draws, rows) fits into memory."""
        step = max(1, CELLS_AT_A_TIME // max(1, rows))
        for start in range(0, len(self.weights), step):
            yield self.weights[start : start + step]


@dataclass(frozen=True, slots=True)
class Share:
    """The mean of `values` over the rows in `of`, both (rows,); not defined if `of` holds no row."""

    values: Floats | Mask
    of: Mask

    def value(self) -> float | None:
        return float(self.values[self.of].mean()) if self.of.any() else None

    def spread(self, resamples: Resamples) -> Floats:
        """The mean in each draw: (draws,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            means: Floats = resamples.total(np.where(self.of, self.values, 0.0)) / resamples.total(self.of)
        return means

    def estimate(self, resamples: Resamples | None) -> Estimate:
        return estimate(self.value(), None if resamples is None else self.spread(resamples))


def mean_estimate(values: Floats, cluster: Numbers, rng: np.random.Generator) -> BoundedEstimate:
    """The mean of the values, NaN aside. Clusters that have only NaN are not drawn."""
    defined = ~np.isnan(values)  # (rows,)
    names, number = np.unique(cluster[defined], return_inverse=True)
    share = Share(values[defined], np.ones(int(defined.sum()), dtype=np.bool_))
    resamples = Resamples(number, cluster_weights(len(names), rng, RESAMPLES, "counts"))
    low, high = percentile_interval(share.spread(resamples))
    return BoundedEstimate(value=float(values[defined].mean()), low=float(low), high=float(high))


def auroc_estimate(scores: Floats, corrupted: Mask, cluster: Numbers, rng: np.random.Generator) -> BoundedEstimate:
    """The AUROC with its interval, for a few dozen clusters.

    With w the weights of a draw, U = w' M w, where M[i, j] counts the pairs (corrupted row of cluster i, other row of
    cluster j) in the right order; P and N are weighted sums as well.

    Raises:
        ValueError: all rows are corrupted, or none.
    """
    value = auroc(scores, corrupted)
    names, number = np.unique(cluster, return_inverse=True)
    n, home = len(names), number[corrupted]
    pairs = np.zeros((n, n))  # (clusters of the corrupted row, clusters of the other row)
    for other in range(n):
        wins = _wins(scores[corrupted], np.sort(scores[~corrupted & (number == other)]))
        pairs[:, other] = np.bincount(home, weights=wins, minlength=n)
    weights = cluster_weights(n, rng, RESAMPLES, "counts")  # (draws, clusters)
    positive = np.bincount(home, minlength=n).astype(np.float64)  # (clusters,)
    negative = np.bincount(number[~corrupted], minlength=n).astype(np.float64)  # (clusters,)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = ((weights @ pairs) * weights).sum(axis=1) / ((weights @ positive) * (weights @ negative))  # (draws,)
    low, high = percentile_interval(spread)
    return BoundedEstimate(value=value, low=float(low), high=float(high))


def _wins(scores: Floats, ascending: Floats) -> Floats:
    """How many of the `ascending` values each score exceeds, where a tie counts one half: (scores,)."""
    twice = np.searchsorted(ascending, scores, "left") + np.searchsorted(ascending, scores, "right")
    return 0.5 * twice.astype(np.float64)
