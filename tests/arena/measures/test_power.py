"""What difference an evaluation can show, against the textbook and against a simulation of the test itself."""

import numpy as np
import pytest

from forge_arena.measures.power import detectable, detectable_difference, minimum_detectable_difference
from forge_arena.measures.scorecard import Row
from forge_arena.types import Form, Outcome


def rows(families: int, each: int, seed: int, *, tilt: float = 0.0) -> list[Row]:
    """Verdicts of families that are hard or easy each in its own way; `tilt` moves the share of right ones."""
    rng = np.random.default_rng(seed)
    verdicts = []
    for family in range(families):
        right = float(np.clip(rng.normal(0.7, 0.1) + tilt, 0.0, 1.0))
        for number in range(each):
            corrupted = number % 2 == 0
            detection = corrupted if rng.random() < right else not corrupted
            verdicts.append(
                Row(
                    key=f"forge:5:val:{family * each + number}",
                    outcome=Outcome.scored,
                    family=f"family_{family}",
                    form=Form.corrupted if corrupted else Form.clean,
                    corrupted=corrupted,
                    detection=detection,
                    p_corrupted=0.9 if detection else 0.1,
                    reward=0.8 if detection is corrupted else 0.1,
                )
            )
    return verdicts


def test_the_formula_on_numbers_that_can_be_looked_up() -> None:
    draws = np.array([0.5 - 0.02, 0.5 + 0.02])
    # t(0.975, 9) = 2.262 and t(0.80, 9) = 0.883; the bootstrap's deviation is 0.02, times sqrt(10 / 9).
    expected = (2.262 + 0.883) * 0.02 * (10 / 9) ** 0.5
    assert minimum_detectable_difference(draws, 10) == pytest.approx(expected, abs=1e-4)


def test_draws_that_define_nothing_are_left_out() -> None:
    assert minimum_detectable_difference(np.array([0.4, np.nan, 0.6]), 5) == pytest.approx(
        minimum_detectable_difference(np.array([0.4, 0.6]), 5)
    )


def test_one_family_has_no_spread() -> None:
    with pytest.raises(ValueError, match=r"at least two of them, got 1"):
        minimum_detectable_difference(np.array([0.4, 0.6]), 1)


def test_a_difference_of_that_size_is_found_in_four_of_five_experiments() -> None:
    families, spread = 10, 0.05
    rng = np.random.default_rng(3)
    # The draws of a bootstrap over family means: their spread is spread / sqrt(families), less the bootstrap's bias.
    bootstrap = rng.normal(0.0, spread / families**0.5 * ((families - 1) / families) ** 0.5, size=20_000)
    size = minimum_detectable_difference(bootstrap, families)
    means = rng.normal(size, spread, size=(4_000, families))  # (experiments, families)
    t = means.mean(axis=1) / (means.std(axis=1, ddof=1) / families**0.5)
    assert (np.abs(t) > 2.262).mean() == pytest.approx(0.80, abs=0.03)


def test_more_families_show_less() -> None:
    few, many = detectable(rows(5, 40, seed=1)), detectable(rows(40, 40, seed=1))
    assert few is not None
    assert many is not None
    assert few.families == 5
    assert few.balanced_accuracy is not None
    assert many.balanced_accuracy is not None
    assert many.balanced_accuracy < few.balanced_accuracy
    assert many.in_words.startswith(f"{many.balanced_accuracy:.3f} in balanced accuracy, ")


def test_what_is_hard_for_both_cancels() -> None:
    first = rows(12, 60, seed=2)
    alone = detectable(first)
    same = detectable_difference(first, first)
    other = detectable_difference(first, rows(12, 60, seed=2, tilt=0.1))
    assert alone is not None
    assert same is not None
    assert other is not None
    assert same.balanced_accuracy == 0.0
    assert alone.balanced_accuracy is not None
    assert other.balanced_accuracy is not None
    assert 0.0 < other.balanced_accuracy < alone.balanced_accuracy


def test_two_families_show_nothing_that_can_be_computed() -> None:
    two = rows(2, 40, seed=1)
    assert detectable(two) is None
    assert detectable_difference(two, two) is None


def test_a_metric_that_is_not_defined_has_no_size() -> None:
    trusting = [row.model_copy(update={"form": Form.clean, "corrupted": False}) for row in rows(6, 20, seed=1)]
    found = detectable(trusting)
    assert found is not None
    assert (found.balanced_accuracy, found.auroc) == (None, None)
    assert found.in_words == f"{found.reward:.3f} in reward"
