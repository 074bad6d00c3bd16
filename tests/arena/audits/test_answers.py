"""A file of answers: each is verified, and a row that cannot be read loses nothing but itself."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from forge_arena.audits.answers import AnswersReport, audit_answers
from forge_arena.errors import BadArgument
from forge_arena.reader import ReaderFailed, open_reader
from forge_arena.types import Scenario

from ...brain import Brain, completion, refusal
from ..test_reader import HEADSET, PLACE, PLAIN, UNCLEAR
from ..verify.test_prose import ALLOTMENT, REST, START


def row(id: str, content: str, scenario: Scenario = ALLOTMENT, **more: object) -> str:
    return json.dumps({"id": id, "scenario": scenario.model_dump(mode="json"), "content": content, **more})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answers.jsonl"
    lines = [
        row("right", f"<think>The rent was £52 once.</think>{START}{REST}", right=False, mistake="ignored"),
        '{"id": "no scenario", "content": ""}',
        row("wrong", START + REST.replace("£64", "£52") + " It costs £7."),
        "{",
        row("silent", START),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_each_answer_has_its_faults_with_words_and_places(file: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = audit_answers(file, on_progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (5, 5)
    right, wrong, silent = report.answers
    assert (report.accepted, report.rejected) == (1, 2)
    assert right.accepted
    assert [fault.claim for fault in wrong.contradicted] == ["rent"]
    (place,) = wrong.contradicted[0].places
    assert place.words == "£52"
    assert place.start == (START + REST).index("£64")
    assert [value.words for value in wrong.unsupported] == ["£7"]
    assert silent.not_found == {
        "rent": "the rent",
        "telling": "the time for telling the society",
        "frost": "what must be done before frost",
    }
    assert report.reasons == {"contradicted": 1, "unsupported": 1, "not found": 1}


def test_a_bad_row_is_named_by_its_line(file: Path) -> None:
    bad = audit_answers(file).unread
    assert [problem.line for problem in bad] == [2, 4]
    assert "answers.jsonl:2: scenario: Field required; wanted a row with id, scenario, content" in bad[0].problem
    assert "answers.jsonl:4: not JSON" in bad[1].problem


BATTERY = "The battery lasts 30 hours."
TEA = "It also makes tea"
# By id, what stands in the answer. The reader's model knows the answer by its last word.
HEADSETS = {
    "pointed": f"{UNCLEAR} (one)",
    "in vain": f"It is a headset. {PLAIN} (two)",
    "vetoed": f"<think>It also makes tea?</think>{BATTERY} {PLAIN} {TEA}. (three)",
    "rejected by code": f"{BATTERY.replace('30', '20')} {PLAIN} (four)",
    "garbled": f"{BATTERY} {PLAIN} (five)",
    "silent": f"{BATTERY} {PLAIN} (six)",
    "right": f"{BATTERY} {PLAIN} (seven)",
}


async def read_headsets(body: dict[str, Any]) -> Response:
    """A model's brain: it points to the battery, and knows what a headset cannot do."""
    question = body["messages"][1]["content"]
    if "Where does the answer speak" in question:
        return completion(json.dumps({"1": PLACE if "(one)" in question else "It is a headset"}))
    if "(six)" in question:
        return refusal(400, "this model reads no English")
    if "(five)" in question:
        return completion("All of it is fine.")
    return completion(json.dumps([TEA, "It flies"] if "(three)" in question else []))


@pytest.fixture
def headsets(tmp_path: Path) -> Path:
    path = tmp_path / "headsets.jsonl"
    rows = [row(id, content, HEADSET) for id, content in HEADSETS.items()]
    path.write_text("\n".join([*rows, "{"]), encoding="utf-8")
    return path


def read_by(brain: Brain, file: Path, concurrency: int = 16) -> AnswersReport:
    spec = f"openai:brain@{brain.url}#timeout=5"
    return audit_answers(file, reader=open_reader(spec, None, concurrency=concurrency), concurrency=concurrency)


