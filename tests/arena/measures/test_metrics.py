"""The scorecard: hand-worked cases, agreement with scikit-learn under resampling, and what is not defined."""

import time
from itertools import count

import numpy as np
import pytest

from forge_arena.measures.metrics import pair_scores, reward_bounds, scorecard
from forge_arena.measures.scorecard import Pairs, Row, Scorecard
from forge_arena.types import Components, CorruptionType, Form, Outcome

SHIFT, BIAS = CorruptionType.temporal_shift, CorruptionType.bias_injection

# Each row is of another episode, if it does not say of which.
INDICES = count(100)


def row(
    corrupted: bool,
    p: float,
    *,
    family: str = "a",
    reward: float = 0.5,
    kind: CorruptionType | None = SHIFT,
    named: CorruptionType | None = None,
    key: str = "",
) -> Row:
    return Row(
        key=key or f"forge:4:val:{next(INDICES)}",
        outcome=Outcome.scored,
        family=family,
        corrupted=corrupted,
        corruption_type=kind if corrupted else None,
        detection=p > 0.5,
        p_corrupted=p,
        named_type=named,
        reward=reward,
        components=Components(detection=1.0, explanation=0.5, correction=0.0, calibration=0.75),
    )


def card(*rows: Row, resamples: int = 200) -> Scorecard:
    return scorecard(rows, np.random.default_rng(0), resamples=resamples)


def random_rows(count: int, families: int, seed: int = 1) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [
        row(
            bool(c),
            float(np.clip(np.round(rng.normal(0.4 + 0.2 * c, 0.25), 1), 0, 1)),
            family=f"f{rng.integers(families)}",
            reward=float(rng.random()),
            kind=SHIFT if rng.random() < 0.7 else BIAS,
            named=SHIFT,
        )
        for c in rng.integers(2, size=count)
    ]


def test_a_case_worked_by_hand() -> None:
    found = card(
        row(True, 0.9, family="a", reward=0.9, named=SHIFT),
        row(True, 0.8, family="b", reward=0.7, named=BIAS),
        row(True, 0.2, family="b", reward=0.1),
        row(False, 0.6, family="a", reward=0.0),
        row(False, 0.1, family="b", reward=0.6),
    )
    assert found.reward.value == pytest.approx(2.3 / 5)
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.precision.value == pytest.approx(2 / 3)
    assert found.f1.value == pytest.approx(2 / 3)
    assert found.balanced_accuracy.value == pytest.approx((2 / 3 + 1 / 2) / 2)
    # Of the six pairs (corrupted, clean) only (0.2, 0.6) is in the wrong order.
    assert found.auroc.value == pytest.approx(5 / 6)
    assert found.brier.value == pytest.approx((0.01 + 0.04 + 0.64 + 0.36 + 0.01) / 5)
    assert found.share_flagged.value == pytest.approx(3 / 5)
    assert found.type_accuracy.value == pytest.approx(1 / 2)
    assert found.components == Components(detection=1.0, explanation=0.5, correction=0.0, calibration=0.75)
    assert (found.episodes, found.scored, found.invalid, found.failed, found.families) == (5, 5, 0, 0, 2)
    assert found.prevalence == pytest.approx(0.6)


def test_skill_is_0_for_the_best_constant_and_1_for_the_oracle() -> None:
    # At prevalence 1/2 "always clean" at confidence 1/2 earns 0.6 on clean and 0.075 on corrupted.
    corrupted = [row(True, 0.5, reward=0.075, kind=kind, family=kind) for kind in CorruptionType]
    constant = card(*corrupted, *[row(False, 0.5, reward=0.6)] * 5)
    assert constant.best_constant == pytest.approx(0.3375)
    assert constant.skill.value == pytest.approx(0.0)
    oracle = card(row(True, 1.0, reward=1.0), row(False, 0.0, reward=0.625))
    assert oracle.oracle == pytest.approx(0.8125)
    assert oracle.skill.value == pytest.approx(1.0)


def test_the_best_constant_flags_where_most_is_corrupted() -> None:
    best, oracle = reward_bounds(np.array([0.9]), np.array([[0.0, 0.0, 1.0, 0.0, 0.0]]))
    # Detection, half of the explanation for a type that is always the same, and the calibration of P = 0.9.
    assert best[0] == pytest.approx(0.9 * (0.40 + 0.15) + 0.1 * (1 - 0.09))
    assert oracle[0] == pytest.approx(0.9 + 0.1 * 0.625)


def test_an_invalid_verdict_is_a_wrong_one_and_a_failure_is_none() -> None:
    rows = [row(True, 0.9, family="a"), row(False, 0.1, family="b")]
    invalid = row(True, 0.5).model_copy(
        update={"outcome": Outcome.invalid_verdict, "detection": None, "p_corrupted": None, "reward": 0.0}
    )
    failed = Row(key="forge:4:val:9", outcome=Outcome.worker_failed, reason="down")
    with_failure, with_invalid = card(*rows, failed), card(*rows, invalid)
    assert (with_failure.failed, with_failure.scored, with_failure.episodes) == (1, 2, 3)
    assert with_failure.reward.value == card(*rows).reward.value
    assert (with_invalid.invalid, with_invalid.recall.value) == (1, 0.5)
    assert with_invalid.auroc.value == 0.5
    assert with_invalid.brier.value == pytest.approx((0.01 + 0.01 + 1.0) / 3)


