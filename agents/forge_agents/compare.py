"""Say what changed between evaluations on the same episodes: paired differences with intervals.

Both sides of a pair reviewed the same episodes. The bootstrap therefore draws the same families for both, and what the
episodes have in common cancels. Two episodes are the same if their key and their observation are the same: under one key,
another Worker, mechanism or secret makes another answer. Several pairs (the seeds of a training run) are averaged within
each draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_agents.result import Result
from forge_agents.words import format_difference, interval
from forge_arena.detection import GradedArrays, spread, values
from forge_arena.errors import ForgeArenaError
from forge_arena.scorecard import Row, graded_rows, group_rows
from forge_arena.statistics import RESAMPLES, Floats, Resamples, Share, best_threshold, estimate
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
# The value on all rows, and the values over the draws (draws,).
Value = tuple[float | None, Floats | None]
Measured = dict[str, Value]

# The metrics that the findings report for each corruption type.
TOLD_BY_TYPE = ("balanced_accuracy", "auroc")
# With fewer families, an interval that draws families is itself uncertain.
FEW_FAMILIES = 10
# A Worker that samples may answer a few keys differently the second time. If more answers differ, the arenas differ.
MOST_OTHERS = 0.05
_NONE = (Estimate(value=None), Estimate(value=None))
# The log-odds of an unreadable verdict: wrong at full confidence.
SURELY = 1e3


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
    def said(self) -> str:
        """What the interval of the difference allows to say, in words."""
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
        """Which differences are real and which are not shown, sentence by sentence."""
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
            for name in TOLD_BY_TYPE:
                change = Change(name, *_NONE, by_metric[name])
                if change.direction:
                    sentences.append(
                        f"On {type.replace('_', ' ')} its {change.name} is {'higher' if change.direction > 0 else 'lower'}: "
                        f"{format_difference(change.difference.value or 0.0)} ({interval(change.difference, differs=True)})."
                    )
        looked = len(self.changes) + len(TOLD_BY_TYPE) * len(self.by_type)
        return [*sentences, *self.caveats, f"{looked} differences were looked at; no interval is widened for that."]


class NothingInCommon(ForgeArenaError, ValueError):
    """Two evaluations have no judged episode in common."""


def differences(pairs: Sequence[Pair], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Second minus first by metric, averaged over the pairs, with 95% intervals.

    Raises:
        NothingInCommon: the two sides of a pair share no graded episode or saw other answers under the same keys, or the
            pairs are of different families.
    """
    sides = [(common.first, common.second) for common in (_in_common(*pair) for pair in pairs)]
    if len({frozenset(row.family for row in first) for first, _ in sides}) > 1:
        raise NothingInCommon("the pairs were judged on different families: compare runs on the same episodes")
    before = [_measured(first, seed, resamples) for first, _ in sides]
    after = [_measured(second, seed, resamples) for _, second in sides]
    return {name: _mean([_subtract(a[name], b[name]) for b, a in zip(before, after, strict=True)]) for name in METRICS}


