"""A result says which code made it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from forge_arena import software


def git(*arguments: str, at: Path) -> str:
    named = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    return subprocess.run(
        ["git", *named, *arguments], cwd=at, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_revision_is_that_of_the_code_and_not_of_a_checkout_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "arena" / "software.py"
    file.parent.mkdir()
    file.touch()
    git("init", at=tmp_path)
    git("commit", "--allow-empty", "-m", "another project", at=tmp_path)
    monkeypatch.setattr(software, "__file__", str(file))
    assert software.revision.__wrapped__() is None
    git("add", ".", at=tmp_path)
    git("commit", "-m", "now it is its own", at=tmp_path)
    head = git("rev-parse", "HEAD", at=tmp_path)
    assert software.revision.__wrapped__() == head
    file.write_text("# changed")
    assert software.revision.__wrapped__() == f"{head}+"
