"""Compare evaluations on the same episodes: paired differences with 95% intervals, and findings in words.

Both sides of a pair reviewed the same episodes. The bootstrap therefore draws the same families for both, and the
difficulty that the episodes have in common cancels (a paired cluster bootstrap). Two episodes are the same if their key
and their observation are the same: under one key, another Worker, mechanism or secret makes another answer. Several
pairs (the seeds of a training run) are averaged within each draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_agents.result import Result
from forge_agents.words import format_difference, interval
from forge_arena.errors import ForgeArenaError
from forge_arena.measures.detection import GradedArrays, spread, values
from forge_arena.measures.scorecard import Row, graded_rows, group_rows
from forge_arena.measures.statistics import RESAMPLES, Floats, Resamples, Share, best_threshold, estimate
from forge_arena.types import Estimate, Noun

NAMES = {
    "reward": "reward",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC of the stated confidence",
    "auroc_log_odds": "AUROC of the model's log-odds",
    "brier": "Brier score",
    "f1": "F1",
    "share_flagged": "share flagged",
}
METRICS = tuple(NAMES)
# 1 if more of the metric is better, -1 if less is better, 0 for neither.
BETTER = {name: -1 if name == "brier" else 0 if name == "share_flagged" else 1 for name in METRICS}

Pair = tuple[Sequence[Row], Sequence[Row]]
# The value of a metric on all rows, and its values over the draws (draws,). None if it is not defined.
Value = tuple[float | None, Floats | None]
MetricValues = dict[str, Value]

# The metrics that the findings report for each corruption type.
METRICS_BY_TYPE = ("balanced_accuracy", "auroc")
# With fewer families, an interval that draws families is itself uncertain.
FEW_FAMILIES = 10
# A Worker that samples may answer a few keys differently the second time. If more answers differ, the arenas differ.
MOST_OTHERS = 0.05
_NONE = (Estimate(value=None), Estimate(value=None))
# The log-odds of an unreadable verdict: wrong at full confidence.
CERTAIN_LOG_ODDS = 1e3


@dataclass(frozen=True, slots=True)
class Change:
    """One metric before and after, and the paired difference."""

    metric: str
    before: Estimate
    after: Estimate
    difference: Estimate

    @property
    def name(self) -> str:
        """The name of the metric within a sentence."""
        return NAMES[self.metric]

    @property
    def direction(self) -> int:
        """1 if the whole interval of the difference is above 0, -1 if it is below 0, otherwise 0."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None:
            return 0
        return 1 if low > 0 else -1 if high < 0 else 0

    @property
    def in_words(self) -> str:
        """Whether the difference is clear of 0, and whether it is better or worse: "clear of 0, better"."""
        if self.difference.value is None:
            return "not defined"
        if self.difference.low is None:
            return "no interval"
        if not self.direction:
            return "not clear of 0"
        better = self.direction * BETTER[self.metric]
        return "clear of 0" + ("" if not better else ", better" if better > 0 else ", worse")


class Comparison(Noun):
    """The second evaluation against the first, on the `episodes` that both reviewed, with `verdicts` of each.

    `before` and `after` hold every metric of each side. `differences` are paired, over all episodes and `by_type`.
    `caveats` say what else a reader must know.
    """

    first: str
    second: str
    episodes: int
    verdicts: int
    families: int
    before: dict[str, Estimate]
    after: dict[str, Estimate]
    differences: dict[str, Estimate]
    by_type: dict[str, dict[str, Estimate]]
    caveats: tuple[str, ...]

    @property
    def changes(self) -> list[Change]:
        """The metrics that both sides have, in order."""
        return [
            Change(name, self.before[name], self.after[name], difference)
            for name, difference in self.differences.items()
            if difference.value is not None
        ]

    def findings(self) -> list[str]:
        """Sentences that say which differences are real and which are not shown."""
        clear = [change for change in self.changes if change.direction]
        sentences = [
            f"{self.second} has a {'higher' if change.direction > 0 else 'lower'} {change.name} than {self.first}: "
            f"{format_difference(change.difference.value or 0.0)} ({interval(change.difference, differs=True)})."
            for change in clear
        ]
        unclear = [change.name for change in self.changes if not change.direction]
        if unclear:
            sentences.append(f"No difference is shown in {', '.join(unclear)}.")
        for type, by_metric in self.by_type.items():
            for name in METRICS_BY_TYPE:
                change = Change(name, *_NONE, by_metric[name])
                if change.direction:
                    sentences.append(
                        f"On {type.replace('_', ' ')} its {change.name} is "
                        f"{'higher' if change.direction > 0 else 'lower'}: "
                        f"{format_difference(change.difference.value or 0.0)} "
                        f"({interval(change.difference, differs=True)})."
                    )
        count = len(self.changes) + len(METRICS_BY_TYPE) * len(self.by_type)
        return [*sentences, *self.caveats, f"{count} differences were looked at; no interval is widened for that."]


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
    sides = [(common.first, common.second) for common in (_common_rows(*pair) for pair in pairs)]
    if len({frozenset(row.family for row in first) for first, _ in sides}) > 1:
        raise NothingInCommon("the pairs are of different families: compare runs on the same episodes")
    before = [_metric_values(first, seed, resamples) for first, _ in sides]
    after = [_metric_values(second, seed, resamples) for _, second in sides]
    return {name: _mean([_subtract(a[name], b[name]) for b, a in zip(before, after, strict=True)]) for name in METRICS}


