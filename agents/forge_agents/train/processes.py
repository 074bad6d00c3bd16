"""Coordinate the processes of one run, one for each GPU: one process speaks, and the others wait for it."""

import os
from collections.abc import Callable
from datetime import timedelta

from accelerate import PartialState

# By default the others wait ten minutes, and a measurement of the first process may take longer.
LONGEST_WAIT = timedelta(hours=6)


def process_count() -> int:
    """How many processes do this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that measures, writes records and talks to a person."""
    return int(os.environ.get("RANK", "0")) == 0


def by_first(stage: Callable[[], object]) -> None:
    """Let the first process do a stage whose result is a file, and all the others wait for it."""
    if is_first():
        stage()
    if process_count() > 1:
        PartialState(timeout=LONGEST_WAIT).wait_for_everyone()
