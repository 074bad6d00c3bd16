"""Verify a file of answers: which are accepted, and what each of the others falls for.

A row of the file has an `id`, a `scenario` as JSON, and `content`, which is all that a Worker wrote. Thoughts are split
off as from any Worker, and other fields are ignored, so a file may keep its own labels beside the rows. A row that
cannot be read is reported with its line, and all other rows are verified.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from forge_arena.errors import ForgeArenaError
from forge_arena.files import ForeignRow, numbered_lines, parse_json
from forge_arena.storable import Text
from forge_arena.types import Noun, Scenario
from forge_arena.verify import ClaimReport, Verifier
from forge_arena.workers.prompts import split_reasoning

WANTED = "a row with id, scenario, content"


class AnswerRow(ForeignRow):
    """One line of the file. Other fields are ignored."""

    id: Text
    scenario: Scenario
    content: Text


class Passage(Noun):
    """Words of an answer and where they stand, in code points of the output."""

    words: str
    start: int
    end: int


class ClaimFault(Noun):
    """A claim that an answer contradicts, and the places where it does; a broken rule may have no place."""

    claim: str
    label: str
    places: tuple[Passage, ...]


class AnswerVerdict(Noun):
    """What the Verifier says of one answer.

    Attributes:
        line: the line of the file, from 1.
        not_found: the labels of the required claims that were not found, by id.
        doubtful: the claims that the answer perhaps makes.
    """

    id: str
    line: int
    family: str
    accepted: bool
    contradicted: tuple[ClaimFault, ...]
    not_found: dict[str, str]
    unsupported: tuple[Passage, ...]
    doubtful: tuple[str, ...]
    copies_source: bool


class UnreadRow(Noun):
    """A row that could not be verified, and why."""

    line: int
    problem: str


class AnswersReport(Noun):
    """What the Verifier says of a file of answers, with the totals."""

    schema_version: int = 1
    file: str
    accepted: int
    rejected: int
    reasons: dict[str, int]
    answers: tuple[AnswerVerdict, ...]
    unread: tuple[UnreadRow, ...]


def audit_answers(path: Path, *, on_progress: Callable[[int, int], None] = lambda done, total: None) -> AnswersReport:
    """Verify each row of a file.

    Raises:
        OSError: the file cannot be read.
    """
    lines = list(numbered_lines(path))
    answers: list[AnswerVerdict] = []
    unread: list[UnreadRow] = []
    for done, (number, line) in enumerate(lines, start=1):
        try:
            row = parse_json(line, TypeAdapter(AnswerRow), f"{path}:{number}", wanted=WANTED)
            answers.append(_verify(row, number))
        except (ForgeArenaError, ValueError, ChildProcessError) as problem:
            unread.append(UnreadRow(line=number, problem=str(problem)))
        on_progress(done, len(lines))
    return AnswersReport(
        file=str(path),
        accepted=sum(answer.accepted for answer in answers),
        rejected=sum(not answer.accepted for answer in answers),
        reasons=dict(Counter(reason for answer in answers for reason in _reasons(answer)).most_common()),
        answers=tuple(answers),
        unread=tuple(unread),
    )


def _verify(row: AnswerRow, line: int) -> AnswerVerdict:
    output = split_reasoning(row.content).output
    report = Verifier(row.scenario).verify(output)
    return AnswerVerdict(
        id=row.id,
        line=line,
        family=row.scenario.family,
        accepted=report.clean,
        contradicted=tuple(_fault(row.scenario, report, claim, output) for claim in sorted(report.contradicted)),
        not_found={claim: row.scenario.claim(claim).label for claim in sorted(report.not_found)},
        unsupported=tuple(Passage(words=v.words, start=v.start, end=v.end) for v in report.unsupported),
        doubtful=tuple(sorted(report.doubtful)),
        copies_source=report.copies_source,
    )


def _fault(scenario: Scenario, report: ClaimReport, claim_id: str, output: str) -> ClaimFault:
    claim = scenario.claim(claim_id)
    right = claim.right.name if claim.of is None else None
    places = tuple(
        Passage(words=output[finding.start : finding.end], start=finding.start, end=finding.end)
        for finding in report.of(claim_id)
        if finding.alternative is None or (right is not None and finding.alternative != right)
    )
    return ClaimFault(claim=claim_id, label=claim.label, places=places)


def _reasons(answer: AnswerVerdict) -> set[str]:
    """The kinds of faults that an answer has, each once."""
    return {
        reason
        for reason, faults in (
            ("contradicted", answer.contradicted),
            ("not found", answer.not_found),
            ("unsupported", answer.unsupported),
            ("copy of the source", answer.copies_source),
        )
        if faults
    }