def test_a_reader_points_and_vetoes_as_in_an_arena(brain: Brain, headsets: Path) -> None:
    brain.reactions = [read_headsets]
    report = read_by(brain, headsets)
    answers = {answer.id: answer for answer in report.answers}
    assert {id for id, answer in answers.items() if answer.accepted} == {"pointed", "garbled", "right"}
    assert report.reasons == {"not found": 1, "vetoed": 1, "contradicted": 1}
    assert answers["pointed"].pointed == {"battery": "how long the battery lasts"}
    assert answers["pointed"].not_found == {}
    assert answers["in vain"].not_found == {"battery": "how long the battery lasts"}
    assert answers["in vain"].pointed == {}
    (veto,) = answers["vetoed"].vetoed
    assert veto.words == TEA
    # Places are those of the output, in which the thoughts are not.
    assert veto.start == len(f"{BATTERY} {PLAIN} ")
    assert [id for id, answer in answers.items() if answer.unreadable] == ["garbled"]


def test_the_report_says_who_read_and_what_became_of_it(brain: Brain, headsets: Path) -> None:
    brain.reactions = [read_headsets]
    use = read_by(brain, headsets).reader
    assert use is not None
    assert use.model_dump() == {
        "name": "openai:brain",
        # Two for each that is pointed to, of which one stays rejected and is not shown again; none where code rejects.
        "asked": 7,
        "unreadable": 1,
        "misquoted": 1,
        "pointed": 1,
        "pointed_in_vain": 1,
        "vetoed": 1,
        "failed": 1,
    }
    assert not any("(four)" in body["messages"][1]["content"] for body in brain.seen)


def test_without_a_reader_the_report_names_none(headsets: Path) -> None:
    report = audit_answers(headsets)
    assert report.reader is None
    assert report.not_reached == 0
    assert {answer.id for answer in report.answers if answer.accepted} == {"vetoed", "garbled", "silent", "right"}


def test_a_row_for_which_the_reader_fails_stays_unread(brain: Brain, headsets: Path) -> None:
    brain.reactions = [read_headsets]
    failed, garbage = read_by(brain, headsets).unread
    assert failed.line == 6
    assert failed.problem.startswith(f"{headsets}:6: the reader failed: ")
    assert "this model reads no English" in failed.problem
    assert garbage.line == 8


def test_the_number_of_rows_at_a_time_changes_nothing_but_the_speed(brain: Brain, headsets: Path) -> None:
    async def slowly(body: dict[str, Any]) -> Response:
        await asyncio.sleep(0.05)
        return await read_headsets(body)

    brain.reactions = [slowly]
    one = read_by(brain, headsets, concurrency=1)
    assert brain.most_at_once == 1
    assert read_by(brain, headsets, concurrency=4) == one
    assert 1 < brain.most_at_once <= 4
    with pytest.raises(BadArgument, match="concurrency must be at least 1, got 0"):
        audit_answers(headsets, concurrency=0)


def test_a_reader_that_does_not_start_is_refused_before_any_row(brain: Brain, headsets: Path) -> None:
    brain.reactions = [refusal(401, "no such key")]
    with pytest.raises(ReaderFailed, match=r"the reader did not start: .*without an API key"):
        read_by(brain, headsets)
    assert len(brain.seen) == 1


def test_a_bank_keeps_the_replies_so_that_a_second_run_asks_only_for_the_rest(
    brain: Brain, headsets: Path, tmp_path: Path
) -> None:
    def read_with(spec: str) -> AnswersReport:
        return audit_answers(headsets, reader=open_reader(spec, None))

    bank = f"bank:{tmp_path / 'replies.bank'}"
    brain.reactions = [read_headsets]
    first = read_with(f"{bank}+openai:brain@{brain.url}")
    asked = len(brain.seen)
    # The model is looked for once more, and asked once more about the answer for which it had failed.
    assert read_with(f"{bank}+openai:brain@{brain.url}").answers == first.answers
    assert len(brain.seen) == asked + 2
    assert read_with(bank).answers == first.answers
    assert len(brain.seen) == asked + 2
