"""Let a process that trains on a CPU keep the memory that it frees.

glibc returns each large block to the kernel as soon as it is freed, and the kernel fills the next large block with
zeros. A step of training takes and frees the same hundreds of megabytes many times, and lost a fifth of its time there.

What is kept falls apart: texts of other lengths need blocks of other sizes, and find only holes. So the free memory is
returned every few steps. Otherwise a process that needs 7 GB had 15 after 250 steps.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

# Parameters of glibc's `mallopt` (mallopt(3)), what they are while freed memory is kept, and glibc's own values.
# No block is mapped by itself, so each is taken from the heap, and the heap does not shrink.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
KEEPING = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28}
OWN = {_MMAP_MAX: 65_536, _TRIM_THRESHOLD: 2**17, _TOP_PAD: 2**17}
# The steps after which free memory is returned.
EVERY = 8


class MemoryReturner(TrainerCallback):
    """Returns what is free to the kernel after every `EVERY` steps."""

    def __init__(self) -> None:
        self._libc = _glibc()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._libc is not None and state.global_step % EVERY == 0:
            self._libc.malloc_trim(0)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory within the block, and return what is free after it. Without glibc this does nothing."""
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc, KEEPING)
    try:
        yield
    finally:
        _set(libc, OWN)
        libc.malloc_trim(0)


def _glibc() -> Any:
    """The C library of this process if it is glibc, otherwise None."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no library of that name.
        return None
    return libc if all(hasattr(libc, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim")) else None


def _set(libc: Any, values: dict[int, int]) -> None:
    for parameter, value in values.items():
        libc.mallopt(parameter, value)
