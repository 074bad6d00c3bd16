"""Paired differences between evaluations on the same episodes, with 95% intervals.

Both sides of a pair reviewed the same episodes. The bootstrap therefore draws the same families for both, and the
difficulty that the episodes have in common cancels (a paired cluster bootstrap). Two episodes are the same if their key
and their observation are the same: under one key, another Worker, mechanism or secret makes another answer. Several
pairs (the seeds of a training run) are averaged within each draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_arena.errors import ForgeArenaError
from forge_arena.measures.detection import GradedArrays, spread, values
from forge_arena.measures.scorecard import Row, graded_rows
from forge_arena.measures.statistics import RESAMPLES, Floats, Resamples, Share, estimate
from forge_arena.types import Estimate

METRICS = ("reward", "balanced_accuracy", "auroc", "auroc_log_odds", "brier", "f1", "share_flagged")

Pair = tuple[Sequence[Row], Sequence[Row]]
# The value of a metric on all rows, and its values over the draws (draws,). None if it is not defined.
Value = tuple[float | None, Floats | None]
MetricValues = dict[str, Value]

# A Worker that samples may answer a few keys differently the second time. If more answers differ, the arenas differ.
MOST_OTHERS = 0.05
# The log-odds of an unreadable verdict: wrong at full confidence.
CERTAIN_LOG_ODDS = 1e3


class NothingInCommon(ForgeArenaError, ValueError):
    """Two evaluations have no graded episode in common."""


def differences(pairs: Sequence[Pair], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """The second side of each pair less the first: for each of `METRICS` the mean over the pairs, with its interval.

    Args:
        pairs: two evaluations each; (first, second). All pairs must be of the same families.
        seed: the seed of the bootstrap. The same seed draws the same families for both sides.
        resamples: draws of families.

    Raises:
        NothingInCommon: the two sides of a pair share no graded episode or saw other answers under the same keys, or
            the pairs are of different families.
    """
    sides = [(common.first, common.second) for common in (common_rows(*pair) for pair in pairs)]
    if len({frozenset(row.family for row in first) for first, _ in sides}) > 1:
        raise NothingInCommon("the pairs are of different families: compare runs on the same episodes")
    before = [metric_values(first, seed, resamples) for first, _ in sides]
    after = [metric_values(second, seed, resamples) for _, second in sides]
    return {name: _mean([_subtract(a[name], b[name]) for b, a in zip(before, after, strict=True)]) for name in METRICS}


def mean_metrics(runs: Sequence[Sequence[Row]], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Every metric averaged over runs on the same families, with 95% intervals over families."""
    values_of_runs = [metric_values(graded_rows(rows), seed, resamples) for rows in runs]
    return {name: _mean([run[name] for run in values_of_runs]) for name in METRICS}


@dataclass(frozen=True, slots=True)
class Common:
    """The rows of the episodes that both reviewed, in one order.

    `others` counts the rows with the same key and another observation. They are left out. `unknown` counts the rows of
    which one side does not say which observation was reviewed.
    """

    first: list[Row]
    second: list[Row]
    others: int
    unknown: int


def common_rows(first: Sequence[Row], second: Sequence[Row]) -> Common:
    before, after = ({(row.key, row.attempt): row for row in graded_rows(rows)} for rows in (first, second))
    keys = sorted(before.keys() & after.keys())
    if not keys:
        raise NothingInCommon("the two evaluations have no graded episode in common: evaluate both on the same keys")
    known = [key for key in keys if before[key].seen is not None and after[key].seen is not None]
    others = {key for key in known if before[key].seen != after[key].seen}
    if len(others) > MOST_OTHERS * len(keys):
        raise NothingInCommon(
            f"{len(others)} of the {len(keys)} verdicts with the same key are on different answers, {min(others)[0]} "
            "first: the two arenas have another Worker, mechanism, secret or version; "
            "evaluate both overseers on one arena"
        )
    same = [key for key in keys if key not in others]
    for key in same:
        if (before[key].corrupted, before[key].family) != (after[key].corrupted, after[key].family):
            raise NothingInCommon(
                f"{key[0]} was another episode in each of the two evaluations: a test split is the same on arenas with "
                "the same secret only; evaluate both on one arena"
            )
    return Common(
        [before[key] for key in same], [after[key] for key in same], others=len(others), unknown=len(keys) - len(known)
    )


def metric_values(rows: Sequence[Row], seed: int, resamples: int) -> MetricValues:
    """Every metric of graded rows, and its values over draws of families (None if there is one family only)."""
    if not rows:
        raise NothingInCommon("no episode was graded")
    graded = _graded_arrays(rows, [row.p_corrupted for row in rows])
    draws = graded.resample(np.random.default_rng(seed), resamples)
    metrics = _values_with_spreads(graded, draws)
    reward = Share(np.array([row.reward for row in rows], dtype=np.float64), np.ones(len(rows), dtype=np.bool_))
    metrics["reward"] = (reward.value(), None if draws is None else reward.spread(draws))
    metrics["auroc_log_odds"] = (None, None)
    if any(row.log_odds is not None for row in rows):
        metrics["auroc_log_odds"] = _values_with_spreads(_graded_arrays(rows, _log_odds_ranks(rows)), draws)["auroc"]
    return metrics


def _log_odds_ranks(rows: Sequence[Row]) -> list[float]:
    """`rank / rows` of each row's log-odds: the same order, and from 0 to 1, as `GradedArrays` needs it."""
    from scipy.stats import rankdata  # takes seconds to import

    def log_odds(row: Row) -> float:
        if row.log_odds is not None:
            return row.log_odds
        return -CERTAIN_LOG_ODDS if row.corrupted else CERTAIN_LOG_ODDS

    return list(rankdata([log_odds(row) for row in rows]) / len(rows))


def _values_with_spreads(graded: GradedArrays, draws: Resamples | None) -> MetricValues:
    spreads = {} if draws is None else spread(graded, draws)
    return {name: (value, spreads.get(name)) for name, value in values(graded).items()}


def _graded_arrays(rows: Sequence[Row], scores: Sequence[float | None]) -> GradedArrays:
    return GradedArrays.of(
        [str(row.family) for row in rows],
        [bool(row.corrupted) for row in rows],
        [row.detection for row in rows],
        scores,
    )


def _mean(runs: Sequence[Value]) -> Estimate:
    points = [point for point, _ in runs if point is not None]
    spreads = [over_draws for _, over_draws in runs if over_draws is not None]
    if len(points) < len(runs):
        return Estimate(value=None)
    return estimate(float(np.mean(points)), np.mean(spreads, axis=0) if len(spreads) == len(runs) else None)


def _subtract(after: Value, before: Value) -> Value:
    (a, spread_a), (b, spread_b) = after, before
    return (
        None if a is None or b is None else a - b,
        None if spread_a is None or spread_b is None else spread_a - spread_b,
    )
