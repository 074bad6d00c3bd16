"""`forge-arena audit shortcuts` and `audit exploits` on imported documents: a handful, a model, and keys that fail."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from forge_arena.audits import AuditReport, exploits, shortcuts
from forge_arena.audits.degenerates import degenerates
from forge_arena.audits.shortcuts.attacks import HOLDOUTS, Attack
from forge_arena.documents.playing import count_scenarios, load_documents
from forge_arena.types import HOMES

from ..arena.documents.proposed import EXAMPLES, keep_from
from ..brain import Brain, completion, refusal
from ..command_line import called, invoked

UNREAD = "release"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Five documents, each a family. Their names lay them into the train split."""
    lines = []
    for name, (text, proposal, _) in EXAMPLES.items():
        scenario = keep_from(text, proposal).scenario
        assert scenario is not None
        lines.append(scenario.model_copy(update={"family": f"{name}-1"}).model_dump_json())
    path = tmp_path / "documents.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def knows_all_but_one(body: dict[str, Any]) -> Response:
    said = json.dumps(body["messages"], ensure_ascii=False)
    for name, (text, _, answer) in EXAMPLES.items():
        if json.dumps(text.strip().splitlines()[0], ensure_ascii=False)[1:-1] in said:
            if name == UNREAD:
                return refusal(404, "not on record")
            return completion(f"<think>I took each figure from the document.</think>{answer}")
    return completion("Yes")


def few_attacks(quick: bool) -> list[Attack]:
    return [Attack(input, "words", holdout) for input in ("answer", "answer+source") for holdout in HOLDOUTS]


def asked(documents: Path, brain: Brain) -> tuple[str, ...]:
    brain.reactions = [knows_all_but_one]
    return ("--documents", str(documents), "--worker", f"openai:brain@{brain.url}", "--revisions", "0")


def test_shortcuts_of_a_handful_are_open_and_what_failed_is_counted(
    documents: Path, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortcuts, "list_attacks", few_attacks)
    done = invoked("audit", "shortcuts", *asked(documents, brain), "--quick", "--json", "-")
    assert done.exit_code == 0, done.stderr
    report = AuditReport.model_validate_json(done.stdout)
    assert report.settings["draws"] == 3 * len(EXAMPLES)
    assert report.settings["revisions"] == 0
    assert 1 < int(str(report.settings["families"])) < len(EXAMPLES)
    assert {gate.state for gate in report.gates} == {"open"}
    assert not report.passed
    shown = " ".join(done.stderr.split())
    assert "stay open: too little was measured" in shown
    assert "the Worker failed" in shown
    assert "families gave no pair" in shown
    assert "pairs: " in shown


def test_exploits_of_a_handful_are_open_and_what_failed_is_counted(
    documents: Path, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tuple(p for p in degenerates() if p.name in ("always_clean", "names_bias_injection", "drops_a_sentence"))
    monkeypatch.setattr(exploits, "degenerates", lambda commonest: some)
    page = tmp_path / "page.html"
    done = invoked("audit", "exploits", *asked(documents, brain), "--quick", "--json", "-", "--html", page)
    assert done.exit_code == 0, done.stderr
    report = AuditReport.model_validate_json(done.stdout)
    keys = next(table for table in report.tables if table.title == "keys by type")
    planned, played = (sum(int(str(row[n])) for row in keys.rows) for n in (1, 2))
    assert planned == report.settings["episodes"] == 2 * len(EXAMPLES)
    assert played == planned - int(str(report.settings["not_made"]))
    assert 0 < played < planned
    assert "the Worker failed" in keys.note
    states = {gate.name.partition(":")[0]: gate.state for gate in report.gates}
    assert states["the oracle earns everything on every corrupted answer"] == "passed"
    assert states["mean reward minus the weakest honest overseer's"] == "open"
    assert states["bias_injection alone"] == "open"
    assert "gates stay open" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("audit", ["shortcuts", "exploits"])
def test_a_worker_that_never_answers_is_no_result(audit: str, documents: Path, brain: Brain) -> None:
    arguments = asked(documents, brain)
    brain.reactions = [completion("Yes"), refusal(400, "not on record")]
    _, err = called("audit", audit, *arguments, "--quick", code=2)
    assert "the Worker failed" in err
    assert "not on record" in err


@pytest.mark.parametrize("audit", ["shortcuts", "exploits", "labels"])
def test_the_scripted_worker_reads_no_documents(audit: str, documents: Path) -> None:
    _, err = called("audit", audit, "--documents", documents, code=2)
    assert "documents need a Worker that reads: give --worker openai:MODEL@URL" in " ".join(err.split())


def test_a_split_without_documents_is_refused(documents: Path, brain: Brain) -> None:
    there = count_scenarios(load_documents(documents))
    missing = next(split for split in HOMES if split not in there)
    _, err = called("audit", "exploits", *asked(documents, brain), "--split", missing.value, code=2)
    assert f"has no scenarios in {missing.value}" in " ".join(err.split())
