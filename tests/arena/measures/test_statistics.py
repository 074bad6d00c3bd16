"""AUROC, thresholds and intervals: hand-worked cases, agreement with scikit-learn, and what the bootstrap draws."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.metrics import roc_auc_score

from forge_arena.measures.statistics import (
    Resamples,
    Sampler,
    Share,
    auroc,
    auroc_estimate,
    best_threshold,
    cluster_weights,
    estimate,
    exact_bounds,
    mean_estimate,
    partial_auroc,
    roc_curve,
    threshold_within,
    wilson_interval,
)
from forge_arena.types import Estimate


def test_auroc_counts_the_pairs_in_order_and_half_of_the_ties() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    # Of the four pairs (corrupted, other) three are in order, and (0.5, 0.5) is a tie.
    assert auroc(scores, np.array([True, True, False, False])) == (3 + 0.5) / 4


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_auroc_is_that_of_scikit_learn(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    corrupted = rng.random(500) < 0.3
    scores = np.round(corrupted + rng.normal(size=500), decimals)
    assert auroc(scores, corrupted) == pytest.approx(roc_auc_score(corrupted, scores), abs=1e-12)


@pytest.mark.parametrize("limit", [0.05, 0.2, 0.9])
@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_the_roc_and_a_part_of_its_area_are_those_of_scikit_learn_to_the_last_digit(
    decimals: int, limit: float
) -> None:
    rng = np.random.default_rng(decimals)
    corrupted = rng.integers(2, size=200).astype(bool)
    scores = np.round(rng.normal(0.3 * corrupted, 0.3), decimals)
    fpr, tpr, _ = metrics.roc_curve(corrupted, scores, drop_intermediate=False)
    assert np.array_equal(roc_curve(scores, corrupted), (fpr, tpr))
    assert partial_auroc(scores, corrupted, limit) == roc_auc_score(corrupted, scores, max_fpr=limit)


def test_auroc_of_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="needs both classes, got 3 corrupted of 3"):
        auroc(np.zeros(3), np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="needs both classes, got 0 corrupted of 3"):
        auroc_estimate(np.zeros(3), np.zeros(3, dtype=bool), np.arange(3), np.random.default_rng(0))


def test_the_best_threshold_lies_between_two_scores() -> None:
    scores = np.array([0.1, 0.2, 0.6, 0.8])
    assert best_threshold(scores, np.array([False, False, True, True])) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="a threshold needs scores of corrupted and of clean answers"):
        best_threshold(scores, np.ones(4, dtype=np.bool_))


def test_the_wilson_interval_of_8_of_10_and_of_nothing() -> None:
    # Wilson (1927): (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.96.
    assert wilson_interval(8, 10) == pytest.approx((0.490, 0.943), abs=0.0005)
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("sampler", ["picks", "counts"])
def test_a_draw_holds_as_many_clusters_as_there_are_each_as_often_as_any_other(sampler: Sampler) -> None:
    weights = cluster_weights(5, np.random.default_rng(0), 4_000, sampler)
    assert weights.shape == (4_000, 5)
    assert set(weights.sum(axis=1)) == {5.0}
    assert weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.05)
    # Counts of draws with replacement: variance n * p * (1 - p) = 0.8.
    assert weights.var(axis=0) == pytest.approx(np.full(5, 0.8), abs=0.08)


def test_the_two_samplers_do_not_give_the_same_draws() -> None:
    # Scorecards use the one and audits the other: an exchange would change every published interval.
    picks, counts = (cluster_weights(5, np.random.default_rng(0), 10, sampler) for sampler in ("picks", "counts"))
    assert not np.array_equal(picks, counts)


def test_a_total_is_the_sum_over_the_rows_of_the_drawn_clusters() -> None:
    resamples = Resamples(np.array([0, 0, 1]), np.array([[2.0, 0.0], [1.0, 1.0]]))
    assert resamples.total(np.array([1.0, 2.0, 4.0])).tolist() == [6.0, 7.0]


def test_a_share_of_no_rows_is_not_defined() -> None:
    nothing = Share(np.ones(3), np.zeros(3, dtype=np.bool_))
    assert nothing.value() is None
    resamples = Resamples(np.array([0, 1, 1]), cluster_weights(2, np.random.default_rng(0), 10, "picks"))
    assert nothing.estimate(resamples).low is None


def test_an_estimate_has_an_interval_where_some_draw_defines_it() -> None:
    spread = np.array([np.nan, *np.linspace(0.0, 1.0, 101)])
    found = estimate(0.5, spread)
    assert (found.low, found.high) == (pytest.approx(0.025), pytest.approx(0.975))
    assert estimate(0.5, np.array([np.nan, np.nan])) == Estimate(value=0.5)
    assert estimate(None, spread) == Estimate(value=None)


def test_the_interval_of_auroc_holds_the_value_and_widens_where_families_differ() -> None:
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(20), 50)
    corrupted = rng.random(1000) < 0.5
    alike = corrupted + rng.normal(size=1000)
    differing = corrupted * (family % 2) * 2 + rng.normal(size=1000)
    found = auroc_estimate(alike, corrupted, family, np.random.default_rng(1))
    assert found.value == pytest.approx(roc_auc_score(corrupted, alike))
    assert found.low < found.value < found.high
    wider = auroc_estimate(differing, corrupted, family, np.random.default_rng(1))
    assert wider.high - wider.low > 1.5 * (found.high - found.low)


def test_every_draw_has_the_auroc_that_scikit_learn_gives_its_rows() -> None:
    rng = np.random.default_rng(0)
    cluster, corrupted = rng.integers(4, size=60), rng.random(60) < 0.5
    scores = np.round(corrupted + rng.normal(size=60), 1)
    found = auroc_estimate(scores, corrupted, cluster, np.random.default_rng(7))
    spread = []
    for counts in cluster_weights(4, np.random.default_rng(7), 1_000, "counts"):
        rows = np.concatenate([np.tile(np.flatnonzero(cluster == c), int(times)) for c, times in enumerate(counts)])
        spread.append(roc_auc_score(corrupted[rows], scores[rows]))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(spread, [0.025, 0.975])))


def test_a_mean_leaves_out_what_is_not_known() -> None:
    values = np.array([1.0, 0.0, np.nan, 1.0])
    found = mean_estimate(values, np.array([0, 0, 1, 2]), np.random.default_rng(0))
    assert found.value == pytest.approx(2 / 3)
    assert found.low <= found.value <= found.high


def test_the_threshold_within_a_limit_is_the_lowest_that_so_many_exceed() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.9])
    counted = np.array([True, True, True, True, False])
    assert threshold_within(scores, counted, 0.0) == pytest.approx(0.65)
    assert threshold_within(scores, counted, 0.25) == pytest.approx(0.35)
    assert threshold_within(scores, counted, 1.0) == pytest.approx(-0.9)
    with pytest.raises(ValueError, match="needs scores of the rows that are counted"):
        threshold_within(scores, np.zeros(5, dtype=np.bool_), 0.1)


@pytest.mark.parametrize("clusters", [1, 4, 10, 12, 70])
def test_the_exact_bounds_are_those_of_clopper_and_pearson(clusters: int) -> None:
    for successes, rate in ((0, 0.0), (clusters, 1.0)):
        exact = binomtest(successes, clusters).proportion_ci(confidence_level=0.95, method="exact")
        assert exact_bounds(rate, clusters) == pytest.approx((exact.low, exact.high))


def test_an_interval_without_width_is_none() -> None:
    assert Estimate(value=0.5, low=0.4, high=0.6).has_interval
    assert not Estimate(value=0.0, low=0.0, high=0.0).has_interval
    assert not Estimate(value=0.1, low=0.1, high=0.1 + 1e-16).has_interval
    assert not Estimate(value=0.5).has_interval
