"""`forge-arena audit`: prove that the labels are true, that the source is needed, and that the reward cannot be gamed.

One function a subcommand. Each ends in `finish`, which prints the report, writes it, and sets the exit code.
"""

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from forge_command.app import JsonFile, deliver, fail, one_file, say, writable_file
from forge_command.progress import progress

if TYPE_CHECKING:
    from forge_arena.audits.report import AuditReport

ROWS_PRINTED = 40

app = typer.Typer(
    help="Prove that the labels are true, that the source is needed, and that the reward cannot be gamed.",
    epilog="Every audit ends with exit code 0 where all gates hold, 1 where one fails, 2 on bad input.",
    no_args_is_help=True,
)


def _drawable(html: Path | None) -> Path | None:
    if html is not None:
        missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
        if missing:
            raise typer.BadParameter(f"needs {' and '.join(missing)}: pip install 'forge-arena[report]'")
    return writable_file(html)


HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", callback=_drawable, help="Write one self-contained page with plots."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer draws: under three minutes, with wider intervals.")]


def finish(report: "AuditReport", json: str | None, html: Path | None) -> None:
    """Print a report, write it where asked, and leave with 1 if a gate fails."""
    from forge_arena.audits.page import page

    deliver(report, json, partial(_show, report), {} if html is None else {html: page(report)})
    if not report.passed:
        raise typer.Exit(1)