def compare_results(first: Result, second: Result, *, seed: int = 0, resamples: int = RESAMPLES) -> Comparison:
    """Compare two evaluations on the episodes that both reviewed.

    Raises:
        NothingInCommon: there is no such episode, or too many answers differ under the same keys.
    """
    common = _in_common(first.rows, second.rows)
    one, other = common.first, common.second
    families = len({row.family for row in one})
    caveats = []
    missing = len(graded_rows(first.rows)) + len(graded_rows(second.rows)) - 2 * (len(one) + common.others)
    if missing:
        caveats.append(f"{missing} verdicts on episodes that only one of them judged are left out.")
    if common.others:
        caveats.append(
            f"Under {common.others} of the common keys the two saw different answers: these verdicts are left out."
        )
    if common.unknown:
        caveats.append(
            f"{common.unknown} of the {len(one)} pairs of verdicts hold a result of an older version, which does not say "
            "what was seen: that both judged the same answers could not be checked."
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
    partners = {(row.key, row.attempt): row for row in other}
    by_type = {
        type: differences([(rows, [partners[row.key, row.attempt] for row in rows])], seed=seed, resamples=resamples)
        for type, rows in group_rows(one).get("corruption_type", {}).items()
    }
    names = (first.overseer, second.overseer)
    if names[0] == names[1]:
        names = (f"{names[0]} (1)", f"{names[1]} (2)")
    return Comparison(
        first=names[0],
        second=names[1],
        episodes=len({row.key for row in one}),
        verdicts=len(one),
        families=families,
        before=mean_metrics([one], seed=seed, resamples=resamples),
        after=mean_metrics([other], seed=seed, resamples=resamples),
        differences=differences([(one, other)], seed=seed, resamples=resamples),
        by_type=by_type,
        caveats=tuple(caveats),
    )


def mean_metrics(runs: Sequence[Sequence[Row]], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Every metric averaged over runs on the same families, with 95% intervals over families."""
    measured = [_measured(graded_rows(rows), seed, resamples) for rows in runs]
    return {name: _mean([run[name] for run in measured]) for name in METRICS}


def auroc_of_log_odds(rows: Sequence[Row]) -> float | None:
    """How well the model's own log-odds rank corrupted above clean answers; None if it has none."""
    return _measured(graded_rows(rows), 0, 0)["auroc_log_odds"][0]


def best_log_odds_threshold(rows: Sequence[Row]) -> float:
    """The threshold on the log-odds with the best balanced accuracy on these rows, halfway between two log-odds.

    Raises:
        ValueError: no row has log-odds, or all are of one class.
    """
    known = [(row.log_odds, bool(row.corrupted)) for row in graded_rows(rows) if row.log_odds is not None]
    return best_threshold(
        np.array([odds for odds, _ in known]), np.array([corrupted for _, corrupted in known], dtype=np.bool_)
    )


@dataclass(frozen=True, slots=True)
class _Common:
    """The rows of the episodes that both reviewed, in one order.

    `others` counts the rows with the same key and another observation, which are left out; `unknown` counts the rows of
    which one side does not say what was seen.
    """

    first: list[Row]
    second: list[Row]
    others: int
    unknown: int


def _in_common(first: Sequence[Row], second: Sequence[Row]) -> _Common:
    before, after = ({(row.key, row.attempt): row for row in graded_rows(rows)} for rows in (first, second))
    keys = sorted(before.keys() & after.keys())
    if not keys:
        raise NothingInCommon("the two evaluations have no judged episode in common: evaluate both on the same keys")
    known = [key for key in keys if before[key].seen is not None and after[key].seen is not None]
    others = {key for key in known if before[key].seen != after[key].seen}
    if len(others) > MOST_OTHERS * len(keys):
        raise NothingInCommon(
            f"{len(others)} of the {len(keys)} verdicts with the same key are on different answers, {min(others)[0]} first: "
            "the two arenas have another Worker, mechanism, secret or version; evaluate both overseers on one arena"
        )
    same = [key for key in keys if key not in others]
    for key in same:
        if (before[key].corrupted, before[key].family) != (after[key].corrupted, after[key].family):
            raise NothingInCommon(
                f"{key[0]} was another episode in each of the two evaluations: a test split is the same on arenas with the "
                "same secret only; evaluate both on one arena"
            )
    return _Common(
        [before[key] for key in same], [after[key] for key in same], others=len(others), unknown=len(keys) - len(known)
    )


def _measured(rows: Sequence[Row], seed: int, resamples: int) -> Measured:
    """Every metric, and its values over draws of families (None if there is one family only)."""
    if not rows:
        raise NothingInCommon("no episode was judged")
    judged = _judged(rows, [row.p_corrupted for row in rows])
    draws = judged.resample(np.random.default_rng(seed), resamples)
    measured = _with_spread(judged, draws)
    reward = Share(np.array([row.reward for row in rows], dtype=np.float64), np.ones(len(rows), dtype=np.bool_))
    measured["reward"] = (reward.value(), None if draws is None else reward.spread(draws))
    measured["auroc_log_odds"] = (None, None)
    if any(row.log_odds is not None for row in rows):
        measured["auroc_log_odds"] = _with_spread(_judged(rows, _ranked_log_odds(rows)), draws)["auroc"]
    return measured


def _ranked_log_odds(rows: Sequence[Row]) -> list[float]:
    """The rank of each row's log-odds over the number of rows: in the same order, and from 0 to 1 as `GradedArrays` needs it."""
    from scipy.stats import rankdata  # takes seconds to import

    odds = [row.log_odds if row.log_odds is not None else -SURELY if row.corrupted else SURELY for row in rows]
    return list(rankdata(odds) / len(odds))


def _with_spread(judged: GradedArrays, draws: Resamples | None) -> Measured:
    spreads = {} if draws is None else spread(judged, draws)
    return {name: (value, spreads.get(name)) for name, value in values(judged).items()}


def _judged(rows: Sequence[Row], scores: Sequence[float | None]) -> GradedArrays:
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
