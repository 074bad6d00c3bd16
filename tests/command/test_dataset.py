"""`forge-arena eval --dataset`: labelled answers from elsewhere are judged without an arena."""

import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from ..brain import Brain, completion, refusal
from ..command_line import called
from .conftest import ROW

WriteRows = Callable[..., Path]
RIGHT = {**ROW, "worker_output": "The rent of $1,250.00 is due on 3 March 2027.", "corrupted": False, "origin": "a"}
WRONG = {
    **ROW,
    "worker_output": "The rent of $1,350.00 is due on 3 April 2027.",
    "corrupted": True,
    "origin": "b",
    "spans": [[12, 21]],
}


@pytest.fixture
def asked(write_rows: WriteRows) -> tuple[str | Path, ...]:
    return ("eval", "--overseer", "always_corrupted", "--dataset", write_rows("panel.jsonl", RIGHT, WRONG))


def test_an_overseer_is_scored_on_labelled_answers(asked: tuple[str | Path, ...]) -> None:
    out, err = called(*asked, "--json", "-")
    result: dict[str, Any] = json.loads(out)
    assert (result["dataset"], result["overseer"], len(result["rows"])) == ("panel.jsonl", "always_corrupted", 2)
    assert result["scorecard"]["balanced_accuracy"]["value"] == 0.5
    assert set(result["groups"]) == {"origin"}
    assert "always_corrupted on panel.jsonl" in err
    assert "always_corrupted: 2 of 2 answers" in err


def test_what_is_kept_in_a_folder_is_what_is_printed(asked: tuple[str | Path, ...], tmp_path: Path) -> None:
    out, _ = called(*asked, "--out", tmp_path / "kept", "--json", "-")
    assert json.loads((tmp_path / "kept" / "result.json").read_text(encoding="utf-8")) == json.loads(out)


def test_an_evaluation_in_a_folder_is_not_begun_anew(asked: tuple[str | Path, ...], tmp_path: Path) -> None:
    called(*asked, "--out", tmp_path / "kept")
    assert "continue it by --resume" in called(*asked, "--out", tmp_path / "kept", code=2)[1]


def test_what_goes_on_has_the_same_answers_and_their_first_seconds(
    asked: tuple[str | Path, ...], tmp_path: Path
) -> None:
    called(*asked, "--out", tmp_path / "kept")
    written = json.loads((tmp_path / "kept" / "result.json").read_text(encoding="utf-8"))
    called(*asked, "--out", tmp_path / "kept", "--resume")
    again = json.loads((tmp_path / "kept" / "result.json").read_text(encoding="utf-8"))
    # Each says when it ended.
    del written["provenance"]["ended"], again["provenance"]["ended"]
    assert again == written


def test_what_failed_and_what_could_not_be_read_is_said(brain: Brain, write_rows: WriteRows) -> None:
    rows = [{**(WRONG if n % 2 else RIGHT), "task": f"Question {n}."} for n in range(12)]
    prose = completion("Nothing is wrong here.")
    by_turns = cycle([prose, prose, refusal(400, "upstream trouble")])

    async def react(_: object) -> Response:
        return next(by_turns)

    brain.reactions = [react]
    overseer = ("--overseer", f"openai:brain@{brain.url}", "--set", "concurrency=1")
    out, _ = called("eval", *overseer, "--dataset", write_rows("panel.jsonl", *rows), "--json", "-")
    outcomes = Counter((row["outcome"], row["reason"] is None) for row in json.loads(out)["rows"])
    assert outcomes == {("invalid_verdict", False): 8, ("infra_failed", False): 4}
    out, _ = called("eval", *overseer, "--dataset", write_rows("panel.jsonl", *rows))
    shown = " ".join(out.split())
    assert "8 invalid, 4 failed" in shown
    assert re.search(r"what failed: .* answered 400: upstream trouble.* \(4\)", shown)
    assert re.search(r"what could not be read, and counts as wrong: the completion .* \(8\)", shown)


def test_labelled_answers_have_no_report(asked: tuple[str | Path, ...], tmp_path: Path) -> None:
    called(*asked, "--out", tmp_path / "kept")
    assert "is of labelled answers" in called("report", tmp_path / "kept", code=2)[1]


def test_a_row_that_is_no_labelled_answer_is_refused_with_file_and_line(write_rows: WriteRows) -> None:
    path = write_rows("panel.jsonl", RIGHT, ROW)
    _, err = called("eval", "--overseer", "rules", "--dataset", path, code=2)
    assert re.search(r"panel\.jsonl:2: worker_output: Field required", err)


@pytest.mark.parametrize(
    ("given", "options"),
    [(("--paired", "--split", "val"), "--split, --paired"), (("--submit", "me"), "--submit")],
)
def test_options_of_an_arena_are_refused(asked: tuple[str | Path, ...], given: tuple[str, ...], options: str) -> None:
    _, err = called(*asked, *given, code=2)
    assert f"--dataset needs no arena: leave out {options}" in err


def test_a_dataset_that_is_not_there_is_refused(tmp_path: Path) -> None:
    _, err = called("eval", "--overseer", "rules", "--dataset", tmp_path / "none.jsonl", code=2)
    assert "there is no such file" in err
