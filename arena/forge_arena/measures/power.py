"""Say what difference so many families can show: the minimum detectable difference at 80% power.

An evaluation of a thousand episodes of ten families says as much about new families as ten numbers do. What decides is
how much the families differ from one another, and this is measured on the result at hand: each draw of the bootstrap
holds whole families, so the spread of a metric over the draws is the spread between families.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from forge_arena.measures.paired import metric_values
from forge_arena.measures.scorecard import Detectable, Row, graded_rows
from forge_arena.measures.statistics import LEVEL, RESAMPLES, Floats

POWER = 0.80
# With fewer families the spread between them is a guess.
LEAST_FAMILIES = 3


def minimum_detectable_difference(draws: Floats, clusters: int, *, power: float = POWER) -> float:
    """The smallest true difference that is found clear of 0 at the 5% level, two-sided, with the given chance.

    (t[1 - 0.05/2] + t[power]) * SE, both quantiles of Student's t with `clusters - 1` degrees of freedom (Bloom 1995,
    "Minimum detectable effects", Evaluation Review 19(5)). SE is the standard deviation over the draws of a cluster
    bootstrap, times sqrt(clusters / (clusters - 1)), because the bootstrap divides by the number of clusters where an
    unbiased variance divides by one less (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 5.3).

    Example: ten families and a standard error of 0.02 give (2.262 + 0.883) * 0.02 = 0.063.

    Args:
        draws: the statistic in each draw of whole clusters: (draws,). NaN where a draw does not define it.
        clusters: how many clusters there are, at least 2.
        power: the chance of finding the difference, above 0.5 and below 1.

    Raises:
        ValueError: there are fewer than two clusters.
    """
    from scipy.stats import t  # takes seconds to import

    if clusters < 2:
        raise ValueError(f"a spread between clusters needs at least two of them, got {clusters}")
    standard_error = float(np.nanstd(draws)) * (clusters / (clusters - 1)) ** 0.5
    quantiles = t.ppf([1.0 - (1.0 - LEVEL) / 2.0, power], clusters - 1)
    return float(quantiles.sum() * standard_error)


def detectable(rows: Sequence[Row], *, seed: int = 0, resamples: int = RESAMPLES) -> Detectable | None:
    """How far a metric must lie from a fixed value, such as chance, for these families to show it.

    None if there are fewer than `LEAST_FAMILIES` families.
    """
    graded = graded_rows(rows)
    families = len({row.family for row in graded})
    if families < LEAST_FAMILIES:
        return None
    return _of({name: draws for name, (_, draws) in metric_values(graded, seed, resamples).items()}, families)


def detectable_difference(
    first: Sequence[Row], second: Sequence[Row], *, seed: int = 0, resamples: int = RESAMPLES
) -> Detectable | None:
    """How far two evaluations of the same episodes must lie apart for these families to show it.

    What is hard for both cancels, because each draw holds the same families for both. None if there are fewer than
    `LEAST_FAMILIES` families.

    Args:
        first: graded rows.
        second: graded rows of the same episodes.
    """
    families = len({row.family for row in first})
    if families < LEAST_FAMILIES:
        return None
    before, after = (metric_values(rows, seed, resamples) for rows in (first, second))
    apart: dict[str, Floats | None] = {}
    for name, (_, draws) in after.items():
        others = before[name][1]
        apart[name] = None if draws is None or others is None else draws - others
    return _of(apart, families)


def _of(spreads: Mapping[str, Floats | None], families: int) -> Detectable:
    def smallest(name: str) -> float | None:
        draws = spreads[name]
        if draws is None or np.isnan(draws).all():
            return None
        return minimum_detectable_difference(draws, families)

    return Detectable(families=families, power=POWER, **{name: smallest(name) for name in Detectable.METRICS})
