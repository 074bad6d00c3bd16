"""Score several verdicts on each episode: how often one of k is right, how often most are, and how good a vote is."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import comb

import numpy as np

from forge_arena.measures.detection import GradedArrays, estimates
from forge_arena.measures.metrics import graded_arrays
from forge_arena.measures.scorecard import Row, graded_rows
from forge_arena.measures.statistics import RESAMPLES, Floats, Share
from forge_arena.types import Estimate, Noun


class Votes(Noun):
    """The scores of a vote of `samples` verdicts on each of `episodes` episodes.

    An episode is left out if one of its verdicts failed, or if its answer changed between two of them. An unreadable
    verdict is a wrong vote.

    - `pass_at[k]`: the chance that at least one of k detections is right;
    - `maj_at[k]`: the chance that most of k detections are right; a tie counts half. Both are estimated without
      bias from all samples;
    - `brier_of_vote`: the Brier score of the share of votes for "corrupted", 0 to 1;
    - `auroc_of_mean[k]`: the AUROC of the mean P(corrupted) of the first k verdicts on each episode. An unreadable
      verdict counts as a wrong one at full confidence. Empty in results of older versions.
    """

    samples: int
    episodes: int
    pass_at: dict[int, Estimate]
    maj_at: dict[int, Estimate]
    brier_of_vote: Estimate
    auroc_of_mean: dict[int, Estimate] = {}


def pass_at_k(passed: int, attempts: int, k: int) -> float:
    """The chance that at least one of k attempts passes: 1 - C(n - c, k) / C(n, k) for c of n >= k (Chen et al. 2021).

    Raises:
        ValueError: k is larger than the number of attempts, or more passed than there are.
    """
    _check_counts(passed, attempts, k)
    # One division of whole numbers, because 1 - 0.8 is a little less than 0.2.
    return (comb(attempts, k) - comb(attempts - passed, k)) / comb(attempts, k)


def maj_at_k(passed: int, attempts: int, k: int) -> float:
    """The chance that most of k attempts pass; a tie counts half. It is the mean over all subsets of n >= k attempts.

    Raises:
        ValueError: as `pass_at_k`.
    """
    _check_counts(passed, attempts, k)
    halves = 0
    for right in range(k + 1):
        subsets = comb(passed, right) * comb(attempts - passed, k - right)
        halves += subsets * (2 if 2 * right > k else 1 if 2 * right == k else 0)
    return halves / (2 * comb(attempts, k))


def votes(rows: Sequence[Row], samples: int, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> Votes | None:
    """Score the votes of an evaluation with `samples` verdicts on each episode; None if no episode has them all."""
    by_key: dict[str, list[Row]] = defaultdict(list)
    for row in graded_rows(rows):
        by_key[row.key].append(row)
    complete = [group for group in by_key.values() if len(group) == samples and len({row.seen for row in group}) == 1]
    if not complete:
        return None
    firsts = [group[0] for group in complete]
    truth = [bool(row.corrupted) for row in firsts]
    right = [sum(row.detection == row.corrupted for row in group) for group in complete]
    # The share of votes for "corrupted".
    share = [count / samples if true else 1.0 - count / samples for count, true in zip(right, truth, strict=True)]
    graded = GradedArrays.of([str(row.family) for row in firsts], truth, [s > 0.5 for s in share], share)
    draws = graded.resample(rng, resamples)

    def mean(values: Sequence[float]) -> Estimate:
        return Share(np.array(values), np.ones(len(values), dtype=np.bool_)).estimate(draws)

    def at(chance: Callable[[int, int, int], float]) -> dict[int, Estimate]:
        return {k: mean([chance(count, samples, k) for count in right]) for k in range(1, samples + 1)}

    return Votes(
        samples=samples,
        episodes=len(complete),
        pass_at=at(pass_at_k),
        maj_at=at(maj_at_k),
        brier_of_vote=mean([(s - t) ** 2 for s, t in zip(share, truth, strict=True)]),
        auroc_of_mean={
            k: estimates(replace(graded, p=p), draws)["auroc"] for k, p in enumerate(_means(complete), start=1)
        },
    )


def _means(groups: Sequence[Sequence[Row]]) -> Iterator[Floats]:
    """The mean P(corrupted) of the first verdict on each episode, of the first two, and so on: each (episodes,)."""
    by_attempt = [graded_arrays(rows).p for rows in zip(*groups, strict=True)]  # attempts of (episodes,)
    for k in range(1, len(by_attempt) + 1):
        yield np.mean(by_attempt[:k], axis=0)


def _check_counts(passed: int, attempts: int, k: int) -> None:
    if not 0 <= passed <= attempts or not 1 <= k <= attempts:
        raise ValueError(f"need 0 <= passed <= attempts and 1 <= k <= attempts, got {passed}, {attempts}, {k}")
