"""A share with its interval, as the cells of a table."""


def interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927); 0 to 1 where nothing was tried."""
    from scipy.stats import binomtest

    if trials == 0:
        return 0.0, 1.0
    found = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return float(found.low), float(found.high)


def share(successes: int, trials: int) -> tuple[float | None, float | None, float | None]:
    """A share and the ends of its interval; None where nothing was tried."""
    return (successes / trials, *interval(successes, trials)) if trials else (None, None, None)
