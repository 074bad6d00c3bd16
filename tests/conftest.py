"""Fixtures that several parts of the tests share."""

from collections.abc import Iterator

import pytest

from .brain import Brain, running_brain


@pytest.fixture
def brain() -> Iterator[Brain]:
    with running_brain() as brain:
        yield brain
