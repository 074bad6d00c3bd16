"""Say what changed between evaluations on the same episodes: paired differences with intervals.

Both sides of a pair judged the same keys, so whole families are drawn for both at once and what the episodes have in
common cancels. Several pairs (the seeds of a training run) are averaged within each draw.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from forge_agents.detection import RESAMPLES, Estimate, Floats, Judged, Resamples, Share, estimate, estimates, spread
from forge_agents.detection import best_threshold as threshold
from forge_agents.metrics import Row, judged_rows

Pair = tuple[Sequence[Row], Sequence[Row]]
Value = tuple[float | None, Floats | None]
Measured = dict[str, Value]

METRICS = ("reward", "balanced_accuracy", "auroc", "auroc_log_odds", "brier", "f1", "share_flagged")
# Stands for the log-odds of a verdict that could not be read: wrong, and sure of it.
SURELY = 1e3


class NothingInCommon(ValueError):
    """Two evaluations have no judged episode in common."""


def differences(pairs: Sequence[Pair], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """What the second of each pair has more of than the first, by metric, averaged over pairs, with 95% intervals.

    Raises:
        NothingInCommon: the two sides of a pair share no judged episode, or the pairs judged different families.
    """
    sides = [_in_common(*pair) for pair in pairs]
    if len({frozenset(row.family for row in first) for first, _ in sides}) > 1:
        raise NothingInCommon("the pairs were judged on different families: compare runs on the same episodes")
    before = [_measured(first, seed, resamples) for first, _ in sides]
    after = [_measured(second, seed, resamples) for _, second in sides]
    return {name: _mean([_less(a[name], b[name]) for b, a in zip(before, after, strict=True)]) for name in METRICS}


def means(runs: Sequence[Sequence[Row]], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Every metric averaged over runs on the same families, with 95% intervals over families."""
    measured = [_measured(judged_rows(rows), seed, resamples) for rows in runs]
    return {name: _mean([run[name] for run in measured]) for name in METRICS}


def auroc_of_log_odds(rows: Sequence[Row]) -> float | None:
    """How well the model's own log-odds rank corrupted above clean answers; None where it has none."""
    return _measured(judged_rows(rows), 0, 0)["auroc_log_odds"][0]


def best_threshold(rows: Sequence[Row]) -> float:
    """The threshold on the log-odds with the best balanced accuracy on these rows, halfway between two that were seen.

    Raises:
        ValueError: no row has log-odds, or all are of one class.
    """
    known = [(row.log_odds, bool(row.corrupted)) for row in judged_rows(rows) if row.log_odds is not None]
    return threshold(
        np.array([odds for odds, _ in known]), np.array([corrupted for _, corrupted in known], dtype=np.bool_)
    )


def _in_common(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    one, other = ({row.key: row for row in judged_rows(rows)} for rows in (first, second))
    keys = sorted(one.keys() & other.keys())
    if not keys:
        raise NothingInCommon("the two evaluations have no judged episode in common: evaluate both on the same keys")
    return [one[key] for key in keys], [other[key] for key in keys]


def _measured(rows: Sequence[Row], seed: int, resamples: int) -> Measured:
    """Every metric, and its values over draws of families (None where there is but one family)."""
    if not rows:
        raise NothingInCommon("no episode was judged")
    judged = _judged(rows, [row.p_corrupted for row in rows])
    drawn = None
    if judged.clusters > 1 and resamples:
        drawn = Resamples(judged, np.random.default_rng(seed), resamples)
    found = _with_spread(judged, drawn)
    reward = Share(np.array([row.reward for row in rows], dtype=np.float64), np.ones(len(rows), dtype=np.bool_))
    found["reward"] = (reward.value(), None if drawn is None else reward.spread(drawn))
    if any(row.log_odds is not None for row in rows):
        odds = [row.log_odds if row.log_odds is not None else -SURELY if row.corrupted else SURELY for row in rows]
        # Ranks order as the log-odds do, and lie between 0 and 1 as every other metric of a row wants it.
        found["auroc_log_odds"] = _with_spread(_judged(rows, list(rankdata(odds) / len(odds))), drawn)["auroc"]
    else:
        found["auroc_log_odds"] = (None, None)
    return found


def _with_spread(judged: Judged, drawn: Resamples | None) -> Measured:
    points = estimates(judged, None)
    over = {} if drawn is None else spread(judged, drawn)
    return {name: (point.value, over.get(name)) for name, point in points.items()}


def _judged(rows: Sequence[Row], scores: Sequence[float | None]) -> Judged:
    return Judged.of(
        [str(row.family) for row in rows],
        [bool(row.corrupted) for row in rows],
        [row.detection for row in rows],
        scores,
    )


def _mean(values: Sequence[Value]) -> Estimate:
    points = [point for point, _ in values if point is not None]
    draws = [drawn for _, drawn in values if drawn is not None]
    if len(points) < len(values):
        return Estimate(value=None)
    return estimate(float(np.mean(points)), np.mean(draws, axis=0) if len(draws) == len(values) else None)


def _less(after: Value, before: Value) -> Value:
    (a, drawn_a), (b, drawn_b) = after, before
    return (
        None if a is None or b is None else a - b,
        None if drawn_a is None or drawn_b is None else drawn_a - drawn_b,
    )
