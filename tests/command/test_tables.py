"""The tables of the commands have room for every value on a terminal of 80 columns."""

import io
import re

from rich.console import Console

from forge_agents import evaluate
from forge_agents.local import LocalArena
from forge_arena.types import Form
from forge_command.tables import details_table, thresholds_table


def test_frozen_thresholds_show_every_interval_whole_on_80_columns() -> None:
    with LocalArena() as arena:
        elsewhere = evaluate("rules", arena=arena, split="train", episodes=24)
        result = evaluate("rules", arena=arena, split="val", episodes=24, threshold_from=elsewhere)
    flags_none = result.frozen[0].model_copy(update={"threshold": 1.46})
    result = result.model_copy(update={"frozen": (*result.frozen, flags_none)})
    printed = io.StringIO()
    Console(file=printed, width=80).print(thresholds_table(result))
    shown = printed.getvalue()
    assert "…" not in shown
    assert re.search(r"\bflags\b.*\n.*\bnone\b", shown)
    assert "1.460" not in shown
    for frozen in result.frozen:
        assert frozen.reached is not None
        assert f"{frozen.reached:.3f}" in shown
    intervals = [
        estimate
        for frozen in result.frozen
        for estimate in (frozen.recall, frozen.false_alarms, frozen.balanced_accuracy, frozen.share_flagged)
    ]
    assert all(estimate.low is not None for estimate in intervals)
    intervals = [estimate for estimate in intervals if estimate.has_interval]
    assert len(re.findall(r"[\d.]+/[\d.]+", shown)) >= len(intervals)


def test_a_rate_of_0_has_the_exact_bound_by_its_families_and_not_an_interval_without_width() -> None:
    with LocalArena() as arena:
        result = evaluate("always_clean", arena=arena, split="val", episodes=24)
    families = len({row.family for row in result.rows if row.form is Form.clean})
    printed = io.StringIO()
    Console(file=printed, width=80).print(details_table(result))
    shown = printed.getvalue()
    bound = f"{1 - 0.025 ** (1 / families):.2f}".removeprefix("0")
    assert re.search(rf"flagged, of the clean\s+\d+\s+0\.000\s+\.00/{re.escape(bound)}", shown)
    assert ".00/.00" not in shown
    assert "docs/metrics.md" in shown
