"""The pages for people name tests and files, and each test and each file that they name exists."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TESTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")
}
FUNCTIONS = set(re.findall(r"^ *(?:async )?def (test_\w+)\(", "\n".join(TESTS.values()), re.MULTILINE))
NAMES = FUNCTIONS | {Path(file).name for file in TESTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    unknown = set(re.findall(r"\btest_\w+(?:\.py)?", text)) - NAMES
    assert unknown == set()
    for file, name in re.findall(r"(tests/[\w/]+\.py)(?:::(test_\w+))?", text):
        assert (ROOT / file).is_file(), file
        assert not name or f"def {name}(" in TESTS[file], f"{file} has no {name}"


def test_every_file_in_the_tree_of_the_readme_exists() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## The tree\n\n```\n")[1].split("```")[0]
    missing, folder, seen = [], ROOT, 0
    for line in tree.splitlines():
        names = list(takewhile(re.compile(r"[\w/]+(\.py|/)").fullmatch, line.split()))
        assert names, line
        parent = folder if line.startswith(" ") else ROOT
        missing += [f"{parent.relative_to(ROOT)}/{name}" for name in names if not (parent / name).exists()]
        folder = parent if line.startswith(" ") else ROOT / names[0]
        seen += len(names)
    assert missing == []
    assert seen > 40


def test_every_file_that_the_architecture_names_exists() -> None:
    folders = {"A": "arena/forge_arena", "S": "server/forge_server", "G": "agents/forge_agents"}
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/])([ASG])/([\w/]+/|[\w/]+\.\w+)", text)
    assert [f"{letter}/{name}" for letter, name in named if not (ROOT / folders[letter] / name).exists()] == []
    assert len(named) > 20


def test_security_names_the_test_of_each_threat() -> None:
    names = re.findall(r"\btest_\w+", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(FUNCTIONS.intersection(names)) >= 10
