"""A file of answers: each is verified, and a row that cannot be read loses nothing but itself."""

import json
from pathlib import Path

import pytest

from forge_arena.audits.answers import audit_answers

from ..verify.test_prose import ALLOTMENT, REST, START


def row(id: str, content: str, **more: object) -> str:
    return json.dumps({"id": id, "scenario": ALLOTMENT.model_dump(mode="json"), "content": content, **more})


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
