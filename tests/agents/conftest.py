"""A real arena in a process of its own, as a client meets one; the scripted Worker stands in for the model's brain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_agents.client import ArenaClient

from ..server_process import FORGE_ARENA, running, serving

TOKEN = "a-token-for-tests"


@pytest.fixture(scope="session")
def arena_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("arena") / "arena.db"
    with running(*serving(store=f"sqlite:///{store}", tokens=[TOKEN], log_level="error")) as url:
        yield url


@pytest.fixture
def own_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an arena that no other test uses and whose test split is not sealed."""
    store = f"sqlite:///{tmp_path}/own.db"
    with running("-c", FORGE_ARENA, "serve", "--port", "0", "--store", store, "--open-test") as url:
        yield url


@pytest.fixture
def client(arena_url: str) -> Iterator[ArenaClient]:
    with ArenaClient(arena_url, token=TOKEN, patience=5.0) as client:
        yield client


@pytest.fixture
def moody(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of an arena, and a file during whose existence its Worker fails."""
    with running(str(Path(__file__).with_name("moody_arena.py")), str(tmp_path)) as url:
        yield url, tmp_path / "down"
