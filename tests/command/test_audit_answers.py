"""`forge-arena audit answers`."""

import asyncio
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from ..arena.verify.test_prose import ALLOTMENT, REST, START
from ..brain import Brain, completion
from ..command_line import ENVIRONMENT, called, command, invoked, without_frames


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


def spec_of(brain: Brain) -> str:
    return f"openai:brain@{brain.url}#timeout=30"


def test_a_reader_reads_along_with_its_own_key(brain: Brain, tmp_path: Path) -> None:
    quotation = "The bees are insured"
    vetoed = f"{START}{REST} {quotation}."
    brain.reactions = [completion("yes"), completion(json.dumps([quotation])), completion("[]")]
    file = write(tmp_path / "rows.jsonl", vetoed, START + REST, START + REST.replace("£64", "£52"))
    done = invoked(
        *("audit", "answers", file, "--reader", spec_of(brain), "--reader-api-key", "sesame", "--concurrency", 1),
        *("--json", tmp_path / "out.json"),
    )
    assert done.exit_code == 0, done.stderr
    assert {headers["authorization"] for headers in brain.headers} == {"Bearer sesame"}
    assert f'vetoed: "{quotation}" at {vetoed.index(quotation)}' in done.stdout
    assert "1 accepted, 2 rejected (vetoed: 1, contradicted: 1)" in done.stdout
    assert "read by openai:brain in 2 requests: it pointed to 0 claims" in done.stdout
    assert "it vetoed 1 answers; 0 replies were unreadable" in done.stdout
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert report["reader"]["vetoed"] == 1
    assert [veto["words"] for veto in report["answers"][0]["vetoed"]] == [quotation]


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        ("worker", "'worker' stands for the Worker's own model, and there is no Worker here"),
        ("scripted", "'scripted' cannot read: a scripted Worker has no model"),
    ],
)
def test_a_reader_that_cannot_read_is_refused(tmp_path: Path, reader: str, says: str) -> None:
    file = write(tmp_path / "rows.jsonl", START + REST)
    assert says in called("audit", "answers", file, "--reader", reader, code=2)[1]


def test_ctrl_c_loses_no_verdict(brain: Brain, tmp_path: Path) -> None:
    async def hang(_: dict[str, Any]) -> Response:
        await asyncio.sleep(3600)
        return completion("[]")

    brain.reactions = [completion("yes"), completion("[]"), hang]
    file = write(tmp_path / "rows.jsonl", START + REST, f"{START}{REST} Yours.", f"{START}{REST} Goodbye.")
    out = tmp_path / "out.json"
    line = command("audit", "answers", file, "--reader", spec_of(brain), "--concurrency", "1", "--json", out)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        deadline = time.monotonic() + 60
        while len(brain.seen) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Traceback" not in stderr
    assert "interrupted after 1 of 3 rows; the report lacks the others" in without_frames(stderr)
    assert "1 accepted, 0 rejected" in stdout
    report = json.loads(out.read_text(encoding="utf-8"))
    assert [answer["id"] for answer in report["answers"]] == ["a0"]
    assert (report["unread"], report["not_reached"]) == ([], 2)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text("\n\n")
    _, err = called("audit", "answers", tmp_path / "answers.jsonl", code=2)
    assert "answers.jsonl: holds no row; a row has id, scenario and content" in err
