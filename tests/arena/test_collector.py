"""The garbage collector makes its rounds as rarely as it is told."""

import gc
from collections.abc import Iterator

import pytest

from forge_arena.collector import RARE_ROUNDS, make_rounds_rarer, spare_the_collector


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_a_command_makes_rounds_rarer_and_keeps_nothing_from_the_collector() -> None:
    frozen = gc.get_freeze_count()
    make_rounds_rarer()
    assert gc.get_threshold() == RARE_ROUNDS
    assert gc.get_freeze_count() == frozen
    assert gc.isenabled()


def test_a_server_also_keeps_what_was_loaded_at_the_start_from_the_collector() -> None:
    spare_the_collector()
    assert gc.get_threshold() == RARE_ROUNDS
    assert gc.get_freeze_count() > 10_000
