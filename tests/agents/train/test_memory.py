"""A process that trains on a CPU keeps the memory that it frees."""

import ctypes
import resource
import sys

import pytest

from forge_agents.train import memory
from forge_agents.train.memory import freed_memory_kept

LARGE = 64 * 2**20


def faults_of_a_large_block() -> int:
    """How many pages the kernel gives for a block that is taken, filled and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(b"x") * LARGE
    del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="no glibc"
)
def test_a_block_is_reused_within_and_returned_after() -> None:
    outside = min(faults_of_a_large_block() for _ in range(3))
    with freed_memory_kept():
        faults_of_a_large_block()
        assert min(faults_of_a_large_block() for _ in range(3)) < outside / 4
    assert min(faults_of_a_large_block() for _ in range(3)) > outside / 2


def test_without_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    with freed_memory_kept():
        pass
