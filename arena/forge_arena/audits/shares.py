"""A share with its interval, as the cells of a table."""

from forge_arena.measures.statistics import wilson_interval


def share_cells(successes: int, trials: int) -> tuple[float | None, float | None, float | None]:
    """A share and the ends of its 95% interval; None if there were no trials."""
    return (successes / trials, *wilson_interval(successes, trials)) if trials else (None, None, None)
