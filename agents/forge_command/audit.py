"""`forge-arena audit`: prove that the labels are true, that the source is needed, and that the reward cannot be gamed.

Each subcommand is one function. It ends in `finish`, which prints the report, writes it, and sets the exit code.
"""

import asyncio
from collections.abc import Callable, Sequence
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

from forge_arena.types import HOMES, Mechanism, Split
from forge_command.console import (
    JsonFile,
    LoadName,
    deliver,
    extra,
    fail,
    load_named,
    one_file,
    one_of,
    say,
    writable_file,
    write_file,
)
from forge_command.progress import progress
from forge_command.result_folder import ResultFolder, write_page

if TYPE_CHECKING:
    from forge_arena.audits.answers import AnswersReport, AnswerVerdict, ReaderUse
    from forge_arena.audits.report import AuditReport
    from forge_arena.episodes import Arena
    from forge_arena.scenarios import Source
    from forge_arena.workers import Worker

ROWS_PRINTED = 40
LONGEST_WORDS = 60
STATES = {"passed": "[green]passed[/]", "open": "[yellow]open[/]", "failed": "[bold red]failed[/]"}
# So many draws of the arena's own families are the fewest from which classifiers can learn anything.
FEWEST_DRAWS = 200

ANSWERS_EPILOG = """Examples:

forge-arena audit answers answers.jsonl --json report.json

forge-arena audit answers answers.jsonl --reader openai:MODEL@http://127.0.0.1:8001/v1"""

app = typer.Typer(
    help="Prove that the labels are true, that the source is needed, and that the reward cannot be gamed.",
    epilog="Exit codes of every audit: 0 if no gate fails, 1 if a gate fails, 2 on bad input. A gate of documents may "
    "stay open, which the report says: too little was measured to decide it.",
    no_args_is_help=True,
)


def _check_plots(html: Path | None) -> Path | None:
    if html is not None:
        missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
        if missing:
            raise typer.BadParameter(f"needs {' and '.join(missing)}: pip install 'forge-arena[report]'")
    return writable_file(html)


HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", callback=_check_plots, help="Write one self-contained page with plots."),
]
WorkerSpec = Annotated[
    str, typer.Option(help="The Worker that answers: scripted, openai:MODEL@URL, vllm:MODEL, bank:FILE.")
]
Documents = Annotated[
    list[Path] | None,
    typer.Option(callback=one_file, metavar="FILE", help="A file that `scenarios import --out` wrote."),
]
Revisions = Annotated[
    int | None, typer.Option(min=0, help="How often the Worker may write an answer again. Default: 2.")
]
ApiKey = Annotated[str | None, typer.Option(envvar="FORGE_ARENA_API_KEY", help="API key of an openai Worker.")]
Vllm = Annotated[str, typer.Option(envvar="FORGE_ARENA_VLLM", help="The vllm executable.")]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer draws: under three minutes, with wider intervals.")]


def finish(report: "AuditReport", json: str | None, html: Path | None) -> None:
    """Print a report, write it where the options say, and exit with 1 if a gate fails. An open gate does not fail."""
    from forge_arena.audits.page import page

    deliver(report, json, partial(_show, report), {} if html is None else {html: page(report)})
    if report.failed:
        raise typer.Exit(1)


