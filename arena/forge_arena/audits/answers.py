"""Verify a file of answers: which are accepted, and what each of the others falls for.

A row of the file has an `id`, a `scenario` as JSON, and `content`, which is all that a Worker wrote. Thoughts are split
off as from any Worker, and other fields are ignored, so a file may keep its own labels beside the rows. A row that
cannot be read is reported with its line, and all other rows are verified.

Code alone reads, or code with a reader (`forge_arena.reader`), as in an arena: the reader points where the Verifier
misses a claim, and may veto an answer in which the Verifier finds nothing wrong.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

from pydantic import TypeAdapter

from forge_arena.errors import BadArgument, ForgeArenaError
from forge_arena.files import ForeignRow, numbered_lines, parse_json
from forge_arena.reader import Read, Reader, ReaderFailed, read
from forge_arena.storable import Text
from forge_arena.types import Noun, Scenario, Span
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
    """What the Verifier says of one answer, and what a reader says.

    Attributes:
        line: the line of the file, from 1.
        accepted: whether the Verifier finds nothing wrong and the reader, if there is one, vetoes nothing.
        not_found: the labels of the required claims that were not found, by id.
        doubtful: the claims that the answer perhaps makes.
        pointed: the labels of the claims that the Verifier found only because the reader had pointed to them, by id.
        vetoed: what the reader quoted as not borne out by the source.
        unreadable: replies of the reader without any JSON. Such a reply points to nothing and vetoes nothing.
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
    pointed: dict[str, str] = {}
    vetoed: tuple[Passage, ...] = ()
    unreadable: int = 0


class UnreadRow(Noun):
    """A row that could not be verified, and why."""

    line: int
    problem: str


class ReaderUse(Noun):
    """What a reader did with a file of answers.

    Attributes:
        asked: requests. An answer takes one if nothing is to be found, and two otherwise; none if code rejects it.
        unreadable: replies without any JSON.
        misquoted: quotations that are not in the answer. They count as no pointing and no veto.
        pointed: claims that the Verifier found because the reader had pointed to them.
        pointed_in_vain: claims to which the reader pointed, and which the Verifier nevertheless did not find.
        vetoed: answers in which the reader vetoed something.
        failed: answers that stay unread because the reader's model gave no reply.
    """

    name: str
    asked: int
    unreadable: int
    misquoted: int
    pointed: int
    pointed_in_vain: int
    vetoed: int
    failed: int


class AnswersReport(Noun):
    """What the Verifier says of a file of answers, with the totals.

    Attributes:
        reader: what the reader did; None if code alone read.
        not_reached: rows that nobody looked at, because the audit was interrupted.
    """

    schema_version: int = 1
    file: str
    accepted: int
    rejected: int
    reasons: dict[str, int]
    answers: tuple[AnswerVerdict, ...]
    unread: tuple[UnreadRow, ...]
    reader: ReaderUse | None = None
    not_reached: int = 0


