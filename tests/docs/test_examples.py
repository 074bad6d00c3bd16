"""Every example of the documentation runs as it stands there; `tests/docs/examples.py` has the convention."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .examples import ARENA, Examples, agrees

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    path.relative_to(DOCS).as_posix(): Examples.of(path.read_text(encoding="utf-8")) for path in DOCS.rglob("*.md")
}
# `tests/command/test_readme.py` runs these, and looks at more than that they end well.
ELSEWHERE = {"evaluation.md"}
# The pages by tool always have something to run.
TOOLS = [name for name in PAGES if name.startswith("tools/")]


def python_for(examples: Examples) -> str:
    """The Python that has what a page imports. A package that needs an environment of its own names it by a variable."""
    if not examples.missing:
        return sys.executable
    package = examples.missing[0]
    variable = f"FORGE_ARENA_{package.upper()}"
    python = os.environ.get(variable)
    if python is None:
        pytest.skip(f"{package} is not installed here, and {variable} names no Python that has it")
    return python


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(name for name in PAGES if PAGES[name] and name not in ELSEWHERE))
def test_the_examples_of_a_page_run(page: str, arena: str, tmp_path: Path) -> None:
    examples = PAGES[page]
    for name, text in examples.files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(ARENA, arena), encoding="utf-8")
    python = python_for(examples)
    # Beside the script are its files, and the command `forge-arena` of this environment is found first.
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])}
    if examples.script:
        script = tmp_path / "script.py"
        script.write_text(examples.script.replace(ARENA, arena), encoding="utf-8")
        printed = finish([python, str(script)], tmp_path, environment)
        assert not examples.printed or agrees(printed, examples.printed), printed
    if examples.commands:
        finish(["bash", "-euo", "pipefail", "-c", examples.commands.replace(ARENA, arena)], tmp_path, environment)


def finish(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    return done.stdout


@pytest.mark.parametrize("page", sorted(TOOLS))
def test_a_page_on_a_tool_has_an_example(page: str) -> None:
    assert PAGES[page]


def test_blocks_are_read_by_the_convention() -> None:
    page = (
        "```python\nprint(1)\n```\n\n```text\n1\n```\n\n<!-- not run: needs a GPU -->\n\n```python\nboom\n```\n"
        "```python\n# mine.py\nx = 2\n```\n```console\n$ rm\n```\n```bash\necho hi\n```\n```python\nimport mine\n```\n"
    )
    examples = Examples.of(page)
    assert examples.script == "print(1)\n\nimport mine\n"
    assert examples.files == {"mine.py": "# mine.py\nx = 2\n"}
    assert (examples.commands, examples.printed, examples.missing) == ("echo hi\n", "1\n", [])
    assert Examples.of("```python\nimport nowhere_at_all.x\n```").missing == ["nowhere_at_all"]
    assert agrees("reward 0.25 of 1\n", "reward … of 1\n")
    assert not agrees("reward 0.25 of 2\n", "reward … of 1\n")
