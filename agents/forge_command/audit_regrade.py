"""`forge-arena audit regrade`: what would the grader of this version have given?"""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forge_command.audit_report import HtmlFile, finish
from forge_command.console import extra, writable_file
from forge_command.options import JsonFile
from forge_command.progress import progress

EPILOG = "Example: forge-arena audit regrade --database sqlite:///forge-arena.db --export changes.jsonl"


def regrade(
    database: Annotated[
        str,
        typer.Option(metavar="URL|FILE", help="The store of a server, running or not: a URL as --store, or a file."),
    ],
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=writable_file, help="Write every verdict that changed here, as JSONL."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only verdicts that were given since then (UTC)."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most this many verdicts, in the order of their random ids.")
    ] = None,
    expect_unchanged: Annotated[
        bool, typer.Option("--expect-unchanged", help="Exit with 1 if the grader of this version changes anything.")
    ] = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """What would the grader of this version have given? Grade stored verdicts again and print what changes.

    Every stored verdict keeps the name of the grader that scored it. For each grader the report says how many verdicts
    change, the mean reward before and after, which components moved, and the largest changes with their keys.
    Completions are parsed again too. Nothing is written to the store, and a running server is not held up.
    """
    with extra("server", "regrading"):
        from forge_server.archive import Archive
        from forge_server.regrade import Change, audit_regrade

    with ExitStack() as stack:
        archive = Archive(database, since=None if since is None else since.replace(tzinfo=UTC).timestamp())
        stack.callback(archive.close)
        changes = stack.enter_context(export.open("w", encoding="utf-8")) if export is not None else None

        def keep(change: Change) -> None:
            if changes is not None:
                changes.write(change.model_dump_json() + "\n")

        bar = stack.enter_context(progress())
        task = bar.add_task("regrade", total=None)
        report = audit_regrade(
            archive,
            limit=limit,
            expect_unchanged=expect_unchanged,
            on_change=keep,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    finish(report, json, html)
