"""Say numbers, differences and intervals as a reader wants them."""

from forge_arena.types import Estimate

MINUS = "\u2212"


def shown(value: float | None) -> str:
    """A number to three places; a dash where there is none."""
    return "\u2013" if value is None else f"{value:.3f}"


def signed(value: float) -> str:
    """A difference with its sign, three decimals."""
    return f"{'+' if value >= 0 else MINUS}{abs(value):.3f}"


def interval(estimate: Estimate, *, differs: bool = False) -> str:
    """The 95% interval in words; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = (signed(end) if differs else f"{end:.3f}" for end in (estimate.low, estimate.high))
    return f"{low} to {high}"
