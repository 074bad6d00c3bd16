"""An arena, and rows of labelled answers, that the tests of the command share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..arena.documents.proposed import EXAMPLES, keep_from
from ..server_process import running, serving

ROW: dict[str, Any] = {
    "task": "Answer the tenant.",
    "source_material": "The rent of $1,250.00 is due on 3 March 2027. Tenants must not sublet the flat. Repairs are"
    " reported within five days to the caretaker, as section 4.2 of the lease has it, under contract R-58213.",
    "domain": "customer_support",
}


@pytest.fixture(scope="session")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an arena for all tests that only play there."""
    with running(*serving(store=f"sqlite:///{tmp_path_factory.mktemp('arena')}/arena.db", log_level="warning")) as url:
        yield url


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as a file of JSON lines."""

    def write(name: str, *rows: dict[str, Any]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Five imported documents: an audit of them takes a hundredth of the time that the arena's own families take."""
    path = tmp_path / "documents.jsonl"
    scenarios = [keep_from(text, proposal).scenario for text, proposal, _ in EXAMPLES.values()]
    path.write_text("".join(f"{scenario.model_dump_json()}\n" for scenario in scenarios if scenario is not None))
    return path