@pytest.mark.parametrize("corrupted", [True, False])
def test_one_class_has_no_auroc_and_says_so(corrupted: bool) -> None:
    found = card(row(corrupted, 0.9, family="a"), row(corrupted, 0.2, family="b"))
    assert found.auroc.value is None
    assert found.balanced_accuracy.value is None
    assert found.auroc.low is None
    assert any("need both classes" in note for note in found.notes)


def test_nothing_flagged_has_no_precision_and_says_so() -> None:
    found = card(row(True, 0.1, family="a"), row(False, 0.1, family="b"))
    assert (found.precision.value, found.type_accuracy.value, found.f1.value) == (None, None, 0.0)
    assert any("nothing was flagged" in note for note in found.notes)


def test_one_family_has_no_interval_and_says_so() -> None:
    found = card(row(True, 0.9), row(False, 0.1))
    assert (found.reward.low, found.reward.high) == (None, None)
    assert any("one family only" in note for note in found.notes)


def test_no_judged_row_is_an_empty_card() -> None:
    found = card(Row(key="forge:4:val:0", outcome=Outcome.infra_failed))
    assert (found.failed, found.reward.value, found.notes) == (1, None, ("no episode was graded",))


def test_a_judged_row_without_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="row forge:4:val:0: a graded row needs corrupted, family and reward"):
        card(row(True, 0.9, key="forge:4:val:0").model_copy(update={"family": None}))


def test_intervals_hold_the_value_and_depend_on_the_generator_alone() -> None:
    rows = random_rows(200, families=10)
    first, again = (scorecard(rows, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    for name in ("reward", "auroc", "brier", "f1", "skill"):
        estimate = getattr(first, name)
        assert estimate.low < estimate.value < estimate.high


def test_clustering_widens_the_interval_where_families_differ() -> None:
    rows = [row(bool(n % 2), 0.5, family=f"f{n // 20}", reward=float(n // 20 % 2)) for n in range(200)]
    loose = [r.model_copy(update={"family": f"x{n}"}) for n, r in enumerate(rows)]
    clustered, independent = card(*rows).reward, card(*loose).reward
    assert clustered.low is not None
    assert clustered.high is not None
    assert independent.low is not None
    assert independent.high is not None
    assert clustered.high - clustered.low > 2 * (independent.high - independent.low)


def test_false_alarms_are_told_apart_by_what_was_done_to_the_answer() -> None:
    forms = [Form.clean, Form.clean, Form.clean, Form.placebo, Form.placebo]
    flagged = [0.9, 0.1, 0.1, 0.9, 0.1]
    rows = [row(False, p).model_copy(update={"form": form}) for p, form in zip(flagged, forms, strict=True)]
    found = card(*rows, row(True, 0.9, family="b").model_copy(update={"form": Form.corrupted}))
    assert found.clean_false_alarms.value == pytest.approx(1 / 3)
    assert found.placebo_false_alarms.value == pytest.approx(1 / 2)


def test_step_accuracy_counts_only_where_a_step_was_named() -> None:
    named = [row(True, 0.9).model_copy(update={"step_right": right}) for right in (True, False, True, True)]
    found = card(*named, row(True, 0.9), row(False, 0.1))
    assert (found.step_accuracy.value, found.steps_named) == (0.75, 4)
    nobody = card(row(True, 0.9), row(False, 0.1))
    assert (nobody.step_accuracy.value, nobody.steps_named) == (None, 0)


def twins(
    index: int, wrong: float | None, counterpart: float, form: Form = Form.clean, family: str = "a"
) -> tuple[Row, Row]:
    def half(of: Form, p: float | None) -> Row:
        read = {} if p is not None else {"outcome": Outcome.invalid_verdict, "detection": None, "p_corrupted": None}
        known = row(of is Form.corrupted, 0.5 if p is None else p, family=family, key=f"forge:4:val:{index}:{of.value}")
        return known.model_copy(update={"form": of, **read})

    return half(Form.corrupted, wrong), half(form, counterpart)


def paired(*pairs: tuple[Row, Row]) -> Pairs:
    return pair_scores([half for pair in pairs for half in pair], np.random.default_rng(0), resamples=200)


def test_a_pair_is_in_order_where_the_corrupted_answer_is_the_likelier_one() -> None:
    found = paired(
        twins(0, 0.9, 0.2),
        twins(1, 0.4, 0.4, family="b"),
        twins(2, 0.1, 0.3, Form.placebo),
        twins(3, 0.3, 0.1, Form.placebo, family="b"),
        twins(4, 0.31, 0.3, Form.placebo, family="b"),
    )
    assert found.pairs == 5
    assert found.ranking.value == pytest.approx(3.5 / 5)
    assert found.clean_ranking.value == pytest.approx(1.5 / 2)
    assert found.placebo_ranking.value == pytest.approx(2 / 3)
    assert found.ranking.low is not None
    assert found.ranking.low <= found.ranking.value


def test_an_invalid_verdict_ranks_wrong_and_half_a_pair_is_none() -> None:
    assert paired(twins(0, None, 0.2)).ranking.value == 0.0
    failed = Row(key="forge:4:val:1:clean", outcome=Outcome.worker_failed)
    wrong, _ = twins(1, 0.9, 0.1)
    found = pair_scores([wrong, failed], np.random.default_rng(0))
    assert (found.pairs, found.ranking.value) == (0, None)


def test_a_thousand_resamples_of_two_thousand_rows_take_less_than_a_second_of_cpu() -> None:
    rows = random_rows(2_000, families=40)
    begin = time.process_time()
    scorecard(rows, np.random.default_rng(0))
    assert time.process_time() - begin < 1.0
