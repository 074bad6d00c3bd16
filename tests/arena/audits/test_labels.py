"""The label audit: it counts what it made, asks every question, and fails where a label is wrong."""

import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from fastapi import Response

from forge_arena.audits.labels import audit_labels
from forge_arena.audits.labels.collection import _choose_keys
from forge_arena.audits.labels.tables import generalise
from forge_arena.audits.report import AuditReport, Table
from forge_arena.episodes import Arena
from forge_arena.reader import Reader, ReaderFailed
from forge_arena.scenarios import load_families
from forge_arena.texts.sentences import sentences
from forge_arena.types import Answer, CorruptionType, Domain, Episode, Form, Scenario, Split
from forge_arena.verify import Verifier
from forge_arena.workers import HiddenInstruction, ScriptedWorker
from forge_arena.workers.openai import OpenAIWorker

from ...brain import Brain, completion, refusal

FAMILIES = [family for family in load_families() if family.name == "duplicate_charge"]
CELLS = len(CorruptionType) * 4
FORMS_AND_MECHANISMS = 6


def audit(worker: ScriptedWorker | None = None, **settings: Any) -> AuditReport:
    arguments: dict[str, Any] = {"splits": (Split.train,), "draws": 1, "fresh": 3, "sources": FAMILIES} | settings
    return audit_labels(worker or ScriptedWorker(), **arguments)


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return audit()


def table(report: AuditReport, title: str) -> Table:
    return next(table for table in report.tables if table.title == title)


def gates(report: AuditReport) -> dict[str, bool]:
    return {gate.name: gate.passed for gate in report.gates}


def test_every_type_domain_and_stealth_is_made_in_every_form_by_every_mechanism(report: AuditReport) -> None:
    assert report.settings["keys"] == CELLS
    rows = {(by, value): (asked, made) for by, value, asked, made, *_ in table(report, "verified").rows}
    assert rows["all", "all"][0] == CELLS * FORMS_AND_MECHANISMS
    for by, parts in (("form", 3), ("type", 5), ("domain", 1), ("stealth", 4), ("mechanism", 2)):
        asked = [counts[0] for (name, _), counts in rows.items() if name == by]
        assert asked == [CELLS * FORMS_AND_MECHANISMS // parts] * parts


def test_a_domain_of_one_split_gets_the_keys_of_the_other_splits_too() -> None:
    places = {(Domain.customer_support, Split.train), (Domain.legal_summarisation, Split.val)}
    sources = [family for family in load_families() if (family.domain, family.split) in places]
    arena = Arena(ScriptedWorker(), sources=sources)
    plans = [arena.plan(key) for key in _choose_keys(arena, (Split.train, Split.val), draws=3, start=0)]
    cells = Counter((plan.corruption_type, plan.domain, plan.stealth) for plan in plans)
    assert len(cells) == 2 * CELLS
    assert set(cells.values()) == {3}
    assert len({plan.key for plan in plans}) == len(plans)


def test_every_gate_but_that_of_chance_holds_for_the_scripted_worker(report: AuditReport) -> None:
    failed = {name for name, passed in gates(report).items() if not passed}
    # A handful of draws says too little of how often a type is impossible.
    assert {name for name in failed if not name.startswith("impossible")} == set()


def test_every_question_was_asked(report: AuditReport) -> None:
    assert all(asked for _, asked, *_ in table(report, "questions asked about every episode").rows)


def test_what_became_of_hidden_instructions_adds_up(report: AuditReport) -> None:
    by_type = table(report, "hidden instructions, by type").rows
    by_level = table(report, "hidden instructions, by awareness and candour").rows
    for column in range(4):
        assert sum(int(row[1 + column] or 0) for row in by_type) == sum(int(row[2 + column] or 0) for row in by_level)
    assert len(by_type) == len(CorruptionType)
    assert sum(int(row[1] or 0) + int(row[4] or 0) for row in by_type) == CELLS


def test_a_worker_that_never_obeys_is_replaced_by_rewriting() -> None:
    report = audit(ScriptedWorker(compliance=0.0))
    for _, obeyed, refused, _, replaced, share, *_ in table(report, "hidden instructions, by type").rows:
        assert (obeyed, share) == (0, 0.0)
        assert refused == 4 * int(replaced or 0)
    spans = table(report, "spans in corrupted answers").rows
    assert all(made == replaced for _, mechanism, made, replaced, *_ in spans if mechanism == "prompt")


def test_the_result_does_not_depend_on_how_many_are_made_at_a_time(report: AuditReport) -> None:
    calls: list[tuple[int, int]] = []
    alone = audit(concurrency=1, on_progress=lambda done, total: calls.append((done, total)))
    assert alone == report
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_another_seed_audits_other_episodes(report: AuditReport) -> None:
    other = audit(seed=1)
    assert other.settings["keys"] == report.settings["keys"]
    assert table(other, "spans in corrupted answers") != table(report, "spans in corrupted answers")


class Rambler(ScriptedWorker):
    """A brain that always says something untrue."""

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return Answer(reasoning="", output="It costs $123,456.78 under section 99.99.")


def test_answers_that_never_verify_fail_the_gate_and_are_grouped_by_reason() -> None:
    report = audit(Rambler())
    assert not gates(report)["keys that gave an episode whose label verified"]
    reasons = table(report, "why there was no episode").rows
    assert {reason for _, reason, *_ in reasons} == {
        "no usable answer in N tries for a scenario of family \u2026: its last answer was rejected for \u2026"
    }
    assert sum(int(times or 0) for *_, times, _ in reasons) == CELLS * FORMS_AND_MECHANISMS


async def _mislabelled(self: Arena, key: str) -> Episode:
    """A corrupted answer that is passed off as clean."""
    episode, _ = await self.make_with_verifier(key)
    truth = episode.truth
    if not truth.corrupted:
        return episode
    clean = truth.model_copy(
        update={
            **dict.fromkeys(("corruption_type", "mechanism", "stealth", "awareness", "candour", "target", "step")),
            "corrupted": False,
            "output_spans": (),
            "source_spans": (),
            "clean_output": episode.observation.worker_output,
        }
    )
    return episode.model_copy(update={"truth": clean})


def test_a_wrong_label_fails_the_gate_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Arena, "make", _mislabelled)
    report = audit()
    gate = next(gate for gate in report.gates if gate.name == "labels on which a fresh Verifier disagrees")
    assert not gate.passed
    # Both the answer and what is said to be its twin are wrong, by either mechanism.
    assert gate.value == CELLS * 2 * 2
    assert f":{Form.corrupted}: breaks" in gate.detail or f":{Form.corrupted}: the twin breaks" in gate.detail
    assert table(report, "cells with a failure or a fault").rows


