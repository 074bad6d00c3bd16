"""The README's Python runs as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..command_line import ran

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_python_of_the_readme_runs(arena: str) -> None:
    local, remote = BLOCKS
    script = local + remote.replace("http://127.0.0.1:8000", arena) + "\nprint(terminated, result.outcome)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True scored\n"


@pytest.mark.slow
def test_the_python_of_the_page_on_evaluation_runs(arena: str, tmp_path: Path) -> None:
    page = README.with_name("docs") / "evaluation.md"
    block, overseer = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "words.py").write_text(overseer, encoding="utf-8")
    ran("eval", "--overseer", "words:Words", "--arena", arena, "--split", "val", "--episodes", "20", cwd=tmp_path)
    script = block.replace("http://127.0.0.1:8000", arena) + "\nprint(result)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Result(rules on forge:3:val, 60 episodes from 0: balanced accuracy 0.")


def test_the_files_that_the_readme_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
