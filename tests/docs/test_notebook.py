"""The notebook runs from its first cell to its last, and is committed without what it printed.

Needs FORGE_ARENA_DOCS, a Python with `nbclient` and a kernel (`make test-docs` makes one).
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

PYTHON = os.environ.get("FORGE_ARENA_DOCS", "")
NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs").rglob("*.ipynb"))
RUN = """
import sys, nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_committed_without_its_outputs(notebook: Path) -> None:
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="FORGE_ARENA_DOCS names no Python with nbclient: make test-docs")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    done = tmp_path / "done.ipynb"
    command = [PYTHON, "-c", RUN, str(notebook), str(done)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr[-3_000:]
    outputs = [out for cell in json.loads(done.read_text())["cells"] for out in cell.get("outputs", ())]
    printed = "".join("".join(output.get("text", ())) for output in outputs)
    assert "reward 0." in printed
    assert "rules has a higher reward than digits" in printed
