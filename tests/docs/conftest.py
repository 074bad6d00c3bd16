"""A running arena for the examples of the documentation."""

from collections.abc import Iterator

import pytest

from ..server_process import running, serving


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(*serving(store=f"sqlite:///{tmp_path_factory.mktemp('arena')}/arena.db", log_level="warning")) as url:
        yield url
