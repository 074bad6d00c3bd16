"""The scorecard: hand-worked cases, agreement with scikit-learn under resampling, and what is not defined."""

import time
from itertools import count

import numpy as np
import pytest

from forge_arena.measures.definitions import DEFINITIONS
from forge_arena.measures.metrics import (
    at_threshold,
    choose_thresholds,
    cost,
    pair_scores,
    reward_bounds,
    scorecard,
)
from forge_arena.measures.scorecard import Pairs, Price, Row, Rule, Scorecard, Threshold
from forge_arena.types import Components, CorruptionType, Estimate, Form, MemberReview, Outcome, Usage

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
        key=key or f"forge:5:val:{next(INDICES)}",
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
    failed = Row(key="forge:5:val:9", outcome=Outcome.worker_failed, reason="down")
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


@pytest.mark.parametrize(("families", "said"), [(2, True), (19, True), (20, False)])
def test_few_families_make_intervals_too_narrow_and_the_notes_say_so(families: int, said: bool) -> None:
    rows = [row(corrupted, 0.5, family=f"f{family}") for family in range(families) for corrupted in (True, False)]
    notes = card(*rows, resamples=10).notes
    assert any(f"draw {families} families and are too narrow" in note for note in notes) is said


def test_no_judged_row_is_an_empty_card() -> None:
    found = card(Row(key="forge:5:val:0", outcome=Outcome.infra_failed))
    assert (found.failed, found.reward.value, found.notes) == (1, None, ("no episode was graded",))


def test_a_judged_row_without_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="row forge:5:val:0: a graded row needs corrupted, family and reward"):
        card(row(True, 0.9, key="forge:5:val:0").model_copy(update={"family": None}))


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
        known = row(of is Form.corrupted, 0.5 if p is None else p, family=family, key=f"forge:5:val:{index}:{of.value}")
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
    failed = Row(key="forge:5:val:1:clean", outcome=Outcome.worker_failed)
    wrong, _ = twins(1, 0.9, 0.1)
    found = pair_scores([wrong, failed], np.random.default_rng(0))
    assert (found.pairs, found.ranking.value) == (0, None)


def test_a_thousand_resamples_of_two_thousand_rows_take_less_than_a_second_of_cpu() -> None:
    rows = random_rows(2_000, families=40)
    begin = time.thread_time()
    scorecard(rows, np.random.default_rng(0))
    assert time.thread_time() - begin < 1.0


def test_every_metric_of_the_scorecard_is_defined_in_words() -> None:
    metrics = {name for name, field in Scorecard.model_fields.items() if field.annotation is Estimate}
    assert set(DEFINITIONS) == metrics


def test_operating_points_worked_by_hand() -> None:
    """Ten clean answers with P = 0.05, 0.10 … 0.50, and ten corrupted ones with P = 0.35, 0.40 … 0.80.

    No threshold below 0.5 flags at most 1% of the clean, so the first is halfway between 0.50 and 0.55. A budget of 25%
    of the twenty answers is five answers: those above 0.575.
    """
    clean = [row(False, 0.05 * (n + 1)) for n in range(10)]
    corrupted = [row(True, 0.05 * (n + 7)) for n in range(10)]
    points = choose_thresholds([*clean, *corrupted], "val", "a hash", budget=0.25)
    assert [(p.rule, p.limit) for p in points] == [
        (Rule.best, None),
        (Rule.false_alarms, 0.01),
        (Rule.false_alarms, 0.05),
        (Rule.budget, 0.25),
    ]
    assert [p.threshold for p in points[1:]] == pytest.approx([0.525, 0.525, 0.575])
    assert [p.reached for p in points[1:]] == pytest.approx([0.0, 0.0, 0.25])
    # 0.325 finds all ten and flags four of the clean: (1 + 0.6) / 2. 0.525 finds six and flags none: (0.6 + 1) / 2. Of
    # two that are equally good the lowest counts.
    assert (points[0].threshold, points[0].reached) == (pytest.approx(0.325), pytest.approx(0.8))
    assert {(p.source, p.source_hash, p.source_clean) for p in points} == {("val", "a hash", 10)}
    assert [p.title for p in points] == [
        *("best balanced accuracy", "1% false alarms", "5% false alarms", "the most suspicious 25%"),
    ]


