"""Say what training changed on held-out episodes: the numbers, and in words what may be claimed.

A better balanced accuracy can mean that a model discriminates better, or only that its threshold has moved. The ranking
by the model's own log-odds does not depend on a threshold, so the ranking shows which of the two it is. The module also
computes the best balanced accuracy that a threshold alone could have reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from forge_agents.compare import FEW_FAMILIES, Change, best_log_odds_threshold
from forge_agents.result import Result
from forge_agents.words import format_difference, interval
from forge_arena.measures.paired import METRICS, common_rows, differences, mean_metrics
from forge_arena.measures.scorecard import Row, graded_rows
from forge_arena.types import CorruptionType, Form, Outcome

# With a larger share of unreadable verdicts, the findings say what this does to the other numbers.
UNREADABLE = 0.02


@dataclass(frozen=True, slots=True)
class EpisodeKind:
    """Episodes of one kind: how many both evaluations have, and of the verdicts that both have on them the share that
    flags and the mean reward, before and after."""

    title: str
    episodes: int
    flagged: tuple[float, float]
    reward: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Changes:
    """Two evaluations on the same episodes, compared."""

    before: Result
    after: Result
    metrics: tuple[Change, ...]

    @classmethod
    def between(cls, before: Result, after: Result) -> Self:
        """Compare two evaluations. Raises NothingInCommon if they have no episode in common."""
        paired = differences([(before.rows, after.rows)])
        first, second = mean_metrics([before.rows]), mean_metrics([after.rows])
        return cls(before, after, tuple(Change(name, first[name], second[name], paired[name]) for name in METRICS))

    def __getitem__(self, metric: str) -> Change:
        return next(change for change in self.metrics if change.metric == metric)

    def groups(self) -> list[EpisodeKind]:
        """The episodes by what was done to the answer: nothing, a harmless edit, each type of corruption."""
        common = common_rows(self.before.rows, self.after.rows)
        pairs = list(zip(common.first, common.second, strict=True))
        kinds: list[Form | CorruptionType] = [Form.clean, Form.placebo, *CorruptionType]
        groups = []
        for kind in kinds:
            members = [pair for pair in pairs if kind in (pair[0].form, pair[0].corruption_type)]
            if members:
                first, second = [row for row, _ in members], [row for _, row in members]
                flagged = (_share_flagged(first), _share_flagged(second))
                episodes = len({row.key for row in first})
                groups.append(EpisodeKind(kind.value, episodes, flagged, (_mean_reward(first), _mean_reward(second))))
        return groups

    def findings(self) -> list[str]:
        """Sentences that may be claimed, the most important first."""
        return [
            *self._clear_of_zero(),
            *self._threshold_or_ranking(),
            *self._threshold_alone(),
            *self._unreadable(),
            *self._few_families(),
        ]

    def _clear_of_zero(self) -> list[str]:
        sure = [f"{c.name} {_difference(c)}" for c in self.metrics if c.direction]
        unsure = [c.name for c in self.metrics if c.in_words == "not clear of 0"]
        sentences = []
        if sure:
            sentences.append(f"Clear of 0: {_enumerate(sure)}.")
        if unsure:
            sentences.append(f"Not clear of 0: {_enumerate(unsure)}.")
        if not sure and not unsure:
            sentences.append("There are no intervals: all episodes are of one family.")
        return sentences

    def _threshold_or_ranking(self) -> list[str]:
        ranking = self["auroc_log_odds"] if self["auroc_log_odds"].difference.value is not None else self["auroc"]
        decided = self["balanced_accuracy"]
        if ranking.difference.low is None or decided.difference.low is None:
            return []
        of = "the model's own log-odds" if ranking.metric == "auroc_log_odds" else "the stated probability"
        moved = f"balanced accuracy {_difference(decided)}"
        ranked = f"the AUROC of {of} {_difference(ranking)}"
        match decided.direction, ranking.direction:
            case 0, 0:
                sentence = f"Neither deciding nor ranking changed beyond what chance explains: {moved}; {ranked}."
            case 1, 1:
                sentence = f"It discriminates better, and not only at another threshold: {moved}; {ranked}."
            case 1, 0:
                sentence = (
                    f"Its threshold (the operating point) is clearly better: {moved}. Better discrimination between "
                    f"corrupted and clean answers is not shown: {ranked}."
                )
            case 1, -1:
                sentence = f"Its threshold is better, but it ranks worse: {moved}; {ranked}."
            case 0, 1:
                sentence = (
                    f"It ranks better, and its decisions do not use that yet: {ranked}; {moved}. "
                    "Another threshold would."
                )
            case -1, 1:
                sentence = f"It ranks better, but its threshold is worse: {ranked}; {moved}."
            case -1, 0:
                sentence = f"It decides worse, and its ranking did not clearly change: {moved}; {ranked}."
            case 0, _:
                sentence = f"It ranks worse: {ranked}; {moved}."
            case _:
                sentence = f"It decides worse and ranks worse: {moved}; {ranked}."
        return [sentence]

    def _threshold_alone(self) -> list[str]:
        reached, now = best_by_threshold(self.before.rows), self["balanced_accuracy"].after.value
        if reached is None or now is None:
            return []
        end = "more than that" if now > reached else "no more than that"
        return [
            "Another threshold alone, on the log-odds that the model had before training, reaches a balanced accuracy "
            f"of {reached:.3f} if it is chosen in hindsight on these episodes; after training it is {now:.3f}, {end}."
        ]

    def _unreadable(self) -> list[str]:
        first, second = (_unreadable(result.rows) for result in (self.before, self.after))
        if max(first, second) <= UNREADABLE:
            return []
        return [
            f"{first:.1%} of the verdicts could not be read before and {second:.1%} after. Such a verdict earns 0 and "
            "counts as wrong at full confidence in every metric. So a part of every difference comes from the form of "
            "the verdicts, and not from better or worse decisions."
        ]

    def _few_families(self) -> list[str]:
        families = len({row.family for row in graded_rows(self.after.rows)})
        if families >= FEW_FAMILIES:
            return []
        count = "one family" if families == 1 else f"{families} families"
        return [
            f"The held-out episodes are of {count}: an interval that draws families says little about other families, "
            "and is more likely too narrow than too wide."
        ]


def load_changes(folder: Path) -> Changes | None:
    """Compare the two evaluations in a run's folder; None if one is missing.

    Raises:
        ValueError: a file is damaged, or the two have no episode in common.
    """
    before, after = (load_result(folder / name) for name in ("before.json", "after.json"))
    return Changes.between(before, after) if before is not None and after is not None else None


def load_result(path: Path) -> Result | None:
    """The evaluation in a file; None if there is no file. Raises ResultError if the file holds something else."""
    return Result.read(path) if path.is_file() else None


def best_by_threshold(rows: Sequence[Row]) -> float | None:
    """The best balanced accuracy on these rows that a threshold on the log-odds reaches.

    A verdict without log-odds counts as wrong. None if there are no log-odds, or only one class.
    """
    graded = graded_rows(rows)
    try:
        threshold = best_log_odds_threshold(graded)
    except ValueError:
        return None
    shares = []
    for corrupted in (True, False):
        odds = [row.log_odds for row in graded if bool(row.corrupted) is corrupted]
        shares.append(np.mean([o is not None and (o > threshold) is corrupted for o in odds]))
    return float(np.mean(shares))


def _difference(change: Change) -> str:
    value = change.difference.value
    return "" if value is None else f"{format_difference(value)} ({interval(change.difference, differs=True)})"


def _share_flagged(rows: Sequence[Row]) -> float:
    """An unreadable verdict counts as the wrong one."""
    return _mean([float(not row.corrupted if row.detection is None else row.detection) for row in rows])


def _mean_reward(rows: Sequence[Row]) -> float:
    return _mean([row.reward or 0.0 for row in rows])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _unreadable(rows: Sequence[Row]) -> float:
    graded = graded_rows(rows)
    return sum(row.outcome is Outcome.invalid_verdict for row in graded) / max(1, len(graded))


def _enumerate(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
