"""Spare Python's garbage collector work that finds no garbage."""

import gc

# After how many new objects the garbage collector makes a round, and how much rarer its larger rounds are.
RARE_ROUNDS = (20_000, 20, 20)


def spare_the_collector() -> None:
    """Keep the garbage collector from scanning what was loaded at the start, and make its rounds rarer.

    For a process that makes, grades or reviews many episodes: each makes thousands of short-lived objects and no
    cycles. Because of them, the collector would scan modules and scenario files again and again. Measured on Python
    3.11, with two verdicts on each of 768 episodes (`python tests/bench/collector.py`): 10.4 ms of CPU an episode with
    this, 13.6 ms without.
    """
    gc.collect()
    gc.freeze()
    make_rounds_rarer()


def make_rounds_rarer() -> None:
    """Let the garbage collector make its rounds rarer, for a command that ends soon. Nothing is kept from it."""
    gc.set_threshold(*RARE_ROUNDS)
