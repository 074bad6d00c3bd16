"""`forge-arena scenarios import`: documents of one's own become scenarios."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from forge_agents.words import counted, shortened
from forge_command.console import deliver, fail, say, words, writable_file
from forge_command.options import JsonFile, VllmArguments, VllmExecutable
from forge_command.progress import progress

if TYPE_CHECKING:
    from forge_arena.documents.importing import Import
    from forge_arena.workers.base import ChatModel, Spent

EPILOG = """Examples:

forge-arena scenarios import policies/ --author openai:MODEL@http://127.0.0.1:8001/v1 --out docs.jsonl --review x.html

forge-arena scenarios import handbook.pdf leases/ rows.jsonl --author vllm:MODEL --out docs.jsonl

forge-arena scenarios import policies/ --author bank:docs.jsonl.author --leave-out left-out.txt --out docs.jsonl

forge-arena serve --worker openai:MODEL@http://127.0.0.1:8001/v1 --documents docs.jsonl"""

# The rest stands in the report.
MOST_LINES, MOST_NAMES = 12, 5
LONGEST_PART = 80


def import_documents(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Files and folders: Markdown and text, PDF, Word and web pages (these need the extra `documents`), "
            "and JSONL with rows {source_material, and if you like task, domain, id}.",
        ),
    ],
    out: Annotated[Path, typer.Option(callback=writable_file, help="Write the scenarios here, as JSONL.")],
    author: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="The model that reads each document and proposes a task: openai:MODEL@URL, vllm:MODEL, or bank:FILE "
            "for recorded replies. The Worker's own model will do. Without an author, only documents with plain labels "
            "(tables, lines such as `Fee: $30`) become scenarios.",
        ),
    ] = None,
    author_api_key: Annotated[
        str | None, typer.Option(envvar="FORGE_ARENA_AUTHOR_API_KEY", help="API key of an openai author.")
    ] = None,
    review: Annotated[
        Path | None,
        typer.Option(
            callback=writable_file,
            metavar="PAGE.html",
            help="Write a page to look through the scenarios, with the facts marked in the source and what was dropped "
            "and why. Tick what you do not want, save the list, and give it to --leave-out.",
        ),
    ] = None,
    leave_out: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="The scenarios to leave out: one id a line, as saved by the page of --review.",
        ),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="How many documents the author reads at a time.")] = 16,
    vllm: VllmExecutable = "vllm",
    vllm_args: VllmArguments = "",
    json: JsonFile = None,
) -> None:
    """Turn documents of your own into scenarios.

    An author, which is a model, proposes for each document a task, the facts of a right answer with quotations, and
    rules for the answer. Code keeps what the document bears out to the letter, and drops the rest with its reason. A
    long document gives several scenarios.

    You may stop the command and start it again: the author's replies are recorded in OUT.author as they come, and what
    is recorded is not asked again. The same documents and replies give the same scenarios. A document's content decides
    its split, and documents that share most of their text share a split.
    """
    from forge_arena.documents.author import AuthorFailed, open_author
    from forge_arena.documents.importing import journal_of, make_without_author, plan, read_all, report

    left_out = _left_out(leave_out)
    model = (
        None
        if author is None
        else open_author(
            author,
            api_key=author_api_key,
            vllm_executable=vllm,
            vllm_args=words("--vllm-args", vllm_args),
            concurrency=concurrency,
        )
    )
    stopped: str | None = None
    with progress() as bar:
        reading = bar.add_task("reading", total=None, unit="files")
        written = [out, journal_of(out), *(Path(file) for file in (review, leave_out, json) if file is not None)]
        read = read_all(paths, lambda done, total: bar.update(reading, completed=done, total=total), without=written)
        run = plan(read, left_out)
        try:
            if model is None:
                make_without_author(run, _shown(bar, "importing", run))
            else:
                asyncio.run(_ask(run, model, journal_of(out), concurrency, bar))
        except KeyboardInterrupt:
            stopped = "interrupted"
        except AuthorFailed as failure:
            if not run.made:
                raise
            stopped = failure.reason
    result = report(run) | {"author": None if model is None else {"name": model.name, **_spent(model)}}
    _say_unknown(run, left_out)
    files = {}
    # What was imported before is worth more than an empty file.
    if result["scenarios"] or not out.exists():
        files[out] = "".join(f"{scenario.model_dump_json()}\n" for _, scenario in run.wanted())
    if review is not None:
        from forge_arena.documents.review import page

        files[review] = page(run)
    deliver(result, json, lambda to: _show(to, result, out, has_page=review is not None), files)
    if stopped is not None or run.missing:
        raise fail(_how_to_go_on(run, stopped, author, journal_of(out)))
    if not result["scenarios"]:
        kept = "" if out in files else f"; {out} stays as it was"
        say(f"no scenario could be made; the reasons stand above{kept}", err=True)
        raise typer.Exit(1)


