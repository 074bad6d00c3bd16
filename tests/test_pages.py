"""The pages for people name tests, and each test that they name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
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


def test_security_names_the_test_of_each_threat() -> None:
    names = re.findall(r"\btest_\w+", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(FUNCTIONS.intersection(names)) >= 10
