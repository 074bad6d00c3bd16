"""A real arena in a process of its own, as a client meets one; the scripted Worker stands in for the model's brain."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forge_agents.client import ArenaClient

TOKEN = "a-token-for-tests"
SERVE = """
import sys
from forge_server.app import serve
from forge_server.settings import Settings
serve(Settings(port=0, store=sys.argv[1], tokens=(sys.argv[2],), log_level="error"))
"""
FORGE_ARENA = "from forge_command.app import main; main()"


@contextmanager
def running(*command: str) -> Iterator[str]:
    """The URL of a server that runs until the block ends."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            found = re.search(r"http://\S+", said)
            assert found is not None, f"the server said {said!r}"
            yield found[0]
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def arena_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("arena") / "arena.db"
    with running("-c", SERVE, f"sqlite:///{store}", TOKEN) as url:
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
