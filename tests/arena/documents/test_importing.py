"""A run over documents: what is read, what is made, what is missing when it stops, and what the report says."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from forge_arena.documents.author import Author, AuthorFailed
from forge_arena.documents.importing import (
    HOPELESS,
    Import,
    make_from_record,
    make_with_author,
    make_without_author,
    plan,
    read_all,
    report,
)
from forge_arena.documents.playing import scenario_id
from forge_arena.errors import WorkerFailed
from forge_arena.types import CorruptionType, Domain
from forge_arena.workers.base import Message
from forge_arena.workers.scripted import ScriptedWorker

from .proposed import EXAMPLES


class Brain(ScriptedWorker):
    """Proposes for each of our documents what its author would; fails for the documents whose words are in `down`."""

    def __init__(self, *down: str, alone: bool = True) -> None:
        self.down = down
        self.asked: list[str] = []

    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        question = messages[1]["content"]
        name = next((name for name, (text, *_) in EXAMPLES.items() if text.strip() in question), None)
        self.asked.append(name or "?")
        await asyncio.sleep(0)
        if any(word in question for word in self.down):
            raise WorkerFailed("down")
        return "No idea." if name is None else json.dumps(EXAMPLES[name][1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    for name, (text, *_) in EXAMPLES.items():
        (tmp_path / "shop" / f"{name}.md").write_text(text, encoding="utf-8")
    return tmp_path


def run_over(folder: Path, *left_out: str) -> Import:
    return plan(read_all([folder]), left_out)


async def make(run: Import, brain: Brain, concurrency: int = 2) -> Import:
    await make_with_author(run, Author(brain), concurrency=concurrency)
    return run


def lines(run: Import) -> list[str]:
    return [scenario.model_dump_json() for _, scenario in run.wanted()]


async def test_each_document_becomes_a_scenario_in_the_order_of_the_names(folder: Path) -> None:
    run = await make(run_over(folder), Brain())
    sources = [scenario.source_material.strip() for _, scenario in run.wanted()]
    assert sources == [EXAMPLES[name][0].strip() for name in sorted(EXAMPLES)]
    assert run.missing == 0


async def test_the_order_in_which_replies_come_changes_nothing(folder: Path) -> None:
    one, many = await make(run_over(folder), Brain(), 1), await make(run_over(folder), Brain(), 5)
    assert lines(one) == lines(many)


def test_the_same_text_twice_is_read_once_and_the_second_names_the_first(folder: Path) -> None:
    (folder / "shop" / "z.md").write_text(f"\n{EXAMPLES['loan'][0]}\n\n", encoding="utf-8")
    reading = read_all([folder])
    assert len(reading.documents) == len(EXAMPLES)
    (refused,) = reading.refused
    assert refused.name.endswith("z.md")
    assert refused.reason.endswith("loan.md has the same text")


def test_one_text_with_two_tasks_is_two_documents_of_one_family(tmp_path: Path) -> None:
    rows = [{"source_material": EXAMPLES["loan"][0], "task": task} for task in ("Write to Jonas.", "Write to Ada.")]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    run = run_over(tmp_path)
    assert len(run.parts) == 2
    assert len({(part.family, part.split) for part in run.parts}) == 1


def test_progress_is_told_file_by_file(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    read_all([folder], lambda done, total: told.append((done, total)))
    assert told == [(n, len(EXAMPLES)) for n in range(1, len(EXAMPLES) + 1)]


async def test_a_document_of_which_nothing_is_kept_stops_nothing(folder: Path) -> None:
    (folder / "aaa.md").write_text("The tide was low and the boats lay in the mud. " * 5, encoding="utf-8")
    run = await make(run_over(folder), Brain())
    assert len(lines(run)) == len(EXAMPLES)
    (row,) = report(run)["no_scenario"]
    assert row["document"].endswith("aaa.md")
    assert "no JSON object" in row["reason"]


async def test_a_failure_for_one_document_is_no_result_and_the_rest_is_made(folder: Path) -> None:
    run = await make(run_over(folder), Brain("band saw", "Power tools"))
    assert run.missing == 1
    assert len(lines(run)) == len(EXAMPLES) - 1
    (row,) = report(run)["no_reply"]
    assert (row["document"].endswith("loan.md"), row["reason"]) == (True, "down")
    again = Brain()
    await make(run, again)
    assert again.asked == ["loan"]
    assert run.missing == 0
    assert lines(run) == lines(await make(run_over(folder), Brain()))
    assert report(run)["no_reply"] == []


async def test_an_author_that_is_down_is_given_up_and_what_is_made_is_kept(tmp_path: Path) -> None:
    texts = [EXAMPLES["loan"][0], *(f"# Note {n}\n\nBroken. " + f"word{n} is here now. " * 20 for n in range(30))]
    for number, text in enumerate(texts):
        (tmp_path / f"{number:02}.md").write_text(text, encoding="utf-8")
    brain, run = Brain("Broken."), run_over(tmp_path)
    with pytest.raises(AuthorFailed, match=f"{HOPELESS * 3} failures in a row, the last: down"):
        await make(run, brain, 3)
    assert len(run.made) == 1
    assert len(brain.asked) <= 1 + HOPELESS * 3 + 3
    assert run.missing == 30


async def test_failures_among_replies_do_not_end_a_run(tmp_path: Path) -> None:
    for number in range(8):
        said = "Broken." if number % 2 else "Whole."
        text = f"# Note {number}\n\n{said} " + f"The word{number} is here now. " * 20
        (tmp_path / f"{number}.md").write_text(text, encoding="utf-8")
    run = await make(run_over(tmp_path), Brain("Broken."), 1)
    assert (len(run.made), len(run.failed)) == (4, 4)


async def test_what_is_on_record_is_made_without_giving_up(folder: Path) -> None:
    run = run_over(folder)
    await make_from_record(run, Author(Brain("Power tools")))
    assert (len(run.made), run.failed) == (len(EXAMPLES) - 1, {})


async def test_what_is_left_out_is_counted_and_not_written(folder: Path) -> None:
    everything = await make(run_over(folder), Brain())
    unwanted = scenario_id(next(scenario for _, scenario in everything.wanted()))
    run = await make(run_over(folder, unwanted), Brain())
    assert lines(run) == lines(everything)[1:]
    numbers = report(run)
    assert (numbers["scenarios"], numbers["left_out"]) == (len(EXAMPLES) - 1, 1)


async def test_the_report_counts_what_came_of_everything(folder: Path) -> None:
    (folder / "broken.md").write_bytes(b"\xff\xfe\x00")
    run = await make(run_over(folder), Brain())
    numbers = report(run)
    assert (numbers["documents"], len(numbers["refused"])) == (len(EXAMPLES), 1)
    assert numbers["scenarios"] == sum(numbers["splits"].values()) == sum(numbers["domains"].values()) == len(EXAMPLES)
    proposed = sum(len(proposal["facts"]) for _, proposal, _ in EXAMPLES.values())
    assert numbers["facts"] == {"proposed": proposed, "kept": sum(w.kept.facts for w in run.made.values())}
    assert set(numbers["corruptions"]) == set(CorruptionType)
    assert numbers["corruptions"]["factual_omission"] == len(EXAMPLES)
    assert numbers["replies"]["proposal"] == len(EXAMPLES)
    assert [row["id"] for row in numbers["of_each"]] == [scenario_id(scenario) for _, scenario in run.wanted()]
    json.dumps(numbers)


async def test_reasons_are_counted_whatever_they_quote(folder: Path) -> None:
    class Inventor(Brain):
        async def chat(self, messages: Sequence[Message], rng: Random) -> str:
            proposal: dict[str, Any] = json.loads(await super().chat(messages, rng))
            for number, fact in enumerate(proposal["facts"][:2]):
                fact["quotation"] = f"Nobody wrote this, and least of all {number} times."
            return json.dumps(proposal)

    dropped = report(await make(run_over(folder), Inventor()))["dropped"]
    assert dropped["the document does not hold the quotation \u201c\u2026\u201d"] == 2 * len(EXAMPLES)


async def test_the_report_names_each_dropped_part_and_why_a_corruption_is_impossible(folder: Path) -> None:
    class Careless(Brain):
        async def chat(self, messages: Sequence[Message], rng: Random) -> str:
            proposal: dict[str, Any] = json.loads(await super().chat(messages, rng))
            for fact in proposal["facts"]:
                fact["section"] = fact.get("section") and "7.7"
            return json.dumps(proposal)

    numbers = report(await make(run_over(folder), Careless()))
    lost = [part for part in numbers["dropped_parts"] if part["document"].endswith("loan.md")]
    assert [(part["what"], part["reason"]) for part in lost] == [
        (f"fact {number} ({fact['label']}): its section", "the document has no section \u201c7.7\u201d")
        for number, fact in enumerate(EXAMPLES["loan"][1]["facts"], start=1)
    ]
    rows = {row["document"].rpartition("/")[2]: row for row in numbers["of_each"]}
    assert rows["loan.md"]["impossible"]["authority_fabrication"] == (
        "no section is kept for a fact that the answer must state (fact 1 (how long he can keep the saw): its section: "
        "the document has no section \u201c7.7\u201d)"
    )
    kettles = rows["kettles.md"]["impossible"]["authority_fabrication"]
    assert kettles in (
        "no section is named for a fact that the answer must state",
        "the document has no section to cite: give it headings",
    )
    for row in numbers["of_each"]:
        assert sorted({*row["corruptions"], *row["impossible"]}) == sorted(CorruptionType)


async def test_a_family_has_one_domain(tmp_path: Path) -> None:
    rows = [
        {
            "source_material": EXAMPLES["loan"][0],
            "task": f"Jonas asks how lending works. Write to {who}.",
            "domain": domain,
        }
        for who, domain in (("Jo", "legal_summarisation"), ("Al", "customer_support"), ("Di", "customer_support"))
    ]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    run = await make(run_over(tmp_path), Brain())
    assert [scenario.domain for _, scenario in run.wanted()] == [Domain.customer_support] * 3


def test_without_an_author_every_document_has_a_scenario_or_a_reason_that_says_what_to_do(folder: Path) -> None:
    run = run_over(folder)
    make_without_author(run)
    assert run.missing == 0
    for written in run.made.values():
        assert written.kept.scenario is not None or "--author" in written.kept.dropped[-1].reason
