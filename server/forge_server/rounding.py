"""Round what the server computes from sealed labels, before it leaves the server.

Whoever states another probability for each sealed episode could read labels off the digits of an exact mean: with
p = 1/2 - 2^-k on the k-th episode, the digits of the Brier score are the labels. A number from 0 to 1 in steps of
`STEP` has 201 values, so it tells less than eight bits. Nothing is lost by that: on 400 episodes, one label moves a
score by about one step, and a 95% interval is twenty steps wide.
"""

from collections.abc import Mapping

from forge_arena.types import Estimate

# The steps in which scores, the ends of their intervals and their differences are given.
STEP = 0.005


def rounded(value: float, step: float = STEP) -> float:
    """The nearest multiple of a step."""
    # The second rounding takes away what the product of two floats adds; adding 0.0 makes -0.0 a plain 0.
    return round(round(value / step) * step, 6) + 0.0


def rounded_estimate(estimate: Estimate) -> Estimate:
    """A score and the ends of its interval, rounded to `STEP`."""
    return Estimate(**{name: None if number is None else rounded(number) for name, number in estimate})


def rounded_estimates(estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """All of these, rounded to `STEP`."""
    return {name: rounded_estimate(estimate) for name, estimate in estimates.items()}
