"""`forge-arena audit answers`."""

import json
from pathlib import Path

from ..arena.verify.test_prose import ALLOTMENT, REST, START
from ..command_line import called, invoked


def write(path: Path, *contents: str) -> Path:
    scenario = ALLOTMENT.model_dump(mode="json")
    rows = [{"id": f"a{number}", "scenario": scenario, "content": text} for number, text in enumerate(contents)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_help_teaches() -> None:
    assert "no label is read" in " ".join(called("audit", "answers", "--help")[0].split())


def test_the_report_is_a_table_and_json(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", START + REST, START + REST.replace("£64", "£52"))
    done = invoked("audit", "answers", file, "--json", tmp_path / "out.json")
    assert done.exit_code == 0, done.stderr
    assert "1 accepted, 1 rejected" in done.stdout
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [answer["accepted"] for answer in report["answers"]] == [True, False]
    assert report["answers"][1]["contradicted"][0]["claim"] == "rent"


def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_verified(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", START + REST)
    file.write_text(file.read_text(encoding="utf-8") + "\nnonsense\n", encoding="utf-8")
    done = invoked("audit", "answers", file)
    assert done.exit_code == 1
    assert "1 accepted, 0 rejected" in done.stdout
    assert "rows.jsonl:2: not JSON" in done.stdout


def test_a_file_that_is_not_there_is_refused() -> None:
    _, err = called("audit", "answers", "/no/such/file.jsonl", code=2)
    assert "/no/such/file.jsonl" in err