def compare_results(first: Result, second: Result, *, seed: int = 0, resamples: int = RESAMPLES) -> Comparison:
    """Compare two evaluations on the episodes that both reviewed.

    Episodes that only one side has are left out, and a caveat counts them. Metrics of a corruption type are on its own
    episodes and on the right answers of its domains.

    Raises:
        NothingInCommon: there is no such episode, or too many answers differ under the same keys.
    """
    common = _common_rows(first.rows, second.rows)
    families = len({row.family for row in common.first})
    caveats = []
    missing = len(graded_rows(first.rows)) + len(graded_rows(second.rows)) - 2 * (len(common.first) + common.others)
    if missing:
        caveats.append(f"{missing} verdicts on episodes that only one of them reviewed are left out.")
    if common.others:
        caveats.append(
            f"Under {common.others} of the common keys the two saw different answers: these verdicts are left out."
        )
    if common.unknown:
        caveats.append(
            f"{common.unknown} of the {len(common.first)} pairs of verdicts hold a result of an older version, which "
            "does not say what was seen: that both reviewed the same answers could not be checked."
        )
    if None not in (first.suite_hash, second.suite_hash) and first.suite_hash != second.suite_hash:
        caveats.append(
            "The arenas differ (another secret, mechanism, Worker, set of families or version): rewards may be graded "
            "otherwise."
        )
    if families < FEW_FAMILIES:
        caveats.append(
            f"The episodes are of {families} families: intervals that draw families are uncertain themselves."
        )
    if first.worker != second.worker:
        caveats.append(f"The Workers differ: {first.worker} and {second.worker}.")
    # Group the first side alone, and pair its rows: both sides must hold the same verdicts of each type.
    partners = {(row.key, row.attempt): row for row in common.second}
    by_type = {
        type: differences([(rows, [partners[row.key, row.attempt] for row in rows])], seed=seed, resamples=resamples)
        for type, rows in group_rows(common.first).get("corruption_type", {}).items()
    }
    names = (first.overseer, second.overseer)
    if names[0] == names[1]:
        names = (f"{names[0]} (1)", f"{names[1]} (2)")
    return Comparison(
        first=names[0],
        second=names[1],
        episodes=len({row.key for row in common.first}),
        verdicts=len(common.first),
        families=families,
        before=mean_metrics([common.first], seed=seed, resamples=resamples),
        after=mean_metrics([common.second], seed=seed, resamples=resamples),
        differences=differences([(common.first, common.second)], seed=seed, resamples=resamples),
        by_type=by_type,
        caveats=tuple(caveats),
    )


def mean_metrics(runs: Sequence[Sequence[Row]], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Every metric averaged over runs on the same families, with 95% intervals over families."""
    values_of_runs = [_metric_values(graded_rows(rows), seed, resamples) for rows in runs]
    return {name: _mean([run[name] for run in values_of_runs]) for name in METRICS}


def auroc_of_log_odds(rows: Sequence[Row]) -> float | None:
    """The AUROC of the model's own log-odds, 0 to 1; None if no row has log-odds, or all are of one class."""
    return _metric_values(graded_rows(rows), 0, 0)["auroc_log_odds"][0]


def best_log_odds_threshold(rows: Sequence[Row]) -> float:
    """The threshold on the log-odds with the best balanced accuracy on these rows, halfway between two log-odds.

    An answer is flagged if its log-odds are above the threshold.

    Raises:
        ValueError: no row has log-odds, or all are of one class.
    """
    scored = [row for row in graded_rows(rows) if row.log_odds is not None]
    log_odds = np.array([row.log_odds for row in scored], dtype=np.float64)  # (rows,)
    return best_threshold(log_odds, np.array([bool(row.corrupted) for row in scored], dtype=np.bool_))


@dataclass(frozen=True, slots=True)
class _Common:
    """The rows of the episodes that both reviewed, in one order.

    `others` counts the rows with the same key and another observation. They are left out. `unknown` counts the rows of
    which one side does not say which observation was reviewed.
    """

    first: list[Row]
    second: list[Row]
    others: int
    unknown: int


def _common_rows(first: Sequence[Row], second: Sequence[Row]) -> _Common:
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
    return _Common(
        [before[key] for key in same], [after[key] for key in same], others=len(others), unknown=len(keys) - len(known)
    )


def _metric_values(rows: Sequence[Row], seed: int, resamples: int) -> MetricValues:
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
