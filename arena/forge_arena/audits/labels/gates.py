"""The gates of the audit of labels."""

from collections.abc import Sequence

from forge_arena.audits.faults import Question
from forge_arena.audits.labels.rows import FreshByFamily, Row, fresh_by_type
from forge_arena.audits.labels.rules import LONGEST_DETAIL, Rules
from forge_arena.audits.report import Gate

VERIFIED_AT_LEAST = 0.99
IMPOSSIBLE_AT_MOST = 0.05

# The questions behind each gate. The other questions are reported and have no gate.
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "labels on which a fresh Verifier disagrees": (
        Question.label_is_true,
        Question.twin_is_clean,
        Question.truth_is_whole,
    ),
    "claims disturbed beside the target": (
        Question.nothing_else_is_broken,
        Question.nothing_else_is_lost,
        Question.omitted_is_gone,
    ),
    "changes outside the spans": (Question.spans_hold_the_change, Question.spans_hold_the_fault),
    "passages of the source that do not support the right answer": (Question.source_supports_the_answer,),
    "placebos that change more than words": (Question.placebo_is_harmless,),
    "first corrupted steps that do not fit": (Question.step_is_in_the_reasoning, Question.step_is_the_first_other),
    "forms of a key that are not of one draw": (Question.twins_agree,),
}

_GATED = frozenset(question for questions in QUESTIONS.values() for question in questions)


def count_faults(row: Row) -> int:
    """How many questions behind a gate found a fault in the episode."""
    return sum(fault is not None for question, fault in (row.findings or {}).items() if question in _GATED)


def gates(rows: Sequence[Row], rules: Rules, fresh: FreshByFamily, *, scripted: bool) -> tuple[Gate, ...]:
    """All gates. One is for the scripted Worker alone: how often a live Worker errs says nothing about labels."""
    return (
        *([_verified(rows)] if scripted else []),
        *(_question_gate(name, questions, rows) for name, questions in QUESTIONS.items()),
        *rules.gates(),
        *_impossible(fresh),
    )


def _verified(rows: Sequence[Row]) -> Gate:
    made = sum(row.made for row in rows)
    rate = made / len(rows) if rows else 0.0
    return Gate(
        name="keys that gave an episode whose label verified",
        value=rate,
        limit=VERIFIED_AT_LEAST,
        passed=rate >= VERIFIED_AT_LEAST,
        detail=f"{made} of {len(rows)} keys gave an episode",
    )


def _question_gate(name: str, questions: Sequence[Question], rows: Sequence[Row]) -> Gate:
    answers = [
        (row.key, row.findings[question])
        for row in rows
        for question in questions
        if row.findings is not None and question in row.findings
    ]
    faults = [f"{key}: {fault}" for key, fault in answers if fault is not None]
    return Gate(
        name=name,
        value=len(faults),
        limit=0,
        passed=not faults and bool(answers),
        detail="; ".join((f"of {len(answers)} answers to questions", *faults[:1]))[:LONGEST_DETAIL],
    )


def _impossible(fresh: FreshByFamily) -> list[Gate]:
    gates = []
    for type, draws in fresh_by_type(fresh).items():
        share = draws.impossible / draws.usable if draws.usable else 1.0
        gates.append(
            Gate(
                name=f"impossible on a fresh draw: {type}",
                value=share,
                limit=IMPOSSIBLE_AT_MOST,
                passed=share <= IMPOSSIBLE_AT_MOST,
                detail=f"{draws.impossible} of {draws.usable} fresh answers take none",
            )
        )
    return gates
