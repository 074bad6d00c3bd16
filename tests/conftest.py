"""Fixtures that several parts of the tests share."""

import signal
from collections.abc import Iterator

import pytest

from .brain import Brain, running_brain

# A shell hands an ignored Ctrl-C down to what it runs in the background; the children that tests interrupt must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def brain() -> Iterator[Brain]:
    with running_brain() as brain:
        yield brain
