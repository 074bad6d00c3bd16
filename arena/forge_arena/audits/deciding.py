"""Decide a gate by an interval: it holds, it fails, or it stays open because too little was measured.

A few dozen documents give wide intervals. A bound on the value alone would then pass or fail by chance, and a bound on
one end of the interval would pass, or fail, because the interval is wide. So a gate of documents holds only if the
whole interval keeps the limit, and fails only if the whole interval breaks it.

The interval comes from a bootstrap over families, which is too narrow if there are few families. So a gate also needs a
number of families to be decided. A failure is a warning to look at, and needs fewer of them than a promise that
nothing is there: ten families lean to one side by chance in one of a thousand draws.
"""

from forge_arena.audits.report import Gate

FEWEST_TO_HOLD = 20
FEWEST_TO_FAIL = 10


def is_decided(families: int) -> bool:
    """Whether there are enough families for a gate to hold, if the interval allows that."""
    return families >= FEWEST_TO_HOLD


def gate_by_interval(
    name: str, value: float, low: float, high: float, *, families: int, holds_below: float, fails_above: float, by: str
) -> Gate:
    """A gate that is decided by an interval.

    Args:
        name: of the gate.
        value: what was measured.
        low: where the interval begins.
        high: where the interval ends.
        families: how many families the interval rests on.
        holds_below: the gate holds if the interval ends below this.
        fails_above: the gate fails if the interval begins above this.
        by: what the interval is of.
    """
    holds = high < holds_below and is_decided(families)
    fails = low > fails_above and families >= FEWEST_TO_FAIL
    interval = f"{by}: interval {low:.3f} to {high:.3f}, {families} families"
    why = []
    if not holds and not fails:
        if not is_decided(families):
            why.append(f"too few families, {FEWEST_TO_HOLD} are needed")
        if high >= holds_below:
            why.append(f"up to {high:.3f} may hide here, and {holds_below:g} is the most that may")
    return Gate(
        name=name,
        value=value,
        limit=fails_above,
        passed=holds,
        open=not holds and not fails,
        detail="; ".join((interval, *why)),
    )


def untested_gate(name: str, families: int, why: str) -> Gate:
    """An open gate for what could not be measured at all."""
    return Gate(
        name=f"{name}: families to test on", value=families, limit=FEWEST_TO_HOLD, passed=False, open=True, detail=why
    )
