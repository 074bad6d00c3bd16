"""An episode in a terminal: what a terminal cannot show keeps nobody from reading the rest."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
from rich.panel import Panel
from forge_arena.present import mark_spans, print_panels
from forge_arena.types import Span
print_panels([Panel(mark_spans("nothing here, 5\u20137 days", (Span(start=8, end=8),), "red"), title="answer")])
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_a_character_shows_its_number(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, env=environment, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert rb"nothing \u27e8missing\u27e9here, 5\u20137 days" in ended.stdout
