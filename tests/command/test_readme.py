"""The README's Python runs as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from forge_command.demo import running_server

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_python_of_the_readme_runs() -> None:
    local, remote = BLOCKS
    with running_server() as url:
        script = local + remote.replace("http://127.0.0.1:8000", url) + "\nprint(terminated, result.outcome)"
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "True scored\n"


@pytest.mark.slow
def test_the_python_of_the_page_on_evaluation_runs(tmp_path: Path) -> None:
    page = README.with_name("docs") / "evaluation.md"
    block, overseer = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "words.py").write_text(overseer, encoding="utf-8")
    with running_server() as url:
        words = [
            sys.executable,
            "-m",
            "forge_command",
            "eval",
            "--overseer",
            "words:Words",
            "--arena",
            url,
            "--split",
            "val",
        ]
        judged = subprocess.run([*words, "--episodes", "20"], capture_output=True, text=True, timeout=120, cwd=tmp_path)
        script = block.replace("http://127.0.0.1:8000", url) + "\nprint(result)"
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert judged.returncode == 0, judged.stderr
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Result(rules on forge:3:val, 60 episodes from 0: balanced accuracy 0.")


def test_the_files_that_the_readme_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
