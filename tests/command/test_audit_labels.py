"""`forge-arena audit labels` as its users run it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ..brain import Brain, completion
from ..command_line import called, invoked


def labels(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    return called("audit", "labels", *arguments, code=code)


def test_help_teaches_the_reading() -> None:
    out, _ = labels("--help")
    for word in ("--worker", "--draws", "--quick", "--split", "--export", "--count", "--marks", "--key", "--html"):
        assert word in out


def test_the_audit_is_printed_and_written(tmp_path: Path) -> None:
    page = tmp_path / "labels.html"
    few = ("--split", "val", "--draws", "1", "--fresh", "2")
    done = invoked("audit", "labels", *few, "--json", "-", "--html", page)
    report = json.loads(done.stdout)
    assert report["audit"] == "labels"
    # The exit code is that of the gates, whichever way they fall on so few draws.
    assert done.exit_code == int(not all(gate["passed"] for gate in report["gates"]))
    assert "questions asked about every episode" in done.stderr
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_errors_of_a_reader_stand_in_the_report_and_on_the_page(brain: Brain, tmp_path: Path) -> None:
    brain.reactions = [completion('["Dear"]')]
    page = tmp_path / "labels.html"
    few = ("--split", "val", "--draws", "1", "--fresh", "1")
    done = invoked("audit", "labels", *few, "--reader", f"openai:eyes@{brain.url}", "--json", "-", "--html", page)
    report = json.loads(done.stdout)
    assert report["settings"]["reader"] == "openai:eyes"
    rows = {(row[0], row[1]) for row in report["tables"][-1]["rows"]}
    assert {("clean", "vetoed, though right"), ("placebo", "vetoed, though right"), ("replies", "misquoted")} <= rows
    assert "the reader openai:eyes" in page.read_text(encoding="utf-8")
    assert "the reader openai:eyes" in done.stderr


def test_a_reader_is_no_part_of_a_reading() -> None:
    _, err = labels("--reader", "worker", "--export", "round", code=2)
    assert "--reader is measured by the audit itself" in err


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a reading of eight episodes: round.html, round.jsonl and round.key.jsonl."""
    folder = tmp_path_factory.mktemp("reading")
    out, _ = labels("--export", folder / "round", "--count", "8")
    assert str(folder / "round.html") in out
    return folder


def right_marks(reading: Path) -> dict[str, Any]:
    """The marks of a reader who is always right."""
    rows = [json.loads(line) for line in (reading / "round.key.jsonl").read_text(encoding="utf-8").splitlines()]
    marks = [{"number": row["number"], "right": not row["truth"]["corrupted"]} for row in rows]
    return {"reading": rows[0]["reading"], "marks": marks}


def test_a_reading_is_a_page_its_rows_and_a_key(reading: Path) -> None:
    assert {path.name for path in reading.iterdir()} == {"round.html", "round.jsonl", "round.key.jsonl"}


def test_right_marks_pass(reading: Path, tmp_path: Path) -> None:
    file = tmp_path / "marks.json"
    file.write_text(json.dumps(right_marks(reading)), encoding="utf-8")
    report = json.loads(labels("--marks", file, "--key", reading / "round.key.jsonl", "--json", "-")[0])
    assert (report["audit"], report["gates"][0]["value"]) == ("reading", 1.0)


def test_a_wrong_mark_fails_a_gate(reading: Path, tmp_path: Path) -> None:
    marks = right_marks(reading)
    marks["marks"][0]["right"] = not marks["marks"][0]["right"]
    file = tmp_path / "marks.json"
    file.write_text(json.dumps(marks), encoding="utf-8")
    out, _ = labels("--marks", file, "--key", reading / "round.key.jsonl", code=1)
    assert "1 of 2 gates fail" in out


def test_marks_of_another_reading_are_refused(reading: Path, tmp_path: Path) -> None:
    file = tmp_path / "marks.json"
    file.write_text(json.dumps({**right_marks(reading), "reading": "another"}), encoding="utf-8")
    _, err = labels("--marks", file, "--key", reading / "round.key.jsonl", code=2)
    assert "error: the marks are of reading another" in err


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--marks", "marks.json"), "--marks and --key go together"),
        (("--marks", "m", "--key", "k", "--export", "e"), "--export writes a reading and --marks scores one"),
        (("--marks", "no_such.json", "--key", "k"), "there is no such file"),
        (("--export", "no_such_folder/x"), "there is no folder no_such_folder"),
        (("--split", "vla"), "--split 'vla' is not known. Did you mean 'val'?"),
        (("--worker", "psychic"), "unknown Worker 'psychic'"),
        (("--worker", "bank:none.bank", "--documents", "none.jsonl"), "there is no such file"),
        (("--count", "5"), "--count is for a reading: give --export FILE, or leave --count out"),
        (("--export", "e", "--draws", "3", "--json", "-"), "in the place of the audit: leave out --draws, --json"),
        (("--marks", "m", "--key", "k", "--split", "val"), "was written before: leave out --split"),
        (("--documents", "none.jsonl"), "documents need a Worker that reads: give --worker openai:MODEL@URL"),
    ],
)
def test_bad_input_says_what_is_wrong(arguments: tuple[str, ...], wanted: str) -> None:
    _, err = labels(*arguments, code=2)
    assert wanted in err
