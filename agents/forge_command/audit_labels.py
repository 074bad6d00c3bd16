"""`forge-arena audit labels`: are the labels true?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from forge_arena.types import HOMES, Split
from forge_command.audit_options import Quick, Revisions, WorkerSpec, open_drawn, splits_named
from forge_command.audit_reading import keep_result, score_reading, write_reading
from forge_command.audit_report import HtmlFile, finish
from forge_command.console import fail, given_options, say, writable_file
from forge_command.options import Documents, JsonFile, LoadName, ReaderApiKey, VllmExecutable, WorkerApiKey
from forge_command.progress import progress
from forge_command.result_folder import ResultFolder, writable_result_folder

EPILOG = "Example: forge-arena audit labels --quick --html labels.html"
# The audit, a reading and its marks use different options. The others are refused, so that none is dropped silently.
NOT_WITH_EXPORT = ("draws", "fresh", "quick", "concurrency", "json", "html")
NOT_WITH_MARKS = (
    *("worker", "split", "draws", "fresh", "seed", "documents", "load", "revisions", "count"),
    *("api_key", "vllm", "concurrency", "quick"),
)


def labels(
    context: typer.Context,
    worker: WorkerSpec = "scripted",
    split: Annotated[
        list[str] | None,
        typer.Option(help="train, val or test; repeatable. Default: all; for a reading, val and test."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=1, help="Keys for each type, domain and stealth level, each made six times. Default: 20."),
    ] = None,
    fresh: Annotated[
        int | None, typer.Option(min=1, help="Fresh answers of each family to try every type on. Default: 60.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other keys.")] = 0,
    documents: Documents = None,
    load: LoadName = "full",
    revisions: Revisions = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=writable_file,
            help="Write a reading for a person instead: FILE.html, FILE.jsonl and FILE.key.jsonl.",
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Episodes to write with --export.")] = 100,
    marks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Score the marks of a reader instead; needs --key.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The FILE.key.jsonl that belongs to the marks.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=writable_result_folder,
            help="With --marks: also keep the marks as the result of an evaluation, like eval --out, to compare with "
            "models. Needs marks with confidences, on a reading of one split.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the result in --out is called in tables and pages.")
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            help="Also measure how often a reader model errs on these answers: openai:MODEL@URL, vllm:MODEL, or worker "
            "for the Worker's own model. No label depends on it."
        ),
    ] = None,
    reader_api_key: ReaderApiKey = None,
    api_key: WorkerApiKey = None,
    vllm: VllmExecutable = "vllm",
    concurrency: Annotated[int, typer.Option(min=1, help="How many episodes are made at a time.")] = 8,
    quick: Quick = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Are the labels true? Make episodes of every kind and check each label against its texts again.

    Reports what could not be made and why, what hidden instructions a Worker obeys, what a corruption disturbs beside
    its target, and how often a type is impossible.

    A person can check the labels in two steps. `--export reading` writes episodes without their labels, as a page with
    a button that downloads the reader's marks; the key is a separate file. `--marks marks.json --key
    reading.key.jsonl` scores the marks. 97 of 100 must agree.
    """
    _check_together(context, marks=marks, key=key, export=export, reader=reader, out=out, name=name)
    splits = splits_named(split)
    if marks is not None and key is not None:
        scored = score_reading(marks, key)
        finish(scored, json, html, keep_result(marks, key, ResultFolder(out), name))
        return
    from forge_arena.asking import REVISIONS
    from forge_arena.audits.labels import DRAWS, FRESH, QUICK_DRAWS, QUICK_FRESH, audit_labels
    from forge_arena.episodes import Arena
    from forge_arena.reader import open_reader

    who, sources, suite = open_drawn(worker, documents, load, api_key, vllm)
    revised = REVISIONS if revisions is None else revisions
    if export is not None:
        arena = Arena(who, secret=f"reading:{seed}", revisions=revised, sources=sources, suite=suite)
        with _shown("reading") as show:
            page, rows, answers = write_reading(export, arena, count, splits or (Split.val, Split.test), seed, show)
        say(f"to read: {page} (or {rows})\nkey, not for the reader: {answers}")
        return
    reads = (
        None
        if reader is None
        else open_reader(reader, who, api_key=reader_api_key, vllm_executable=vllm, concurrency=concurrency)
    )
    with _shown("labels") as show:
        report = audit_labels(
            who,
            splits=splits or HOMES,
            draws=draws or (QUICK_DRAWS if quick else DRAWS),
            fresh=fresh or (QUICK_FRESH if quick else FRESH),
            seed=seed,
            sources=sources,
            suite=suite,
            revisions=revised,
            concurrency=concurrency,
            reader=reads,
            on_progress=show,
        )
    finish(report, json, html)


def _check_together(
    context: typer.Context,
    *,
    marks: Path | None,
    key: Path | None,
    export: Path | None,
    reader: str | None,
    out: Path | None,
    name: str | None,
) -> None:
    """Leave if options were given that do not go together."""
    if (marks is None) != (key is None):
        raise fail(
            "--marks and --key go together: give the marks that a reader downloaded, and the key of the same reading"
        )
    if reader is not None and (export is not None or marks is not None):
        raise fail("--reader is measured by the audit itself: leave out --export and --marks")
    if marks is not None and export is not None:
        raise fail("--export writes a reading and --marks scores one: give one of them")
    if marks is not None and (given := given_options(context, *NOT_WITH_MARKS)):
        raise fail(f"--marks scores a reading that was written before: leave out {given}")
    if export is not None and (given := given_options(context, *NOT_WITH_EXPORT)):
        raise fail(f"--export writes a reading in the place of the audit: leave out {given}")
    if export is None and given_options(context, "count"):
        raise fail("--count is for a reading: give --export FILE, or leave --count out")
    if out is not None and marks is None:
        raise fail("--out keeps the result of a reader's marks: give --marks and --key")
    if name is not None and out is None:
        raise fail("--name is what the result in --out is called: give --out too, or leave --name out")


@contextmanager
def _shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar while the block runs, and the function that moves it."""
    with progress() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