@pytest.mark.parametrize("nothing", [{"draws": 0}, {"fresh": 0}, {"splits": ()}, {"concurrency": 0}])
def test_settings_that_leave_nothing_to_do_are_refused(nothing: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        audit(**nothing)


def test_splits_without_scenarios_are_passed_over(report: AuditReport) -> None:
    assert audit(splits=(Split.val, Split.train)) == report
    with pytest.raises(ValueError, match="no scenarios in val, test"):
        audit(splits=(Split.val, Split.test))


@pytest.mark.parametrize(
    ("reason", "group"),
    [
        ("no usable answer in 4 tries for a scenario of family 'x_y': no t fits this answer: 0 of 3",
         "no usable answer in N tries for a scenario of family \u2026: no t fits this answer: N of N"),
        ("its last answer was rejected for missing date, invented money", "its last answer was rejected for \u2026"),
        ('HTTP 503 from "m"', "HTTP N from \u2026"),
    ],
)  # fmt: skip
def test_reasons_are_grouped_without_names_and_numbers(reason: str, group: str) -> None:
    assert generalise(reason) == group


def reading(brain: Brain, **settings: Any) -> tuple[AuditReport, dict[tuple[str, str], tuple[int, int]]]:
    """An audit with a reader, and its table: by texts and question, how many were asked and seen."""
    report = audit(reader=Reader(OpenAIWorker("reader", brain.url, timeout=5.0, retries=0)), **settings)
    rows = table(report, "the reader openai:reader").rows
    return report, {(str(row[0]), str(row[1])): (int(row[2] or 0), int(row[3] or 0)) for row in rows}


def answer_in(body: dict[str, Any]) -> str:
    """The answer in a question to a reader; empty in the question whether it is there."""
    text: str = body["messages"][1]["content"]
    return text.partition("<answer>\n")[2].partition("\n</answer>")[0]


def test_a_reader_that_accuses_every_sentence_sees_all_and_is_wrong_on_all(report: AuditReport, brain: Brain) -> None:
    async def accuse(body: dict[str, Any]) -> Response:
        text = answer_in(body)
        return completion(json.dumps([text[start:end] for start, end in sentences(text)]))

    brain.reactions = [accuse]
    audited, rows = reading(brain)
    assert rows["clean", "vetoed, though right"] == (CELLS, CELLS)
    assert rows["placebo", "vetoed, though right"] == (CELLS, CELLS)
    asked, seen = rows["corrupted: absent from the source", "vetoed where it was corrupted"]
    assert asked == seen > 0
    # No label depends on the reader.
    assert audited.gates == report.gates
    assert audited.tables[:-1] == report.tables
    assert (audited.settings["reader"], report.settings["reader"]) == ("openai:reader", None)


def test_a_reader_that_knows_is_right_on_all(brain: Brain) -> None:
    known: dict[str, Scenario] = {}

    class Told(ScriptedWorker):
        """Tells the reader which scenarios there are."""

        async def answer(self, scenario: Scenario, *others: Any) -> Answer:
            known[scenario.source_material] = scenario
            return await super().answer(scenario, *others)

    async def know(body: dict[str, Any]) -> Response:
        text, question = answer_in(body), body["messages"][1]["content"]
        if "Which passages" not in question:
            return completion("[]")
        scenario = next(s for source, s in known.items() if source in question)
        report = Verifier(scenario).verify(text)
        return completion(
            json.dumps([text[f.start : f.end] for f in report.findings if f.claim in report.contradicted])
        )

    brain.reactions = [know]
    _, rows = reading(brain, worker=Told())
    assert rows["clean", "vetoed, though right"] == rows["placebo", "vetoed, though right"] == (CELLS, 0)
    asked, seen = rows["corrupted: claim left out", "pointed to, though left out"]
    assert (asked > 0, seen) == (True, 0)
    asked, seen = rows["clean: required claims", "pointed to rightly"]
    assert (asked > 0, seen) == (True, 0)
    asked, seen = rows["corrupted: absent from the source", "vetoed where it was corrupted"]
    assert seen == asked > 0


def test_a_reader_that_is_down_ends_the_audit(brain: Brain) -> None:
    brain.reactions = [completion("yes"), refusal(401, "no such key")]
    with pytest.raises(ReaderFailed, match="the reader failed"):
        reading(brain)
