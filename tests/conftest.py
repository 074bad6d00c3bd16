"""Fixtures that several parts of the tests share."""

import signal
from collections.abc import Iterator

import pytest

from . import postgres
from .brain import Brain, running_brain
from .postgres import Postgres

# A shell hands an ignored Ctrl-C down to what it runs in the background; the children that tests interrupt must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def brain() -> Iterator[Brain]:
    with running_brain() as brain:
        yield brain


@pytest.fixture(scope="session")
def running_postgres() -> Iterator[Postgres]:
    """One for all tests of a process; each makes databases of its own in it."""
    if postgres.program("initdb") is None:
        pytest.skip("there is no Postgres here: install Debian's package postgresql")
    with postgres.running() as server:
        yield server
