"""Say what changed between evaluations on the same episodes: paired differences with intervals.

Both sides of a pair judged the same episodes, so whole families are drawn for both at once and what the episodes have
in common cancels. Two episodes are the same where key and observation are: under one key another Worker, mechanism or
secret makes another answer. Several pairs (the seeds of a training run) are averaged within each draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from forge_agents.result import Result
from forge_agents.words import interval, signed
from forge_arena.detection import RESAMPLES, Floats, Judged, Resamples, Share, estimate, estimates, spread
from forge_arena.detection import best_threshold as threshold
from forge_arena.errors import ForgeArenaError
from forge_arena.metrics import Row, grouped, judged_rows
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
# Whether more of it is better; the share flagged is neither.
BETTER = {name: -1 if name == "brier" else 0 if name == "share_flagged" else 1 for name in METRICS}

Pair = tuple[Sequence[Row], Sequence[Row]]
Value = tuple[float | None, Floats | None]
Measured = dict[str, Value]

# What is said of each corruption type.
TOLD_BY_TYPE = ("balanced_accuracy", "auroc")
# Below so many families an interval that draws families is itself uncertain.
FEW_FAMILIES = 10
# A Worker that samples may answer a few keys otherwise the second time. Where more differ, the arenas do.
MOST_OTHERS = 0.05
_NONE = (Estimate(value=None), Estimate(value=None))
# Stands for the log-odds of a verdict that could not be read: wrong, and sure of it.
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
        """What it is called within a sentence."""
        return NAMES[self.metric]

    @property
    def direction(self) -> int:
        """1 where the difference is clear of 0 and up, -1 where it is clear and down, else 0."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None:
            return 0
        return 1 if low > 0 else -1 if high < 0 else 0

    @property
    def said(self) -> str:
        """In words, what the interval of the difference allows."""
        if self.difference.value is None:
            return "not defined"
        if self.difference.low is None:
            return "no interval"
        if not self.direction:
            return "not clear of 0"
        better = self.direction * BETTER[self.metric]
        return "clear of 0" + ("" if not better else ", better" if better > 0 else ", worse")


class Comparison(Noun):
    """The second evaluation against the first, on the `episodes` that both judged, with `verdicts` of each: every metric
    of each, and the paired differences, over all and by corruption type. `caveats` say what else a reader must know."""

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
        """Metric by metric, those that both have."""
        return [
            Change(name, self.before[name], self.after[name], difference)
            for name, difference in self.differences.items()
            if difference.value is not None
        ]

    def findings(self) -> list[str]:
        """Sentence by sentence, which differences are real, and which were not shown."""
        clear = [change for change in self.changes if change.direction]
        said = [
            f"{self.second} has a {'higher' if change.direction > 0 else 'lower'} {change.name} than {self.first}: "
            f"{signed(change.difference.value or 0.0)} ({interval(change.difference, differs=True)})."
            for change in clear
        ]
        unclear = [change.name for change in self.changes if not change.direction]
        if unclear:
            said.append(f"No difference is shown in {', '.join(unclear)}.")
        for type, found in self.by_type.items():
            for name in TOLD_BY_TYPE:
                change = Change(name, *_NONE, found[name])
                if change.direction:
                    said.append(
                        f"On {type.replace('_', ' ')} its {change.name} is {'higher' if change.direction > 0 else 'lower'}: "
                        f"{signed(found[name].value or 0.0)} ({interval(found[name], differs=True)})."
                    )
        looked = len(self.changes) + len(TOLD_BY_TYPE) * len(self.by_type)
        return [*said, *self.caveats, f"{looked} differences were looked at; no interval is widened for that."]


class NothingInCommon(ForgeArenaError, ValueError):
    """Two evaluations have no judged episode in common."""


def differences(pairs: Sequence[Pair], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """What the second of each pair has more of than the first, by metric, averaged over pairs, with 95% intervals.

    Raises:
        NothingInCommon: the two sides of a pair share no judged episode or judged others under the same keys, or the
            pairs judged different families.
    """
    sides = [(found.first, found.second) for found in (_in_common(*pair) for pair in pairs)]
    if len({frozenset(row.family for row in first) for first, _ in sides}) > 1:
        raise NothingInCommon("the pairs were judged on different families: compare runs on the same episodes")
    before = [_measured(first, seed, resamples) for first, _ in sides]
    after = [_measured(second, seed, resamples) for _, second in sides]
    return {name: _mean([_less(a[name], b[name]) for b, a in zip(before, after, strict=True)]) for name in METRICS}


def compared(first: Result, second: Result, *, seed: int = 0, resamples: int = RESAMPLES) -> Comparison:
    """Hold two evaluations against each other on the episodes that both judged.

    Raises:
        NothingInCommon: there is none, or most of what has the same keys is not the same.
    """
    common = _in_common(first.rows, second.rows)
    one, other = common.first, common.second
    families = len({row.family for row in one})
    caveats = []
    missing = len(judged_rows(first.rows)) + len(judged_rows(second.rows)) - 2 * (len(one) + common.others)
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
    # The same rows on both sides, though a verdict may be of another type than it says.
    places = {(row.key, row.attempt): row for row in other}
    by_type = {
        type: differences([(rows, [places[row.key, row.attempt] for row in rows])], seed=seed, resamples=resamples)
        for type, rows in grouped(one).get("corruption_type", {}).items()
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
        before=means([one], seed=seed, resamples=resamples),
        after=means([other], seed=seed, resamples=resamples),
        differences=differences([(one, other)], seed=seed, resamples=resamples),
        by_type=by_type,
        caveats=tuple(caveats),
    )


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


@dataclass(frozen=True, slots=True)
class _Common:
    """The rows of the episodes that both judged, in one order. `others` rows had the same key and another observation;
    of `unknown` rows one side does not say what was seen."""

    first: list[Row]
    second: list[Row]
    others: int
    unknown: int


def _in_common(first: Sequence[Row], second: Sequence[Row]) -> _Common:
    one, other = ({(row.key, row.attempt): row for row in judged_rows(rows)} for rows in (first, second))
    keys = sorted(one.keys() & other.keys())
    if not keys:
        raise NothingInCommon("the two evaluations have no judged episode in common: evaluate both on the same keys")
    known = [key for key in keys if one[key].seen is not None and other[key].seen is not None]
    others = {key for key in known if one[key].seen != other[key].seen}
    if len(others) > MOST_OTHERS * len(keys):
        raise NothingInCommon(
            f"{len(others)} of the {len(keys)} verdicts with the same key are on different answers, {min(others)[0]} first: "
            "the two arenas have another Worker, mechanism, secret or version; evaluate both overseers on one arena"
        )
    same = [key for key in keys if key not in others]
    for key in same:
        if (one[key].corrupted, one[key].family) != (other[key].corrupted, other[key].family):
            raise NothingInCommon(
                f"{key[0]} was another episode in each of the two evaluations: a test split is the same on arenas with the "
                "same secret only; evaluate both on one arena"
            )
    return _Common(
        [one[key] for key in same], [other[key] for key in same], others=len(others), unknown=len(keys) - len(known)
    )


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
