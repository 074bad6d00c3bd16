"""Metrics on resampled clusters agree with scikit-learn on the rows that such a draw holds."""

import numpy as np
import pytest
from sklearn import metrics as sk

from forge_arena.measures import statistics
from forge_arena.measures.detection import GradedArrays, estimates, spread, values
from forge_arena.measures.statistics import Floats, Mask, Share


def judged(rows: int, clusters: int, seed: int = 1) -> GradedArrays:
    rng = np.random.default_rng(seed)
    corrupted = rng.integers(2, size=rows).astype(bool)
    # Rounded, so that there are ties; a tenth could not be read.
    p = np.clip(np.round(rng.normal(0.4 + 0.2 * corrupted, 0.25), 1), 0, 1)
    unread = rng.random(rows) < 0.1
    return GradedArrays.of(
        [f"c{n}" for n in rng.integers(clusters, size=rows)],
        corrupted.tolist(),
        [None if u else bool(q > 0.5) for u, q in zip(unread, p, strict=True)],
        [None if u else float(q) for u, q in zip(unread, p, strict=True)],
    )


def found_with(limit: float, corrupted: Mask, p: Floats) -> float:
    """By definition: over all thresholds that keep to the limit, the most that are found."""
    thresholds = [t for t in (*p, 2.0) if (p[~corrupted] >= t).mean() <= limit]
    return max(float((p[corrupted] >= t).mean()) for t in thresholds)


def test_every_resample_has_the_value_that_scikit_learn_gives_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "CELLS_AT_A_TIME", 700)
    sample = judged(120, clusters=6)
    share = Share(np.random.default_rng(2).random(120), sample.corrupted & sample.flagged)
    resamples = sample.resample(np.random.default_rng(7), 25)
    assert resamples is not None
    found = spread(sample, resamples) | {"share": share.spread(resamples)}
    draws = np.random.default_rng(7).integers(sample.clusters, size=(25, sample.clusters))
    for number, clusters in enumerate(draws):
        picked = np.concatenate([np.flatnonzero(sample.cluster == c) for c in clusters])
        y, p, flagged = sample.corrupted[picked], sample.p[picked], sample.flagged[picked]
        want = {
            "balanced_accuracy": sk.balanced_accuracy_score(y, flagged),
            "precision": sk.precision_score(y, flagged),
            "recall": sk.recall_score(y, flagged),
            "f1": sk.f1_score(y, flagged),
            "g_mean_squared": sk.recall_score(y, flagged) * sk.recall_score(~y, ~flagged),
            "auroc": sk.roc_auc_score(y, p),
            "partial_auroc": sk.roc_auc_score(y, p, max_fpr=0.2),
            "tpr_at_1": found_with(0.01, y, p),
            "tpr_at_5": found_with(0.05, y, p),
            "brier": sk.brier_score_loss(y, p),
            "share_flagged": flagged.mean(),
            "share": share.values[picked][share.of[picked]].mean(),
        }
        assert set(want) == set(found)
        for name, value in want.items():
            assert found[name][number] == pytest.approx(value), name


@pytest.mark.parametrize("seed", range(20))
def test_on_all_rows_each_metric_is_that_of_scikit_learn_to_the_last_digit(seed: int) -> None:
    sample = judged(90, clusters=6, seed=seed)
    y, p, flagged = sample.corrupted, sample.p, sample.flagged
    assert values(sample) == {
        "balanced_accuracy": sk.balanced_accuracy_score(y, flagged),
        "precision": sk.precision_score(y, flagged),
        "recall": sk.recall_score(y, flagged),
        "f1": sk.f1_score(y, flagged),
        "g_mean_squared": sk.recall_score(y, flagged) * sk.recall_score(~y, ~flagged),
        "auroc": pytest.approx(sk.roc_auc_score(y, p), abs=1e-12),
        "partial_auroc": sk.roc_auc_score(y, p, max_fpr=0.2),
        "tpr_at_1": found_with(0.01, y, p),
        "tpr_at_5": found_with(0.05, y, p),
        "brier": sk.brier_score_loss(y, p),
        "share_flagged": flagged.mean(),
    }


@pytest.mark.parametrize(("corrupted", "defined"), [(True, {"recall", "f1", "precision"}), (False, {"precision"})])
def test_with_one_class_only_some_metrics_are_defined(corrupted: bool, defined: set[str]) -> None:
    sample = GradedArrays.of(["a", "b", "c"], [corrupted] * 3, [True, False, True], [0.9, 0.2, 0.6])
    assert {name for name, value in values(sample).items() if value is not None} == defined | {"brier", "share_flagged"}


def test_what_could_not_be_read_is_wrong_at_full_confidence() -> None:
    unread = GradedArrays.of(["a", "b"], [True, False], [None, None], [None, None])
    assert unread.flagged.tolist() == [False, True]
    assert unread.p.tolist() == [0.0, 1.0]


def test_a_low_false_alarm_rate_worked_by_hand() -> None:
    # 20 clean answers, one at 0.9: the two corrupted ones above it are found without an alarm, three of four with one.
    p = [0.95, 0.95, 0.9, 0.1, *[0.9], *[0.2] * 19]
    corrupted = [True] * 4 + [False] * 20
    sample = GradedArrays.of(["a", "b"] * 12, corrupted, [q > 0.5 for q in p], p)
    found = estimates(sample, None)
    assert found["tpr_at_1"].value == pytest.approx(2 / 4)
    assert found["tpr_at_5"].value == pytest.approx(3 / 4)
    assert found["g_mean_squared"].value == pytest.approx(3 / 4 * 19 / 20)
    # Up to 20%: two rises without an alarm, one with the first (a slope), then flat until the alarms at 0.2.
    area = 0.05 * (0.5 + 0.75) / 2 + 0.15 * (0.75 + 0.75) / 2
    assert found["partial_auroc"].value == pytest.approx(0.5 * (1 + (area - 0.02) / (0.2 - 0.02)))


def test_one_cluster_has_nothing_to_resample() -> None:
    assert judged(5, clusters=1).resample(np.random.default_rng(0), 10) is None