def _show(report: "AuditReport", out: Console) -> None:
    from forge_arena.audits.page import format_cell

    for table in report.tables:
        numeric = [any(isinstance(row[n], int | float) for row in table.rows) for n in range(len(table.columns))]
        grid = Grid(
            title=escape(table.title), caption=escape(table.note) or None, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for column, right in zip(table.columns, numeric, strict=True):
            grid.add_column(escape(column), justify="right" if right else "left", overflow="fold")
        for row in table.rows[:ROWS_PRINTED]:
            grid.add_row(*[escape(format_cell(cell)) for cell in row])
        out.print(grid)
        if len(table.rows) > ROWS_PRINTED:
            out.print(f"[dim]{len(table.rows) - ROWS_PRINTED} more rows in --json and --html[/]\n", highlight=False)
    gates = Grid("gate", "", "value", "limit", "", title="gates", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    # In the order of the alphabet, which is that of their weight: failed, open, passed.
    for gate in sorted(report.gates, key=lambda gate: gate.state):
        gates.add_row(
            escape(gate.name), STATES[gate.state], format_cell(gate.value), format_cell(gate.limit), escape(gate.detail)
        )
    if report.gates:
        out.print(gates)
    failed, undecided = (sum(gate.state == state for gate in report.gates) for state in ("failed", "open"))
    if failed:
        out.print(f"[bold red]{failed} of {len(report.gates)} gates fail; the gates above begin with them[/]")
    if undecided:
        none = "" if failed else "no gate fails, but "
        out.print(
            f"[yellow]{none}{undecided} of {len(report.gates)} gates stay open: too little was measured to decide "
            "them, so nothing is proved there[/]"
        )
    if report.gates and report.passed:
        out.print(f"[green]all {len(report.gates)} gates hold[/]")


@app.command(epilog="Example: forge-arena audit labels --quick --html labels.html")
def labels(
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
    reader_api_key: Annotated[
        str | None, typer.Option(envvar="FORGE_ARENA_READER_API_KEY", help="API key of an openai reader.")
    ] = None,
    api_key: ApiKey = None,
    vllm: Vllm = "vllm",
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
    if (marks is None) != (key is None):
        raise fail(
            "--marks and --key go together: give the marks that a reader downloaded, and the key of the same reading"
        )
    if reader is not None and (export is not None or marks is not None):
        raise fail("--reader is measured by the audit itself: leave out --export and --marks")
    if marks is not None and export is not None:
        raise fail("--export writes a reading and --marks scores one: give one of them")
    splits = _splits(split)
    if out is not None and marks is None:
        raise fail("--out keeps the result of a reader's marks: give --marks and --key")
    if marks is not None and key is not None:
        scored = _score(marks, key)
        if out is not None:
            _keep_result(marks, key, out, name)
        finish(scored, json, html)
        return
    from forge_arena.asking import REVISIONS
    from forge_arena.audits.labels import DRAWS, FRESH, QUICK_DRAWS, QUICK_FRESH, audit_labels
    from forge_arena.episodes import Arena
    from forge_arena.reader import open_reader

    who, sources, suite = _open(worker, documents, load, api_key, vllm)
    reads = (
        None
        if reader is None
        else open_reader(reader, who, api_key=reader_api_key, vllm_executable=vllm, concurrency=concurrency)
    )
    revised = REVISIONS if revisions is None else revisions
    with progress() as bar:
        task = bar.add_task("reading" if export else "labels", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if export is not None:
            arena = Arena(who, secret=f"reading:{seed}", revisions=revised, sources=sources, suite=suite)
            places = _export(export, arena, count, splits or (Split.val, Split.test), seed, show)
        else:
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
    if export is not None:
        page, rows, answers = places
        say(f"to read: {page} (or {rows})\nkey, not for the reader: {answers}")
        return
    finish(report, json, html)


def _open(
    worker: str, documents: list[Path] | None, load: str, api_key: str | None, vllm: str
) -> tuple["Worker", "Sequence[Source]", str]:
    """The Worker, what an arena draws from, and the suite in its keys."""
    from forge_arena.collector import make_rounds_rarer
    from forge_arena.documents.playing import open_sources
    from forge_arena.workers import open_worker
    from forge_arena.workers.registry import check_reads_documents

    make_rounds_rarer()
    if documents:
        check_reads_documents(worker)
    who = open_worker(worker, api_key=api_key, vllm_executable=vllm)
    sources, suite = open_sources(documents=documents[0] if documents else None, load=load_named(load))
    return who, sources, suite


def _splits(names: list[str] | None) -> tuple[Split, ...]:
    """The splits that a command line names, each once; empty where it names none."""
    return tuple(Split(one_of("--split", name, Split)) for name in dict.fromkeys(names or ()))


def _score(marks: Path, key: Path) -> "AuditReport":
    from forge_arena.audits.blind import load_key, load_marks, score_marks

    return score_marks(load_marks(marks), load_key(key))


def _keep_result(marks: Path, key: Path, folder: Path, name: str | None) -> None:
    """Keep the marks as the result of an evaluation: result, records and page."""
    from forge_agents.human import result_of_marks
    from forge_arena.audits.blind import load_key, load_marks

    place = ResultFolder(folder)
    result = result_of_marks(load_marks(marks), load_key(key), records=place.records, name=name)
    for path, text in place.files(result).items():
        write_file(path, text)
    write_page(folder)


def _export(
    file: Path, arena: "Arena", count: int, splits: Sequence[Split], seed: int, on_progress: Callable[[int, int], None]
) -> tuple[Path, Path, Path]:
    """Write a reading; its page, its rows and its key."""
    with extra("report", "a reading"):
        from forge_arena.audits.blind import blind, export

        return export(blind(arena, count, splits=splits, seed=seed, on_progress=on_progress), file)


@app.command(epilog="Example: forge-arena audit shortcuts --quick")
def shortcuts(
    worker: WorkerSpec = "scripted",
    mechanism: Annotated[
        str | None, typer.Option(help="rewrite or prompt: who corrupts. Default: the arena's own.")
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Draws over all splits, each made twice; at least 200 without documents. Default: 8000, quick 1500; "
            "of documents 10 for each scenario, quick 3.",
        ),
    ] = None,
    documents: Documents = None,
    load: LoadName = "full",
    revisions: Revisions = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws another test split, folds and trees.")] = 0,
    api_key: ApiKey = None,
    vllm: Vllm = "vllm",
    concurrency: Annotated[int, typer.Option(min=1, help="How many pairs are made at a time.")] = 8,
    quick: Quick = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Can corrupted answers be found without the source? Train simple classifiers on everything else and see.

    The classifiers see words, character n-grams and surface statistics of the answer, the reasoning, both, or the
    source alone. They are tested on families that they were not trained on. A gate fails if AUROC or twin-ranking is
    above 0.55; the report then lists the features that give the label away, and in which families.

    --quick tests the lower end of each interval and tries one classifier per type, so it finds only glaring shortcuts.

    With --documents a gate holds only if its whole interval keeps the limit, and fails only if the whole interval
    breaks it. Otherwise the gate stays open, and the report says how wide the interval is and what AUROC could still
    hide. A draw takes two requests to the Worker, and more for each answer that is unusable.
    """
    corrupts_by = None if mechanism is None else Mechanism(one_of("--mechanism", mechanism, Mechanism))
    from forge_agents.overseers.rules import Rules
    from forge_arena.asking import REVISIONS
    from forge_arena.audits.samples import DRAWS_KEPT, Samples, draw, first_keys
    from forge_arena.audits.shortcuts import (
        EPISODES,
        EPISODES_PER_SCENARIO,
        QUICK_EPISODES,
        QUICK_EPISODES_PER_SCENARIO,
        SHARES,
        audit_shortcuts,
    )
    from forge_arena.documents.playing import count_scenarios
    from forge_arena.episodes import Arena

    if not documents and episodes is not None and episodes < FEWEST_DRAWS:
        raise fail(f"--episodes {episodes} is too few: at least {FEWEST_DRAWS}, unless --documents are given")
    rules = Rules()
    who, sources, suite = _open(worker, documents, load, api_key, vllm)
    revised = REVISIONS if revisions is None else revisions
    arena = Arena(
        who,
        secret=f"shortcuts:{seed}",
        mechanism=corrupts_by,
        revisions=revised,
        sources=sources,
        suite=suite,
        draws_kept=DRAWS_KEPT,
    )
    wanted, shares = QUICK_EPISODES if quick else EPISODES, SHARES
    if documents:
        # Each scenario counts alike, whatever its split: there are too few to leave any of them out.
        scenarios = count_scenarios(sources)
        each = QUICK_EPISODES_PER_SCENARIO if quick else EPISODES_PER_SCENARIO
        wanted, shares = min(wanted, each * sum(scenarios.values())), {s: float(n) for s, n in scenarios.items()}
    keys = first_keys(arena, episodes or wanted, shares)
    with progress() as bar:
        drawing = bar.add_task("pairs", total=len(keys))
        attacking = bar.add_task("attacks", total=None, visible=False)

        async def draw_samples() -> Samples:
            try:
                await who.start()
                return await draw(
                    arena, keys, concurrency=concurrency, on_progress=lambda n, _: bar.update(drawing, completed=n)
                )
            finally:
                await who.aclose()

        report = audit_shortcuts(
            asyncio.run(draw_samples()),
            suite=arena.suite_and_version,
            seed=seed,
            quick=quick,
            by_interval=bool(documents),
            overseer=lambda observations: [verdict.p_corrupted for verdict in rules.review(observations)],
            settings={"worker": who.name, "mechanism": mechanism, "revisions": revised, "draws": len(keys)},
            on_progress=lambda n, total: bar.update(attacking, completed=n, total=total, visible=True),
        )
    finish(report, json, html)


@app.command(epilog="Example: forge-arena audit exploits --quick --json exploits.json")
def exploits(
    worker: WorkerSpec = "scripted",
    episodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Keys to play, each in its three forms. Default: 2000, quick 400; of documents 5 for each scenario, "
            "quick 2.",
        ),
    ] = None,
    documents: Documents = None,
    revisions: Revisions = None,
    split: Annotated[
        list[str] | None, typer.Option(help="train, val or test; repeatable. Default: all, in turn.")
    ] = None,
    load: LoadName = "full",
    reward_profile: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Pay by these weights, as `serve --reward-profile` does.")
    ] = "standard",
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other test episodes and other chances.")] = 0,
    api_key: ApiKey = None,
    vllm: Vllm = "vllm",
    concurrency: Annotated[int, typer.Option(min=1, help="How many keys are made at a time.")] = 8,
    quick: Quick = False,
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Can an overseer earn reward without doing the work? Let degenerate overseers play.

    The degenerates are constants, hedgers, stuffers, echoes, shotgun quotes and repairs, text for the grader, tricks
    on the parser, and code that games the runner. Each must earn less than the weakest honest overseer (balanced
    accuracy 0.60, confidence 0.60, empty texts), over the default stream and for each corruption type alone. The
    oracle must earn the whole reward.

    With --documents a gate holds only if its whole interval keeps the limit, and fails only if the whole interval
    breaks it. Otherwise the gate stays open, and the report says what could still hide.
    """
    splits = _splits(split)
    from forge_arena.asking import REVISIONS
    from forge_arena.audits.exploits import EPISODES, EPISODES_PER_SCENARIO, QUICK, QUICK_PER_SCENARIO, audit_exploits
    from forge_arena.audits.samples import DRAWS_KEPT
    from forge_arena.documents.playing import count_scenarios
    from forge_arena.episodes import Arena
    from forge_arena.profiles import open_profile

    profile = open_profile(reward_profile)
    who, sources, suite = _open(worker, documents, load, api_key, vllm)
    revised = REVISIONS if revisions is None else revisions
    wanted, shares = QUICK if quick else EPISODES, None
    if documents:
        # Each scenario counts alike, whatever its split.
        scenarios = {s: n for s, n in count_scenarios(sources).items() if not splits or s in splits}
        if not scenarios:
            raise fail(f"{documents[0]} has no scenarios in {', '.join(splits)}: leave out --split")
        each = QUICK_PER_SCENARIO if quick else EPISODES_PER_SCENARIO
        wanted, shares = min(wanted, each * sum(scenarios.values())), {s: float(n) for s, n in scenarios.items()}
    with progress() as bar:
        task = bar.add_task("exploits", total=None)
        report = audit_exploits(
            Arena(
                who,
                secret=f"exploits:{seed}",
                revisions=revised,
                sources=sources,
                suite=suite,
                draws_kept=DRAWS_KEPT,
            ),
            episodes=episodes or wanted,
            splits=splits or HOMES,
            shares=shares,
            by_interval=bool(documents),
            concurrency=concurrency,
            profile=profile,
            seed=seed,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    finish(report, json, html)


@app.command(epilog=ANSWERS_EPILOG)
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
    reader_api_key: Annotated[
        str | None, typer.Option(envvar="FORGE_ARENA_READER_API_KEY", help="API key of an openai reader.")
    ] = None,
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


@app.command(epilog="Example: forge-arena audit regrade --database sqlite:///forge-arena.db --export changes.jsonl")
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