def _shown(bar: Progress, description: str, run: "Import") -> Callable[[], object]:
    """A task for the parts that are missing now. What is returned is to be called after each of them."""
    before = len(run.made)
    task = bar.add_task(description, total=run.missing, unit="parts")

    def show() -> None:
        kept = sum(written.kept.scenario is not None for written in run.made.values())
        bar.update(task, completed=len(run.made) - before + len(run.failed), note=f"{counted(kept, 'scenario')} so far")

    return show


async def _ask(run: "Import", model: "ChatModel", journal: Path, concurrency: int, bar: Progress) -> None:
    """Make what the journal already answers, and ask the author for the rest."""
    from forge_arena.documents.author import Author
    from forge_arena.documents.importing import make_from_record, make_with_author
    from forge_arena.workers.bank import Bank, BankWorker

    if isinstance(model, BankWorker):
        # It records by itself, or is the record of an earlier run.
        author = Author(model)
        try:
            await author.start()
            if model.live is None:
                await make_from_record(run, author, _shown(bar, "from the record", run))
            else:
                await make_with_author(
                    run, author, concurrency=concurrency, on_part=_shown(bar, "asking the author", run)
                )
        finally:
            await author.aclose()
        return
    bank = Bank(journal)
    author = Author(BankWorker(bank, model))
    try:
        bank.lock()
        if len(bank) > 0:
            # First, so that nobody waits for an author that is down where nothing is left to ask. Also, what is on
            # record takes no time, and would say nothing of the time that is left.
            recorded = Author(BankWorker(bank, model, offline=True))
            await make_from_record(run, recorded, _shown(bar, "from the record", run))
        if run.missing:
            await author.start()
            await make_with_author(run, author, concurrency=concurrency, on_part=_shown(bar, "asking the author", run))
    finally:
        await author.aclose()


def _how_to_go_on(run: "Import", stopped: str | None, author: str | None, journal: Path) -> str:
    """Why parts are missing, and what to do about them."""
    done = f"{len(run.made)} of {len(run.parts)} parts are done"
    if stopped is None and not run.failed:
        return f"{author} holds no reply for {counted(run.missing, 'part')}, and {done}: name a model with --author"
    reason = (
        stopped
        or f"the author gave no reply for {counted(run.missing, 'part')}, the last: {list(run.failed.values())[-1]}"
    )
    recorded = f", and the author's replies are in {journal}" if journal.exists() else ""
    return f"{reason}; {done}{recorded}. Run the same command to go on: nothing is asked again"


