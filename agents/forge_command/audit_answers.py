"""`forge-arena audit answers`: which answers of a file does the Verifier accept?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from forge_command.console import deliver, fail
from forge_command.options import JsonFile, ReaderApiKey
from forge_command.progress import progress

if TYPE_CHECKING:
    from forge_arena.audits.answers import AnswersReport, AnswerVerdict, ReaderUse

LONGEST_WORDS = 60
EPILOG = """Examples:

forge-arena audit answers answers.jsonl --json report.json

forge-arena audit answers answers.jsonl --reader openai:MODEL@http://127.0.0.1:8001/v1"""


def answers(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.jsonl", exists=True, dir_okay=False, readable=True, help="Rows with id, scenario and content."
        ),
    ],
    reader: Annotated[
        str | None,
        typer.Option(
            help="A model that helps to read the answers: it points and vetoes, and code approves. openai:MODEL@URL, "
            "vllm:MODEL or bank:FILE. Default: none."
        ),
    ] = None,
    reader_api_key: ReaderApiKey = None,
    vllm: Annotated[
        str, typer.Option(envvar="FORGE_ARENA_VLLM", help="The vllm executable for a vllm reader.")
    ] = "vllm",
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many answers are read at a time, and how many requests a reader gets.")
    ] = 16,
    json: JsonFile = None,
) -> None:
    """Which answers does the Verifier accept, and what do the others fall for? Verify a file of answers.

    A row is {"id": ..., "scenario": ..., "content": ...}: a scenario as JSON, and all that a Worker wrote, thoughts
    included. Other fields are ignored, and no label is read. For each answer the report says which claims are
    contradicted, not found and in doubt, and which values the source does not support, with words and places. A row
    that cannot be read is listed with its line; all others are verified, and the exit code is then 1.

    With `--reader` a model reads along, as with `forge-arena serve --reader`. Where the Verifier misses a claim, the
    reader quotes where the answer speaks of the claim, and the Verifier looks again. Where the Verifier finds nothing
    wrong, the reader quotes what the source does not bear out, and the answer is rejected. So an answer takes two
    requests at most, and an answer that code rejects for good takes none or one. If the reader gives no reply, the row
    stays unread, because neither an acceptance nor a rejection would be the reader's.

    Ctrl-C ends the audit and loses no verdict: the report then holds the answers that were read. A reader
    `bank:REPLIES+openai:MODEL@URL` records its replies in the file REPLIES, so that another run asks only for the rest.
    """
    from forge_arena.audits.answers import audit_answers
    from forge_arena.reader import open_reader

    reads = (
        None
        if reader is None
        else open_reader(reader, None, api_key=reader_api_key, vllm_executable=vllm, concurrency=concurrency)
    )
    with progress() as bar:
        note = "" if reads is None else "the reader is starting"
        task = bar.add_task("answers", total=None, unit="answers", note=note)
        report = audit_answers(
            file,
            reader=reads,
            concurrency=concurrency,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total, note=""),
        )
    deliver(report, json, partial(_show_answers, report))
    if not (report.answers or report.unread or report.not_reached):
        raise fail(f"{file}: holds no row; a row has id, scenario and content")
    if report.not_reached:
        rows = len(report.answers) + len(report.unread)
        raise fail(f"interrupted after {rows} of {rows + report.not_reached} rows; the report lacks the others")
    if report.unread:
        raise typer.Exit(1)


def _show_answers(report: "AnswersReport", out: Console) -> None:
    grid = Grid("answer", "", "why", title=escape(report.file), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for answer in report.answers:
        state = "[green]accepted[/]" if answer.accepted else "[red]rejected[/]"
        grid.add_row(escape(answer.id), state, escape("\n".join(_faults(answer))))
    out.print(grid)
    reasons = ", ".join(f"{reason}: {count}" for reason, count in report.reasons.items())
    out.print(f"{report.accepted} accepted, {report.rejected} rejected" + (f" ({reasons})" if reasons else ""))
    if report.reader is not None:
        out.print(_reader_in_words(report.reader), highlight=False, markup=False, soft_wrap=True)
    for row in report.unread:
        out.print(f"[red]not verified[/] {escape(row.problem)}", highlight=False, soft_wrap=True)


def _reader_in_words(use: "ReaderUse") -> str:
    return (
        f"read by {use.name} in {use.asked} requests: it pointed to {use.pointed} claims that the Verifier then found, "
        f"and to {use.pointed_in_vain} in vain; it vetoed {use.vetoed} answers; {use.unreadable} replies were "
        f"unreadable, and {use.misquoted} quotations were not in the answer; {use.failed} answers got no reply"
    )


def _faults(answer: "AnswerVerdict") -> list[str]:
    """What an answer falls for, one line a fault. Then what else is to be known of the answer."""
    lines = []
    for fault in answer.contradicted:
        words = "; ".join(f'"{place.words[:LONGEST_WORDS]}" at {place.start}' for place in fault.places[:3])
        lines.append(f"contradicts {fault.label or fault.claim}" + (f": {words}" if words else ""))
    lines += [f"does not state {label or claim}" for claim, label in answer.not_found.items()]
    lines += [f'not in the source: "{place.words}" at {place.start}' for place in answer.unsupported]
    lines += ["copies the source"] if answer.copies_source else []
    lines += [f'vetoed: "{place.words[:LONGEST_WORDS]}" at {place.start}' for place in answer.vetoed]
    lines += [f"pointed to {label or claim}" for claim, label in answer.pointed.items()]
    lines += [f"in doubt: {', '.join(answer.doubtful)}"] if answer.doubtful else []
    return [*lines, *(["a reply of the reader was unreadable"] if answer.unreadable else [])]
