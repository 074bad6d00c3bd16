"""The ROC of an overseer: against a curve by hand, and at given false alarm rates."""

import pytest

from forge_arena.measures.roc import Roc
from forge_arena.measures.scorecard import Row
from forge_arena.types import Outcome


def rows(*verdicts: tuple[bool, float]) -> list[Row]:
    """Verdicts as (corrupted, stated probability)."""
    return [
        Row(
            key=f"forge:5:val:{n}",
            outcome=Outcome.scored,
            family=f"family_{n}",
            corrupted=corrupted,
            detection=p > 0.5,
            p_corrupted=p,
            reward=0.0,
        )
        for n, (corrupted, p) in enumerate(verdicts)
    ]


def test_the_curve_is_the_one_by_hand_and_the_decision_lies_on_it() -> None:
    roc = Roc.of(rows((True, 0.9), (False, 0.8), (True, 0.7), (True, 0.3), (False, 0.1)))
    assert list(zip(roc.fpr, roc.tpr, strict=True)) == [
        (0.0, 0.0),
        (0.0, pytest.approx(1 / 3)),
        (0.5, pytest.approx(1 / 3)),
        (0.5, pytest.approx(2 / 3)),
        (0.5, 1.0),
        (1.0, 1.0),
    ]
    assert roc.own == (0.5, pytest.approx(2 / 3))


def test_at_a_rate_the_curve_is_the_best_threshold_or_lies_between_two() -> None:
    roc = Roc.of(rows((True, 0.9), (False, 0.8), (True, 0.7), (True, 0.3), (False, 0.1)))
    assert list(roc.at([0.0, 0.25, 0.5, 0.75, 1.0])) == pytest.approx([1 / 3, 1 / 3, 1.0, 1.0, 1.0])
    constant = Roc.of(rows((True, 0.5), (False, 0.5), (True, 0.5), (False, 0.5)))
    assert list(constant.at([0.0, 0.25, 1.0])) == pytest.approx([0.0, 0.25, 1.0])
