"""The Python of the README and of the pages runs as it is written there, and no page links to nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..command_line import ran

README = Path(__file__).parents[2] / "README.md"
ELSEWHERE = [README.parent / name for name in ("CONTRIBUTING.md", "SECURITY.md", "scenarios/README.md")]
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_python_of_the_readme_runs(arena: str) -> None:
    local, _, remote = BLOCKS
    script = local + remote.replace("http://127.0.0.1:8000", arena) + "\nprint(terminated, result.outcome)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True scored\n"


@pytest.mark.slow
def test_the_overseer_of_the_readme_can_be_evaluated(arena: str, tmp_path: Path) -> None:
    _, overseer, _ = BLOCKS
    (tmp_path / "mine.py").write_text(overseer, encoding="utf-8")
    arguments = ("--arena", arena, "--episodes", "20", "--json", tmp_path / "mine.json")
    ran("eval", "--overseer", "mine:Digits", *arguments, cwd=tmp_path)
    assert json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))["scorecard"]["invalid"] == 0


@pytest.mark.slow
def test_the_python_of_the_page_on_evaluation_runs(arena: str, tmp_path: Path) -> None:
    page = README.with_name("docs") / "evaluation.md"
    block, overseer = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "words.py").write_text(overseer, encoding="utf-8")
    ran("eval", "--overseer", "words:Words", "--arena", arena, "--split", "val", "--episodes", "20", cwd=tmp_path)
    script = block.replace("http://127.0.0.1:8000", arena) + "\nprint(result)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Result(rules on forge:5:val, 60 episodes from 0: balanced accuracy 0.")


@pytest.mark.slow
def test_the_python_of_the_page_on_tools_runs(arena: str, tmp_path: Path) -> None:
    page = README.with_name("docs") / "tools.md"
    client, local, _, overseer = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    script = client.replace("http://127.0.0.1:8000", arena) + local
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "\n2025-07-23 (Wednesday)\n" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(" 15")
    (tmp_path / "careful.py").write_text(overseer, encoding="utf-8")
    arguments = ("--arena", arena, "--episodes", "4", "--view", "answer_only", "--tools", "--json", tmp_path / "c.json")
    ran("eval", "--overseer", "careful:Careful", *arguments, cwd=tmp_path)
    result = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert (result["view"], result["tools"]) == ("answer_only", "default")
    assert {row["tool_uses"] for row in result["rows"]} == {1}


@pytest.mark.parametrize(
    "page", [README, *sorted(README.with_name("docs").rglob("*.md")), *ELSEWHERE], ids=lambda p: p.name
)
def test_a_page_links_only_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
