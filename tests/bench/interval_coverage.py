"""How often the 95% intervals of an evaluation hold the true value, by the number of families.

    python tests/bench/interval_coverage.py [--runs 1000]

Each run draws the verdicts of an overseer whose chance to be right is known, on as many answers a family as val has (30, half
of them corrupted), and asks whether the interval of its balanced accuracy holds the truth. The chance is the same in all
families, or differs between them with a standard deviation of 0.12. An overseer that is equally good in all families is the
easiest case. The intervals are those of `forge_arena.measures.detection`: 1,000 draws of whole families.
"""

import argparse

import numpy as np

from forge_arena.measures.detection import GradedArrays
from forge_arena.measures.statistics import RESAMPLES, Floats, percentile_interval

FAMILIES = (5, 10, 12, 20, 40)
OF_A_FAMILY = 30
ACCURACY, BETWEEN_FAMILIES = 0.65, 0.12


def balanced_accuracies(graded: GradedArrays, rng: np.random.Generator) -> Floats:
    """The balanced accuracy in each draw of families, by the formula of `measures.detection.spread`: (draws,)."""
    draws = graded.resample(rng, RESAMPLES)
    assert draws is not None
    right = [draws.total((graded.flagged == graded.corrupted) & of) / draws.total(of) for of in classes(graded)]
    means: Floats = sum(right) / 2.0
    return means


def classes(graded: GradedArrays) -> tuple[np.ndarray, np.ndarray]:
    return graded.corrupted, ~graded.corrupted


def coverage(families: int, between: float, runs: int, rng: np.random.Generator) -> float:
    """The share of the runs whose interval holds the true balanced accuracy."""
    names = [str(family) for family in range(families) for _ in range(OF_A_FAMILY)]
    corrupted = np.tile(np.arange(OF_A_FAMILY) % 2 == 0, families)  # (rows,)
    held = 0
    for _ in range(runs):
        accuracy = np.clip(ACCURACY + rng.normal(0.0, between, families), 0.0, 1.0).repeat(OF_A_FAMILY)  # (rows,)
        detection = np.where(rng.random(len(accuracy)) < accuracy, corrupted, ~corrupted)
        graded = GradedArrays.of(names, list(corrupted), list(detection), list(detection.astype(np.float64)))
        low, high = percentile_interval(balanced_accuracies(graded, rng))
        held += bool(low <= ACCURACY <= high)
    return held / runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000, help="how many evaluations are drawn for each number")
    runs = parser.parse_args().runs
    print("families  same in all families  differs between families")
    for families in FAMILIES:
        shares = [coverage(families, between, runs, np.random.default_rng(0)) for between in (0.0, BETWEEN_FAMILIES)]
        print(f"{families:8}  {shares[0]:20.3f}  {shares[1]:24.3f}", flush=True)


if __name__ == "__main__":
    main()