def test_equal_scores_are_flagged_together_or_not_at_all() -> None:
    """Half of the answers have the highest P, so a budget of 10% flags none of them, and says so."""
    rows = [row(bool(n % 2), 0.9 if n % 4 < 2 else 0.1) for n in range(20)]
    budget = choose_thresholds(rows, "val", None, budget=0.1)[-1]
    assert (budget.threshold, budget.reached) == (pytest.approx(1.9), 0.0)
    assert budget.p_above == "flags none"


@pytest.mark.parametrize(
    ("threshold", "shown"), [(0.457, "0.457"), (1.0, "flags none"), (1.46, "flags none"), (-0.1, "flags all")]
)
def test_a_threshold_beyond_every_probability_is_shown_by_what_it_flags(threshold: float, shown: str) -> None:
    assert Threshold(threshold=threshold, source="val").p_above == shown


@pytest.mark.parametrize("budget", [0.0, 1.5])
def test_a_budget_is_a_share(budget: float) -> None:
    with pytest.raises(ValueError, match=f"an audit budget is a share above 0 and at most 1, got {budget:g}"):
        choose_thresholds([row(True, 0.9), row(False, 0.1)], "val", None, budget=budget)


def test_a_frozen_threshold_flags_what_is_above_it() -> None:
    rows = [row(True, 0.9), row(True, 0.4), row(False, 0.6), row(False, 0.3), row(False, 0.2)]
    frozen = at_threshold(rows, Threshold(threshold=0.5, source="val"), np.random.default_rng(0))
    assert frozen is not None
    values = [getattr(frozen, name).value for name in ("recall", "false_alarms", "precision", "share_flagged")]
    assert values == pytest.approx([1 / 2, 1 / 3, 1 / 2, 2 / 5])


def paid(tokens: tuple[int | None, int | None], seconds: float | None = None, **members: MemberReview) -> Row:
    usage = Usage(input_tokens=tokens[0], output_tokens=tokens[1], seconds=seconds)
    return row(True, 0.9).model_copy(update={"usage": usage, "members": members, "seconds": seconds})


def test_money_is_tokens_by_their_price_for_each_verdict() -> None:
    price = Price(input=0.5, output=2.0)
    rows = [paid((1_000_000, 500_000)), paid((3_000_000, 1_500_000))]
    assert cost(rows, {"": price}).money == pytest.approx(((0.5 + 1.0) + (1.5 + 3.0)) / 2)
    assert cost(rows).money is None
    assert cost([*rows, paid((None, None))], {"": price}).money is None


def test_each_member_has_a_price_of_its_own_and_one_without_tokens_costs_nothing() -> None:
    cheap, dear = (MemberReview(p_corrupted=0.5, usage=Usage(input_tokens=10**6, output_tokens=0)) for _ in range(2))
    rows = [paid((2 * 10**6, 0), cheap=cheap, dear=dear), paid((10**6, 0), cheap=cheap)]
    prices = {"cheap": Price(input=1, output=1), "dear": Price(input=10, output=1)}
    assert cost(rows, prices).money == pytest.approx((11 + 1) / 2)
    assert cost(rows, {"cheap": prices["cheap"]}).money is None
    free = [paid((None, None), rules=MemberReview(p_corrupted=0.5)), *rows]
    assert cost(free, prices).money == pytest.approx((0 + 11 + 1) / 3)


def test_seconds_are_of_a_request_only_if_each_verdict_says_its_own() -> None:
    measured = [paid((1, 1), seconds=1.0), paid((1, 1), seconds=3.0)]
    assert (cost(measured).seconds, cost(measured).by_request) == (2.0, True)
    assert not cost([*measured, row(True, 0.9)]).by_request
