"""Fixtures that several parts of the tests share."""

import signal
from collections.abc import Iterator

import pytest

from . import postgres
from .brain import Brain, running_brain
from .postgres import Postgres

# A shell hands an ignored Ctrl-C down to what it runs in the background; the children that tests interrupt must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run the tests that share a fixture of their module, so that the fixture is made once."""
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
        shares = any(fixture.scope == "module" for group in definitions for fixture in group)
        if shares and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))


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
