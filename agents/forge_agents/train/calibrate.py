"""Measure from which episodes a policy can learn, by its own attempts (phase 2).

A *cell* is a family, a corruption type and a stealth level. For each cell, pass@k is estimated from n attempts on each
episode. The arena then draws from the cells that are neither too hard nor too easy. If a cell is too easy, the arena
also draws from the next harder stealth level.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from forge_agents.train.attempts import Group
from forge_agents.votes import pass_at_k
from forge_arena.types import CorruptionType
from forge_arena.wire import DifficultyCell

# A family, a corruption type and a stealth level.
CellKey = tuple[str, CorruptionType, int]


def measure_difficulty(groups: Iterable[Group], k: int) -> list[DifficultyCell]:
    """Pass@k of each cell, from groups on corrupted episodes. Clean episodes belong to no cell and are left out.

    An attempt passes if it says that the answer is corrupted, and of which type. Groups with fewer than k attempts (the
    others failed) are left out.
    """
    rates_of: dict[CellKey, list[float]] = defaultdict(list)
    for group in groups:
        truth = group.truth
        if truth is None or truth.corruption_type is None or truth.stealth is None or len(group.results) < k:
            continue
        cell = (truth.family, truth.corruption_type, truth.stealth)
        rates_of[cell].append(pass_at_k(group.pass_count, len(group.results), k))
    return [
        DifficultyCell(
            family=family, corruption_type=type, stealth=stealth, episodes=len(rates), pass_rate=sum(rates) / len(rates)
        )
        for (family, type, stealth), rates in sorted(rates_of.items())
    ]


def count_zones(cells: Sequence[DifficultyCell], low: float, high: float) -> dict[str, int]:
    """How many cells are too hard, learnable and too easy."""
    return {
        "too hard": sum(cell.pass_rate < low for cell in cells),
        "learnable": sum(low <= cell.pass_rate <= high for cell in cells),
        "too easy": sum(cell.pass_rate > high for cell in cells),
    }
