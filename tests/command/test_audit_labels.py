"""`forge-arena audit labels` as its users run it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("FORGE_ARENA_")},
    "COLUMNS": "200",
    "NO_COLOR": "1",
    "TERM": "dumb",
}


def labels(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    """Run the command; its standard output and its standard error without frames."""
    done = subprocess.run(
        [sys.executable, "-m", "forge_command", "audit", "labels", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout, " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())


def test_help_teaches_the_reading() -> None:
    out, _ = labels("--help")
    for word in ("--worker", "--draws", "--quick", "--split", "--export", "--count", "--marks", "--key", "--html"):
        assert word in out


@pytest.mark.slow
def test_the_audit_is_printed_and_written(tmp_path: Path) -> None:
    page = tmp_path / "labels.html"
    command = ("--split", "val", "--draws", "1", "--fresh", "20", "--json", "-", "--html", page)
    done = subprocess.run(
        [sys.executable, "-m", "forge_command", "audit", "labels", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT,
    )
    report = json.loads(done.stdout)
    assert report["audit"] == "labels"
    # The exit code is that of the gates, whichever way they fall on so few draws.
    assert done.returncode == int(not all(gate["passed"] for gate in report["gates"]))
    assert "asked of every label once more" in done.stderr
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_reading_is_written_and_its_marks_are_scored(tmp_path: Path) -> None:
    out, _ = labels("--export", tmp_path / "round", "--count", "8")
    assert str(tmp_path / "round.html") in out
    assert (tmp_path / "round.jsonl").is_file()
    key = tmp_path / "round.key.jsonl"
    rows = [json.loads(line) for line in key.read_text(encoding="utf-8").splitlines()]
    marks = {
        "reading": rows[0]["reading"],
        "marks": [{"number": row["number"], "right": not row["truth"]["corrupted"]} for row in rows],
    }
    file = tmp_path / "marks.json"
    file.write_text(json.dumps(marks), encoding="utf-8")
    report = json.loads(labels("--marks", file, "--key", key, "--json", "-")[0])
    assert (report["audit"], report["gates"][0]["value"]) == ("reading", 1.0)
    marks["marks"][0]["right"] = not marks["marks"][0]["right"]
    file.write_text(json.dumps(marks), encoding="utf-8")
    out, _ = labels("--marks", file, "--key", key, code=1)
    assert "1 of 2 gates fail" in out


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--marks", "marks.json"), "--marks and --key go together"),
        (("--marks", "m", "--key", "k", "--export", "e"), "one at a time"),
        (("--marks", "no_such.json", "--key", "k"), "No such file"),
        (("--export", "no_such_folder/x"), "there is no folder no_such_folder"),
        (("--split", "dev"), "'dev' is not a valid Split"),
        (("--worker", "psychic"), "unknown Worker 'psychic'"),
        (("--documents", "none.jsonl"), "No such file"),
    ],
)
def test_bad_input_says_what_is_wrong(arguments: tuple[str, ...], wanted: str) -> None:
    _, err = labels(*arguments, code=2)
    assert wanted in err
