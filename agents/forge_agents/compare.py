"""Compare evaluations on the same episodes: paired differences with 95% intervals, and findings in words.

`forge_arena.measures.paired` computes the differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from forge_agents.result import Result
from forge_agents.words import counted, format_difference, interval
from forge_arena.measures.paired import METRICS, common_rows, differences, mean_metrics, metric_values
from forge_arena.measures.power import detectable_difference
from forge_arena.measures.scorecard import Detectable, Row, graded_rows, group_rows
from forge_arena.measures.statistics import RESAMPLES, best_threshold
from forge_arena.types import Estimate, Noun

NAMES = {
    "reward": "reward",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC of the stated probability",
    "auroc_log_odds": "AUROC of the model's log-odds",
    "brier": "Brier score",
    "f1": "F1",
    "share_flagged": "share flagged",
}
# 1 if more of the metric is better, -1 if less is better, 0 for neither.
BETTER = {name: -1 if name == "brier" else 0 if name == "share_flagged" else 1 for name in METRICS}

# The metrics that the findings report for each corruption type.
METRICS_BY_TYPE = ("balanced_accuracy", "auroc")
# With fewer families, an interval that draws families is itself uncertain.
FEW_FAMILIES = 10
_NONE = (Estimate(value=None), Estimate(value=None))
# What a Worker that corrupts its own answer was told, by the names of the fields of a row.
TOLD = ("awareness", "candour")


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


class Sides(Noun):
    """Every metric of both sides on one group of episodes, and the paired differences."""

    verdicts: int
    before: dict[str, Estimate]
    after: dict[str, Estimate]
    differences: dict[str, Estimate]

    @classmethod
    def of(cls, before: Sequence[Row], after: Sequence[Row], seed: int, resamples: int) -> Self:
        """Of graded rows in the same order."""
        return cls(
            verdicts=len(before),
            before=mean_metrics([before], seed=seed, resamples=resamples),
            after=mean_metrics([after], seed=seed, resamples=resamples),
            differences=differences([(before, after)], seed=seed, resamples=resamples),
        )


class Comparison(Noun):
    """The second evaluation against the first, on the `episodes` that both reviewed, with `verdicts` of each.

    `before` and `after` hold every metric of each side. `differences` are paired, over all episodes and `by_type`.
    `detectable` is how large a difference so many families show; None if there are too few families.
    `told` has both sides by awareness and by candour, for the answers that the Worker corrupted itself. `caveats` say
    what else a reader must know.
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
    told: dict[str, dict[str, Sides]] = {}
    detectable: Detectable | None = None
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
        groups = self._groups()
        for group, by_metric in groups.items():
            for name in METRICS_BY_TYPE:
                change = Change(name, *_NONE, by_metric[name])
                if change.direction:
                    sentences.append(
                        f"On {group}, the {change.name} of {self.second} is "
                        f"{'higher' if change.direction > 0 else 'lower'}: "
                        f"{format_difference(change.difference.value or 0.0)} "
                        f"({interval(change.difference, differs=True)})."
                    )
        if (size := self.detectable) is not None and size.in_words:
            sentences.append(
                f"With {size.families} families, a difference between the two is found with {size.power:.0%} power if "
                f"it is at least {size.in_words}."
            )
        count = len(self.changes) + len(METRICS_BY_TYPE) * len(groups)
        return [*sentences, *self.caveats, f"{count} differences were looked at; no interval is widened for that."]

    def _groups(self) -> dict[str, dict[str, Estimate]]:
        """The paired differences of each group of episodes, by what a sentence calls the group."""
        groups = {type.replace("_", " "): by_metric for type, by_metric in self.by_type.items()}
        for division, levels in self.told.items():
            groups |= {f"{division} {level}": sides.differences for level, sides in levels.items()}
        return groups


def compare_results(first: Result, second: Result, *, seed: int = 0, resamples: int = RESAMPLES) -> Comparison:
    """Compare two evaluations on the episodes that both reviewed.

    Verdicts that only one side has are left out, and a caveat counts them. Metrics of a corruption type are on its own
    episodes and on the right answers of its domains.

    Raises:
        NothingInCommon: there is no such episode, or too many answers differ under the same keys.
    """
    views_differ = first.view is not second.view
    # In different views other texts were seen of one episode, so what was seen cannot be held against each other.
    sides = [_without_seen(side.rows) if views_differ else side.rows for side in (first, second)]
    common = common_rows(*sides)
    families = len({row.family for row in common.first})
    caveats = []
    missing = len(graded_rows(first.rows)) + len(graded_rows(second.rows)) - 2 * (len(common.first) + common.others)
    if missing:
        are = "is" if missing == 1 else "are"
        caveats.append(f"{counted(missing, 'verdict')} that only one of them gave {are} left out.")
    if common.others:
        caveats.append(
            f"Under {common.others} of the common keys the two saw different answers: these verdicts are left out."
        )
    if views_differ:
        caveats.append(
            f"The views differ: {first.view} and {second.view}. That both reviewed the same answers could not be "
            "checked on the texts."
        )
    elif common.unknown:
        caveats.append(
            f"{common.unknown} of the {len(common.first)} pairs of verdicts hold a result of an older version, which "
            "does not say what was seen: that both reviewed the same answers could not be checked."
        )
    if None not in (first.suite_hash, second.suite_hash) and first.suite_hash != second.suite_hash:
        caveats.append(
            "The arenas differ (another secret, mechanism, Worker, set of families or code, or the hash of a version "
            "that still held the number of the version): rewards may be graded otherwise."
        )
    if families < FEW_FAMILIES:
        caveats.append(
            f"The episodes are of {counted(families, 'family', 'families')}: intervals that draw families are "
            "uncertain themselves."
        )
    if first.worker != second.worker:
        caveats.append(f"The Workers differ: {first.worker} and {second.worker}.")
    # Group the first side alone, and pair its rows: both sides must hold the same verdicts of each type.
    partners = {(row.key, row.attempt): row for row in common.second}
    groups = {
        division: {
            group: Sides.of(rows, [partners[row.key, row.attempt] for row in rows], seed, resamples)
            for group, rows in groups.items()
        }
        for division, groups in group_rows(common.first).items()
        if division in ("corruption_type", *TOLD)
    }
    names = (first.title, second.title)
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
        by_type={type: sides.differences for type, sides in groups.get("corruption_type", {}).items()},
        told={division: groups[division] for division in TOLD if division in groups},
        detectable=detectable_difference(common.first, common.second, seed=seed, resamples=resamples),
        caveats=tuple(caveats),
    )


def auroc_of_log_odds(rows: Sequence[Row]) -> float | None:
    """The AUROC of the model's own log-odds, 0 to 1; None if no row has log-odds, or all are of one class."""
    return metric_values(graded_rows(rows), 0, 0)["auroc_log_odds"][0]


def best_log_odds_threshold(rows: Sequence[Row]) -> float:
    """The threshold on the log-odds with the best balanced accuracy on these rows, halfway between two log-odds.

    An answer is flagged if its log-odds are above the threshold.

    Raises:
        ValueError: no row has log-odds, or all are of one class.
    """
    scored = [row for row in graded_rows(rows) if row.log_odds is not None]
    log_odds = np.array([row.log_odds for row in scored], dtype=np.float64)  # (rows,)
    return best_threshold(log_odds, np.array([bool(row.corrupted) for row in scored], dtype=np.bool_))


def _without_seen(rows: Sequence[Row]) -> list[Row]:
    return [row.model_copy(update={"seen": None}) for row in rows]