def _show(report: "AuditReport", out: Console) -> None:
    from forge_arena.audits.page import shown

    for table in report.tables:
        numeric = [any(isinstance(row[n], int | float) for row in table.rows) for n in range(len(table.columns))]
        grid = Grid(
            title=escape(table.title), caption=escape(table.note) or None, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for column, right in zip(table.columns, numeric, strict=True):
            grid.add_column(escape(column), justify="right" if right else "left", overflow="fold")
        for row in table.rows[:ROWS_PRINTED]:
            grid.add_row(*[escape(shown(cell)) for cell in row])
        out.print(grid)
        if len(table.rows) > ROWS_PRINTED:
            out.print(f"[dim]{len(table.rows) - ROWS_PRINTED} more rows in --json and --html[/]\n", highlight=False)
    gates = Grid("gate", "", "value", "limit", "", title="gates", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for gate in sorted(report.gates, key=lambda gate: gate.passed):
        said = "[green]passed[/]" if gate.passed else "[bold red]failed[/]"
        gates.add_row(escape(gate.name), said, shown(gate.value), shown(gate.limit), escape(gate.detail))
    if report.gates:
        out.print(gates)
    failed = sum(not gate.passed for gate in report.gates)
    if failed:
        out.print(f"[bold red]{failed} of {len(report.gates)} gates fail[/]")
    elif report.gates:
        out.print(f"[green]all {len(report.gates)} gates hold[/]")


@app.command()
def labels(
    worker: Annotated[
        str, typer.Option(help="Who answers: scripted, openai:MODEL@URL, vllm:MODEL, bank:FILE.")
    ] = "scripted",
    split: Annotated[
        list[str] | None,
        typer.Option(help="train, val or test; may be given several times. Default: all, to read: val and test."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=1, help="Keys for each type, domain and stealth level, each made six times. Default: 20."),
    ] = None,
    fresh: Annotated[
        int | None, typer.Option(min=1, help="Fresh answers of each family to try every type on. Default: 60.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other keys.")] = 0,
    documents: Annotated[
        list[Path] | None,
        typer.Option(callback=one_file, metavar="FILE", help="A file that `scenarios import --out` wrote."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=writable_file, help="Write FILE.html, FILE.jsonl and FILE.key.jsonl instead."
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Episodes to write with --export.")] = 100,
    marks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Score the marks of a reader instead; needs --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The FILE.key.jsonl to score marks by.")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_API_KEY", help="For an openai Worker.")] = None,
    vllm: Annotated[str, typer.Option(envvar="FORGE_ARENA_VLLM", help="The vllm executable.")] = "vllm",
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes in the making at a time.")] = 8,
    quick: Quick = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Are the labels true? Make episodes of every kind and hold each label against its texts once more.

    Reports what could not be made and why, what hidden instructions a Worker obeys, what a corruption disturbs beside
    its target, and how often a type is impossible.

    A person judges by two commands: `--export reading` writes episodes without their labels, as a page whose button
    downloads the marks, with the key in a file apart; `--marks marks.json --key reading.key.jsonl` scores them. 97 of
    100 must agree.
    """
    from forge_arena.audits.blind import blind, load_key, load_marks, score_marks
    from forge_arena.audits.blind import export as write
    from forge_arena.audits.labels import DRAWS, FRESH, QUICK_DRAWS, QUICK_FRESH, audit_labels
    from forge_arena.episodes import SUITE, Arena
    from forge_arena.errors import ForgeArenaError
    from forge_arena.scenarios.documents import load_documents, suite_of
    from forge_arena.types import Split
    from forge_arena.workers import open_worker

    if (marks is None) != (key is None):
        raise fail("--marks and --key go together: the marks that a reader downloaded, and the key of what was read")
    if marks is not None and export is not None:
        raise fail("--export writes what a reader is to mark, --marks scores it: one at a time")
    try:
        if marks is not None and key is not None:
            finish(score_marks(load_marks(marks), load_key(key)), json, html)
            return
        who = open_worker(worker, api_key=api_key, vllm_executable=vllm)
        sources = load_documents(documents[0]) if documents else None
        suite = suite_of(sources) if sources else SUITE
        splits = [Split(name) for name in dict.fromkeys(split)] if split else None
        with progress() as bar:
            task = bar.add_task("reading" if export else "labels", total=None)

            def show(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            if export is not None:
                arena = Arena(who, secret=f"reading:{seed}", sources=sources, suite=suite)
                reading = blind(arena, count, splits=splits or (Split.val, Split.test), seed=seed, on_progress=show)
            else:
                report = audit_labels(
                    who,
                    splits=splits or tuple(Split),
                    draws=draws or (QUICK_DRAWS if quick else DRAWS),
                    fresh=fresh or (QUICK_FRESH if quick else FRESH),
                    seed=seed,
                    sources=sources,
                    suite=suite,
                    concurrency=concurrency,
                    on_progress=show,
                )
        if export is not None:
            page, rows, kept = write(reading, export)
            say(f"to read: {page} (or {rows})\nkey, not for the reader: {kept}")
            return
    except ModuleNotFoundError as error:
        raise fail(f"{error}: pip install 'forge-arena[report]'") from None
    except (ForgeArenaError, ValueError, OSError) as error:
        raise fail(str(error)) from None
    finish(report, json, html)


@app.command()
def shortcuts(
    worker: Annotated[
        str, typer.Option(help="Who answers: scripted, openai:MODEL@URL, vllm:MODEL, bank:FILE.")
    ] = "scripted",
    mechanism: Annotated[
        str | None, typer.Option(help="rewrite or prompt: who corrupts. Default: the arena's own.")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(min=200, help="Draws over all splits, each made twice. Default: 8000, quick 1500.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws another test split, folds and trees.")] = 0,
    api_key: Annotated[str | None, typer.Option(envvar="FORGE_ARENA_API_KEY", help="For an openai Worker.")] = None,
    vllm: Annotated[str, typer.Option(envvar="FORGE_ARENA_VLLM", help="The vllm executable.")] = "vllm",
    concurrency: Annotated[int, typer.Option(min=1, help="Pairs in the making at a time.")] = 8,
    quick: Quick = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Can corrupted answers be told without the source? Train simple classifiers on all else and see how they do.

    Words, character n-grams and surface statistics, of the answer, the reasoning, both, or the source alone, judged on
    families that they were not trained on. A gate fails where AUROC or twin-ranking goes above 0.55; the report then
    lists the features that tell, and in which families.

    The quick form judges by where an interval begins, and tries one classifier per type: it finds what is glaring.
    """
    import asyncio

    from forge_agents.overseers.rules import Rules
    from forge_arena.audits.samples import Samples, draw, shared_out
    from forge_arena.audits.shortcuts import EPISODES, QUICK_EPISODES, SHARES, audit_shortcuts
    from forge_arena.episodes import VERSION, Arena
    from forge_arena.errors import ForgeArenaError
    from forge_arena.types import Mechanism
    from forge_arena.workers import open_worker

    rules = Rules()
    try:
        who = open_worker(worker, api_key=api_key, vllm_executable=vllm)
        arena = Arena(
            who, secret=f"shortcuts:{seed}", mechanism=Mechanism(mechanism) if mechanism is not None else None
        )
        keys = shared_out(arena, episodes or (QUICK_EPISODES if quick else EPISODES), SHARES)
        with progress() as bar:
            drawing = bar.add_task("pairs", total=len(keys))
            attacking = bar.add_task("attacks", total=None, visible=False)

            async def made() -> Samples:
                await who.start()
                try:
                    return await draw(
                        arena, keys, concurrency=concurrency, on_progress=lambda n, _: bar.update(drawing, completed=n)
                    )
                finally:
                    await who.aclose()

            report = audit_shortcuts(
                asyncio.run(made()),
                suite=f"{arena.suite}:{VERSION}",
                seed=seed,
                quick=quick,
                overseer=lambda observations: [verdict.p_corrupted for verdict in rules.review(observations)],
                settings={"worker": who.name, "mechanism": mechanism, "draws": len(keys)},
                on_progress=lambda n, total: bar.update(attacking, completed=n, total=total, visible=True),
            )
    except (ForgeArenaError, ValueError, OSError) as error:
        raise fail(str(error)) from None
    finish(report, json, html)


@app.command()
def exploits(
    episodes: Annotated[
        int | None, typer.Option(min=1, help="Keys to play, each in its three forms. Default: 2000, quick 400.")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="train, val or test; may be given several times. Default: all, in turn.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other test episodes and other chances.")] = 0,
    quick: Quick = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Can the reward be had without the work? Let degenerate overseers play, and hold them against an honest one.

    Constants, hedgers, stuffers, echoes, shotgun quotes and repairs, text for the grader, tricks on the parser, code that
    games the runner: each must earn less than the weakest honest overseer (balanced accuracy 0.60, confidence 0.60, empty
    texts), over the default stream and for each corruption type alone. The oracle must earn all that there is.
    """
    from forge_arena.audits.exploits import EPISODES, QUICK, audit_exploits
    from forge_arena.episodes import Arena
    from forge_arena.errors import ForgeArenaError
    from forge_arena.types import Split
    from forge_arena.workers import ScriptedWorker

    unknown = sorted(set(split or ()) - set(Split))
    if unknown:
        raise fail(f"--split must be one of {', '.join(Split)}, got {', '.join(unknown)}")
    splits = [Split(name) for name in dict.fromkeys(split)] if split else list(Split)
    try:
        with progress() as bar:
            task = bar.add_task("exploits", total=None)
            report = audit_exploits(
                Arena(ScriptedWorker(), secret=f"exploits:{seed}"),
                episodes=episodes or (QUICK if quick else EPISODES),
                splits=splits,
                seed=seed,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    except (ForgeArenaError, ValueError) as error:
        raise fail(str(error)) from None
    finish(report, json, html)


@app.command()
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
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only verdicts given from then on (UTC)."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many, in the order of their random ids.")] = None,
    expect_unchanged: Annotated[
        bool, typer.Option("--expect-unchanged", help="Exit with 1 if the grader of this version changes anything.")
    ] = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """What would the grader of this version have given? Grade stored verdicts anew and print what changes.

    Every stored verdict keeps the name of the grader that scored it. Per such grader: how many verdicts change, the mean
    reward before and after, the components that moved, the largest changes with their keys. Completions are parsed anew
    too. Nothing is written to the store, and a running server is not held up.
    """
    try:
        from forge_server.archive import Archive, ArchiveError
        from forge_server.regrade import Change, audit_regrade
    except ModuleNotFoundError as error:
        raise fail(
            f"the server is not installed ({error.name} is missing): pip install 'forge-arena[server]'"
        ) from None

    with ExitStack() as stack:
        try:
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
        except (ArchiveError, ValueError, OSError) as error:
            raise fail(str(error)) from None
    finish(report, json, html)
