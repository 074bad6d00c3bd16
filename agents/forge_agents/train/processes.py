"""Several processes of one run, one a GPU: which of them speaks and writes, and where all wait for each other."""

import os
from collections.abc import Callable
from datetime import timedelta

from accelerate import PartialState

# A measurement of one process may take longer than the ten minutes that the others would wait.
LONGEST_WAIT = timedelta(hours=6)


def count() -> int:
    """How many processes do this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that measures, writes records and talks to a person."""
    return int(os.environ.get("RANK", "0")) == 0


def by_first(stage: Callable[[], object]) -> None:
    """Let the first process do a stage whose result is a file, and all the others wait for it."""
    if is_first():
        stage()
    if count() > 1:
        PartialState(timeout=LONGEST_WAIT).wait_for_everyone()
