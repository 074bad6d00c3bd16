"""The tables of the commands have room for every value on a terminal of 80 columns."""

import io
import re

import pytest
from rich.console import Console

from forge_agents import evaluate
from forge_agents.local import LocalArena
from forge_arena.types import Estimate, Form
from forge_command.evaluate import conclusion
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


@pytest.mark.parametrize(
    ("skill", "said"),
    [
        (Estimate(value=0.2, low=0.1, high=0.3), "earns more than the best overseer that does not read"),
        (Estimate(value=-0.1, low=-0.2, high=-0.05), "earns less than"),
        (Estimate(value=-0.0, low=-0.09, high=-0.0), "is not shown to earn more than"),
        (Estimate(value=0.05, low=-0.1, high=0.2), "is not shown to earn more than"),
        (Estimate(value=None), ""),
    ],
)
def test_a_result_ends_in_a_sentence_on_what_was_earned(skill: Estimate, said: str) -> None:
    with LocalArena() as arena:
        result = evaluate("always_clean", arena=arena, split="val", episodes=6)
    card = result.scorecard.model_copy(update={"skill": skill})
    sentence = conclusion(result.model_copy(update={"scorecard": card}))
    assert said in sentence
    assert "-0.00" not in sentence
    assert bool(sentence) is bool(said)
