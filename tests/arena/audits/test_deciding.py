"""Gates by intervals: the whole interval decides, and few families decide nothing."""

import pytest
from pydantic import ValidationError

from forge_arena.audits import AuditReport, Gate
from forge_arena.audits.deciding import FEWEST_TO_FAIL, FEWEST_TO_HOLD, gate_by_interval, untested_gate


def decided(low: float, high: float, families: int) -> Gate:
    return gate_by_interval(
        "answer", (low + high) / 2, low, high, families=families, holds_below=0.58, fails_above=0.55, by="words"
    )


@pytest.mark.parametrize(
    ("low", "high", "families", "state"),
    [
        (0.45, 0.57, FEWEST_TO_HOLD, "passed"),
        (0.45, 0.57, FEWEST_TO_HOLD - 1, "open"),
        (0.45, 0.58, FEWEST_TO_HOLD, "open"),
        (0.30, 0.70, 1_000, "open"),
        (0.55, 0.90, 1_000, "open"),
        (0.56, 0.90, FEWEST_TO_FAIL, "failed"),
        (0.56, 0.90, FEWEST_TO_FAIL - 1, "open"),
        (1.0, 1.0, 1, "open"),
        (0.5, 0.5, 1, "open"),
    ],
)
def test_a_whole_interval_of_enough_families_decides(low: float, high: float, families: int, state: str) -> None:
    assert decided(low, high, families).state == state


def test_an_open_gate_says_what_is_missing_and_what_may_hide() -> None:
    assert decided(0.30, 0.70, 12).detail == (
        "words: interval 0.300 to 0.700, 12 families; too few families, 20 are needed; "
        "up to 0.700 may hide here, and 0.58 is the most that may"
    )
    assert decided(0.45, 0.57, 30).detail == "words: interval 0.450 to 0.570, 30 families"


def test_an_open_gate_neither_passes_nor_fails_a_report() -> None:
    def report(*gates: Gate) -> AuditReport:
        return AuditReport(audit="shortcuts", suite="documents", settings={}, gates=gates, tables=())

    held, undecided, broken = decided(0.45, 0.57, 30), untested_gate("bias", 3, "no samples"), decided(0.6, 0.9, 30)
    assert (undecided.state, undecided.value) == ("open", 3)
    assert [
        (each.passed, each.failed) for each in (report(held), report(held, undecided), report(undecided, broken))
    ] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def test_no_gate_is_open_and_passed() -> None:
    with pytest.raises(ValidationError, match="gate 'x' is open, so it cannot have passed"):
        Gate(name="x", value=0.0, limit=0.0, passed=True, open=True)
