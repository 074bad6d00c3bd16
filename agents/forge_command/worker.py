"""`forge-arena worker`: try a model as a Worker before a server or a bank depends on it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forge_arena.types import Split
from forge_command.console import deliver, fail, load_named, one_of, words
from forge_command.options import JsonFile, LoadName, ReaderApiKey, VllmArguments, VllmExecutable, WorkerApiKey
from forge_command.progress import progress

if TYPE_CHECKING:  # Corruptions and scenarios take a second to import, and help texts and refusals do not need them.
    from forge_arena.scenarios import Source
    from forge_arena.trial import Draw, Group, TrialReport

DEFAULT_COUNT = 54
EPILOG = """Examples:

forge-arena worker openai:MODEL@http://127.0.0.1:8001/v1

forge-arena worker vllm:Qwen/Qwen2.5-7B-Instruct --count 108 --json worker.json

forge-arena worker openai:MODEL@http://127.0.0.1:8001/v1 --documents documents.jsonl"""


def worker(
    spec: Annotated[str, typer.Argument(help="The Worker: openai:MODEL@URL, vllm:MODEL, module:Class, scripted.")],
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many scenarios, from every family in turn. Default: 54, or each scenario of --documents once.",
        ),
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(help="Answer the scenarios of this file, which `scenarios import` wrote.")
    ] = None,
    split: Annotated[str, typer.Option(help="The families of this split (train, val, test), or of all.")] = "all",
    revisions: Annotated[
        int, typer.Option(min=0, help="How often it may write an answer again, after it was told what is wrong.")
    ] = 2,
    reader: Annotated[
        str | None,
        typer.Option(help="A model that points and vetoes (a spec as for a Worker, or `worker`: its own model)."),
    ] = None,
    reader_api_key: ReaderApiKey = None,
    instruct: Annotated[
        bool,
        typer.Option("--instruct/--no-instruct", help="Also give it hidden instructions, as mechanism prompt does."),
    ] = True,
    load: LoadName = "full",
    seed: Annotated[int, typer.Option(help="Another seed draws other scenarios.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, help="How many scenarios are in the making at a time.")] = 16,
    api_key: WorkerApiKey = None,
    vllm: VllmExecutable = "vllm",
    vllm_args: VllmArguments = "",
    json: JsonFile = None,
) -> None:
    """Say how a model does as a Worker, and what to do about it.

    The model answers scenarios of every family, as it would for episodes. If an answer does not verify, the model is
    told what is wrong and writes it again. The report says how many answers can be used at once and after each
    revision, by domain and family; the commonest faults with an example each; in how many answers each corruption finds
    a place; how the model obeys hidden instructions; and what a usable answer costs in tokens and seconds.

    A share below 5% is too small for a server. docs/workers.md says what to expect of which size of model.
    """
    wanted = None if split == "all" else Split(one_of("--split", split, [*Split, "all"]))
    wanted_load = load_named(load)
    args = words("--vllm-args", vllm_args)
    from forge_arena.documents.playing import open_sources
    from forge_arena.plans import VERSION
    from forge_arena.reader import open_reader
    from forge_arena.trial import try_worker
    from forge_arena.workers import open_worker
    from forge_arena.workers.registry import check_reads_documents

    if documents is not None:
        check_reads_documents(spec)
    opened = open_worker(spec, api_key=api_key, vllm_executable=vllm, vllm_args=args, concurrency=concurrency)
    reads = (
        None
        if reader is None
        else open_reader(reader, opened, api_key=reader_api_key, vllm_executable=vllm, concurrency=concurrency)
    )
    families, suite = open_sources(documents=documents, load=wanted_load)
    sources = [source for family in families if wanted in (None, family.split) for source in _each(family)]
    asked = count or (DEFAULT_COUNT if documents is None else len(sources))

    async def run() -> "TrialReport":
        with progress() as bar:
            task = bar.add_task(opened.name, total=asked, unit="scenarios", note="the Worker is starting")
            usable = 0

            def show(draw: "Draw") -> None:
                nonlocal usable
                usable += draw.usable_after is not None
                bar.update(task, advance=1, note=f"{usable} usable")

            try:
                await opened.start()
                if reads is not None:
                    await reads.start()
                bar.update(task, note="")
                return await try_worker(
                    opened,
                    sources,
                    suite=f"{suite}:{VERSION}",
                    load=wanted_load,
                    reader=reads,
                    count=asked,
                    revisions=revisions,
                    concurrency=concurrency,
                    instruct=instruct,
                    seed=seed,
                    on_draw=show,
                )
            finally:
                await opened.aclose()
                if reads is not None:
                    await reads.aclose()

    try:
        report = asyncio.run(run())
    except KeyboardInterrupt:
        raise fail("interrupted; a trial keeps nothing: a smaller --count takes less time") from None
    deliver(report, json, lambda out: _show(report, out))


def _each(family: "Source") -> "Sequence[Source]":
    """The scenarios of an imported family one by one, so that a trial asks each; any other family as it is."""
    from forge_arena.documents.playing import ImportedFamily

    if not isinstance(family, ImportedFamily):
        return (family,)
    return [ImportedFamily(family.name, (scenario,)) for scenario in family.scenarios]


def _show(report: "TrialReport", out: Console) -> None:
    out.print(_groups_table(report))
    if report.reasons:
        out.print(_reasons_table(report))
    out.print(_types_table(report))
    costs = [f"{report.asked} scenarios in {report.seconds:.0f} s, {report.concurrency} at a time"]
    if report.failed:
        costs.append(f"{report.failed} without an answer (the last: {report.last_failure})")
    if report.seconds_per_usable is not None:
        costs.append(f"{report.seconds_per_usable:.1f} s for a usable answer")
    if report.tokens_per_usable is not None:
        costs.append(f"{report.tokens_per_usable:,.0f} tokens for a usable answer")
    out.print("; ".join(costs), highlight=False, markup=False, soft_wrap=True)
    for sentence in report.advice:
        out.print(f"→ {sentence}", highlight=False, markup=False, soft_wrap=True)


def _groups_table(report: "TrialReport") -> Table:
    """One row a domain and a family: answers, and the share that was usable at once and after each revision."""
    table = Table(title=f"{escape(report.worker)} as a Worker, {report.suite}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    table.add_column("answers", justify="right")
    table.add_column("at once", justify="right")
    for revision in range(1, report.revisions + 1):
        table.add_column(f"after {revision}", justify="right")
    for group in report.families:
        table.add_row(*_cells(group))
    table.add_section()
    for group in report.domains:
        table.add_row(*_cells(group))
    table.add_section()
    table.add_row(*_cells(report.total))
    return table


def _cells(group: "Group") -> list[str]:
    """The shares are cumulative: "after 1" counts the answers that were usable at once too."""
    shares = (
        [sum(group.usable[: number + 1]) / group.asked for number in range(len(group.usable))] if group.asked else []
    )
    return [group.name, str(group.asked), *(f"{share:.0%}" for share in shares)]


def _reasons_table(report: "TrialReport") -> Table:
    table = Table(title="What was wrong with first answers", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("fault", "answers", "family", "what the Worker was told, for example"):
        table.add_column(name, justify="right" if name == "answers" else "left")
    for reason in report.reasons:
        table.add_row(reason.name, str(reason.answers), reason.family, escape(reason.example))
    return table


def _types_table(report: "TrialReport") -> Table:
    """One row a corruption type: where rewriting finds a place, and what became of hidden instructions."""
    table = Table(title="Corruptions of usable answers", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("type", "finds a place", "instruction obeyed", "refused", "botched"):
        table.add_column(name, justify="left" if name == "type" else "right")
    for places, told in zip(report.places, report.instructions, strict=True):
        table.add_row(
            places.corruption_type.value,
            f"{places.found} of {places.tried}",
            str(told.obeyed),
            str(told.refused),
            str(told.botched),
        )
    return table