def _left_out(file: Path | None) -> frozenset[str]:
    """The ids in a file: one a line, without blank lines and lines that begin with #."""
    if file is None:
        return frozenset()
    from forge_arena.files import read_text

    lines = (line.strip() for line in read_text(file).splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _say_unknown(run: "Import", left_out: frozenset[str]) -> None:
    """Name the ids of a list that no scenario has, because a mistyped id would leave out nothing."""
    from forge_arena.documents.playing import scenario_id

    if not run.missing:
        for unknown in sorted(left_out - {scenario_id(scenario) for _, scenario in run.scenarios()}):
            say(f"--leave-out names {unknown!r}, and no scenario of these documents has that id", err=True)


def _spent(model: "ChatModel") -> dict[str, int]:
    """What the author cost in this run."""
    spent: Spent | None = getattr(model, "spent", None)
    if spent is None:
        return {}
    return {"requests": spent.requests, "input_tokens": spent.input_tokens, "output_tokens": spent.output_tokens}


def _show(to: Console, result: dict[str, Any], out: Path, *, has_page: bool) -> None:
    from forge_arena.documents.importing import in_general

    def line(text: str) -> None:
        to.print(text, highlight=False, markup=False, soft_wrap=True)

    facts, splits = result["facts"], result["splits"]
    table = Table(title=str(out), show_header=False)
    table.add_row("documents", f"{result['documents']} read, {len(result['refused'])} refused")
    table.add_row(
        "scenarios", f"{result['scenarios']} of {result['stretches']} parts, in {result['families']} families"
    )
    if result["left_out"]:
        table.add_row("left out", f"{result['left_out']} by --leave-out")
    table.add_row("splits", ", ".join(f"{count} {split}" for split, count in splits.items()))
    table.add_row("facts", f"{facts['kept']} of {facts['proposed']} proposed are kept")
    table.add_row("corruptions", ", ".join(f"{count} {type}" for type, count in result["corruptions"].items()))
    author, replies = result["author"], result["replies"]
    if author is not None:
        bad = [f"{replies[kind]} {words}" for kind, words in _BAD_REPLIES.items() if replies[kind]]
        gave = counted(replies["kept_after_asking_again"], "scenario")
        asked = f"asked again for {replies['asked_again']}, which gave {gave}"
        cost = counted(author["requests"], "request") if "requests" in author else ""
        table.add_row("author", "; ".join(part for part in (author["name"], cost, ", ".join(bad), asked) if part))
    to.print(table)
    for title in "refused", "no_scenario", "no_reply":
        by_reason: dict[str, list[str]] = {}
        for row in result[title]:
            by_reason.setdefault(row["reason"], []).append(row["file"])
        _list_reasons(line, title.replace("_", " "), by_reason)
    for type in result["corruptions"]:
        lacking: dict[str, list[str]] = {}
        for row in result["of_each"]:
            if type in row["impossible"]:
                lacking.setdefault(row["impossible"][type], []).append(row["document"])
        _list_reasons(line, f"cannot take {type}", lacking)
    # Why a whole document gives no scenario stands above.
    lost = [part for part in result["dropped_parts"] if part["what"] not in ("the document", "the scenario")]
    examples = {in_general(part["reason"]): part for part in reversed(lost)}
    for reason, times in [row for row in result["dropped"].items() if row[0] in examples][:MOST_LINES]:
        example = examples[reason]
        what = shortened(example["what"], LONGEST_PART)
        line(f"{times:5d}  dropped: {reason}; for example {example['document']}: {what}")
    if lost and not has_page:
        line("Every dropped part stands in the report of --json, and beside its document on the page of --review.")


def _list_reasons(line: Callable[[str], object], title: str, by_reason: dict[str, list[str]]) -> None:
    """A line for each reason, with the names of the documents. A document of several parts is named once."""
    for reason, names in list(by_reason.items())[:MOST_LINES]:
        parts = Counter(names)
        shown = [f"{name} ({counted(times, 'part')})" if times > 1 else name for name, times in parts.items()]
        more = f" and {len(shown) - MOST_NAMES} more (--json names all)" if len(shown) > MOST_NAMES else ""
        line(f"{title}: {', '.join(shown[:MOST_NAMES])}{more}: {reason}")
    if len(by_reason) > MOST_LINES:
        line(f"{title}: {counted(len(by_reason) - MOST_LINES, 'more reason')}, in the report of --json")


_BAD_REPLIES = {"no_json": "replies without JSON", "cut": "cut off", "no_reply": "empty, declined or withheld"}