def audit_answers(
    path: Path,
    *,
    reader: Reader | None = None,
    concurrency: int = 16,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> AnswersReport:
    """Verify each row of a file.

    An interrupt (Ctrl-C) ends the audit and loses no verdict: the report holds the rows that were done by then, and
    says how many were not reached.

    Args:
        path: the file.
        reader: points and vetoes, as in an arena; it is started and closed here. A row for which the reader fails stays
            unread, because it would have another verdict with the reader than without.
        concurrency: how many rows are read at a time; the result does not depend on it.
        on_progress: is called with the number of rows that are done, and the number of all.

    Raises:
        BadArgument: `concurrency` is below 1.
        OSError: the file cannot be read.
        ReaderFailed: the reader cannot be started.
    """
    if concurrency < 1:
        raise BadArgument(f"concurrency must be at least 1, got {concurrency}")
    audit = _Audit(path, reader, on_progress)
    # asyncio cancels what is under way and then raises the interrupt again. The rows that are done are kept.
    with suppress(KeyboardInterrupt):
        asyncio.run(audit.run(concurrency))
    return audit.report()


class _Audit:
    """The rows of one file, and what became of those that are done."""

    def __init__(self, path: Path, reader: Reader | None, on_progress: Callable[[int, int], None]) -> None:
        self._path = path
        self._lines = list(numbered_lines(path))
        self._reader = reader
        self._on_progress = on_progress
        self._answers: list[AnswerVerdict] = []
        self._unread: list[UnreadRow] = []
        self._failed = 0

    async def run(self, concurrency: int) -> None:
        """Verify all rows, `concurrency` of them at a time."""
        lines = iter(self._lines)

        async def work() -> None:
            for number, line in lines:
                await self._take(number, line)
                self._on_progress(len(self._answers) + len(self._unread), len(self._lines))
                # Code alone never waits. An interrupt and the other rows must come through nevertheless.
                await asyncio.sleep(0)

        try:
            if self._reader is not None:
                await self._reader.start()
            await asyncio.gather(*(work() for _ in range(concurrency)))
        finally:
            if self._reader is not None:
                await self._reader.aclose()

    async def _take(self, number: int, line: bytes) -> None:
        try:
            row = parse_json(line, TypeAdapter(AnswerRow), f"{self._path}:{number}", wanted=WANTED)
            self._answers.append(await self._verify(row, number))
        except ReaderFailed as failure:
            self._failed += 1
            self._unread.append(UnreadRow(line=number, problem=f"{self._path}:{number}: {failure.reason}"))
        except (ForgeArenaError, ValueError, ChildProcessError) as problem:
            self._unread.append(UnreadRow(line=number, problem=str(problem)))

    async def _verify(self, row: AnswerRow, line: int) -> AnswerVerdict:
        output = split_reasoning(row.content).output
        # The counts of this answer alone.
        reader = None if self._reader is None else replace(self._reader, counts=Counter())
        try:
            result = await read(
                reader, Verifier(row.scenario), output, lambda request: Random(f"{row.id}:reader:0{request}")
            )
        finally:
            if self._reader is not None and reader is not None:
                self._reader.counts.update(reader.counts)
        return _verdict(row, line, output, result, 0 if reader is None else reader.counts["reader_unreadable"])

    def report(self) -> AnswersReport:
        """What is known so far, in the order of the file."""
        answers = sorted(self._answers, key=lambda answer: answer.line)
        return AnswersReport(
            file=str(self._path),
            accepted=sum(answer.accepted for answer in answers),
            rejected=sum(not answer.accepted for answer in answers),
            reasons=dict(Counter(reason for answer in answers for reason in _reasons(answer)).most_common()),
            answers=tuple(answers),
            unread=tuple(sorted(self._unread, key=lambda row: row.line)),
            reader=None if self._reader is None else _use(self._reader, self._failed),
            not_reached=len(self._lines) - len(answers) - len(self._unread),
        )


def _use(reader: Reader, failed: int) -> ReaderUse:
    counts = reader.counts
    return ReaderUse(
        name=reader.name,
        asked=counts["reader_asked"],
        unreadable=counts["reader_unreadable"],
        misquoted=counts["reader_misquoted"],
        pointed=counts["reader_pointed"],
        pointed_in_vain=counts["reader_pointed_in_vain"],
        vetoed=counts["reader_vetoed"],
        failed=failed,
    )


def _verdict(row: AnswerRow, line: int, output: str, result: Read, unreadable: int) -> AnswerVerdict:
    scenario, report = row.scenario, result.report
    # A claim has more words for its topic, or a further form, if the reader pointed to the claim and code approved.
    pointed = [
        claim for claim, known in zip(scenario.claims, result.verifier.scenario.claims, strict=True) if claim != known
    ]
    return AnswerVerdict(
        id=row.id,
        line=line,
        family=scenario.family,
        accepted=report.clean and not result.vetoed,
        contradicted=tuple(_fault(scenario, report, claim, output) for claim in sorted(report.contradicted)),
        not_found={claim: scenario.claim(claim).label for claim in sorted(report.not_found)},
        unsupported=tuple(Passage(words=v.words, start=v.start, end=v.end) for v in report.unsupported),
        doubtful=tuple(sorted(report.doubtful)),
        copies_source=report.copies_source,
        pointed={claim.id: claim.label for claim in pointed},
        vetoed=_passages(result.vetoed, output),
        unreadable=unreadable,
    )


def _fault(scenario: Scenario, report: ClaimReport, claim_id: str, output: str) -> ClaimFault:
    claim = scenario.claim(claim_id)
    right = claim.right.name if claim.of is None else None
    places = [
        Span(start=finding.start, end=finding.end)
        for finding in report.of(claim_id)
        if finding.alternative is None or (right is not None and finding.alternative != right)
    ]
    return ClaimFault(claim=claim_id, label=claim.label, places=_passages(places, output))


def _passages(places: Iterable[Span], output: str) -> tuple[Passage, ...]:
    return tuple(Passage(words=place.of(output), start=place.start, end=place.end) for place in places)


def _reasons(answer: AnswerVerdict) -> tuple[str, ...]:
    """The kinds of faults that an answer has, each once."""
    return tuple(
        reason
        for reason, faults in (
            ("contradicted", answer.contradicted),
            ("not found", answer.not_found),
            ("unsupported", answer.unsupported),
            ("copy of the source", answer.copies_source),
            ("vetoed", answer.vetoed),
        )
        if faults
    )
