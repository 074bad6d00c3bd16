"""A result says which code made it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import forge_arena
from forge_arena import software
from forge_arena.additions import scenario_folder


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


def test_an_image_says_the_revision_that_its_build_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "__file__", str(tmp_path / "software.py"))
    assert software.revision.__wrapped__() is None
    (tmp_path / software.REVISION_FILE).write_text("abc123+\n")
    assert software.revision.__wrapped__() == "abc123+"
    (tmp_path / software.REVISION_FILE).write_text("\n")
    assert software.revision.__wrapped__() is None


def installed_copy(folder: Path) -> Path:
    """The package as a wheel installs it, with the scenario files inside."""
    package = Path(software.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(package, folder / "forge_arena", ignore=ignored)
    shutil.copytree(scenario_folder(), copy / "_scenarios", ignore=ignored)
    return copy


def code_of(package: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(software, "__file__", str(package / "software.py"))
        patch.setattr(software, "scenario_folder", lambda: package / "_scenarios")
        return software.episode_code.__wrapped__()


def test_the_code_of_episodes_is_the_same_in_a_checkout_and_in_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forge_arena, "__version__", "9.9")
    assert code_of(installed_copy(tmp_path), monkeypatch) == software.episode_code.__wrapped__()


@pytest.mark.parametrize(
    ("file", "differs"),
    [
        ("rewards.py", True),
        ("corruptions/temporal_shift.py", True),
        ("_scenarios/customer_support/duplicate_charge.yaml", True),
        ("a_new_module.py", True),
        ("audits/page.py", False),
        ("measures/metrics.py", False),
        ("env.py", False),
    ],
)
def test_the_code_of_episodes_is_what_makes_and_grades_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, differs: bool
) -> None:
    package = installed_copy(tmp_path)
    before = code_of(package, monkeypatch)
    with (package / file).open("a") as opened:
        opened.write("# changed\n")
    assert (code_of(package, monkeypatch) != before) is differs


def test_files_with_other_line_ends_are_the_same_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = installed_copy(tmp_path)
    before = code_of(package, monkeypatch)
    file = package / "rewards.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert code_of(package, monkeypatch) == before


PLAY = """
import asyncio, json, sys
from forge_arena import rewards
from forge_arena.episodes import Arena
from forge_arena.types import Verdict
from forge_arena.workers import ScriptedWorker

made = asyncio.run(Arena(ScriptedWorker()).make_with_verifier("forge:5:train:0"))
verdict = Verdict(detection=True, explanation="", correction="", confidence=0.5)
rewards.score(made.episode, verdict, made.verifier)
print(json.dumps([name for name in sys.modules if name.startswith("forge_arena.")]))
"""


def test_what_is_left_out_of_the_code_of_episodes_is_not_needed_to_make_and_to_grade_one() -> None:
    played = subprocess.run([sys.executable, "-c", PLAY], check=True, capture_output=True, text=True)
    modules = {name.split(".")[1] for name in json.loads(played.stdout)}
    assert {"rewards", "plans", "verify"} <= modules
    assert not modules & {name.removesuffix(".py") for name in software.NOT_OF_EPISODES}
