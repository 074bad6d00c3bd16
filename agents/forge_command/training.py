"""`forge-arena train`: train an overseer over REST, from a preset to a report."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from forge_command.console import extra, fail, if_begun, printer, resumable, say, writable_folder
from forge_command.options import ARENA, ArenaToken, ArenaUrl
from forge_command.progress import progress
from forge_command.reach import reach_arena

if TYPE_CHECKING:
    from forge_agents.train.presets import Preset
    from forge_agents.train.progress import Reporter

app = typer.Typer(
    help="Train an overseer against a running arena: by GRPO and other algorithms, once or in three phases.",
    epilog="A stopped run goes on with --resume. Several GPUs: accelerate launch --config_file CONFIG -m forge_command "
    "train run ...; docs/training.md has the configurations.",
    no_args_is_help=True,
)

PresetName = Annotated[str, typer.Option("--preset", help="phase1, phase3, small, tiny, or a .yaml file of your own.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as lora.r=8; repeatable.")
]
Out = Annotated[
    Path,
    typer.Option("--out", callback=writable_folder, help="Folder of the run: model, checkpoints, records, report."),
]
AlgorithmName = Annotated[
    str | None, typer.Option("--algorithm", help="grpo, grpo-ps, rloo, online-rft, rft or dpo. Default: the preset's.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that --out holds.")]
Start = Annotated[
    Path | None, typer.Option("--start", help="Folder of the model to start from, instead of making or loading one.")
]

Tools = Annotated[
    bool,
    typer.Option(
        "--tools",
        help="Train and evaluate in several turns: the model uses the arena's tools, and gives its verdict by a tool. "
        "With GRPO, from a model that calls tools already: there is no warm start with calls.",
    ),
]
Report = Annotated[
    bool,
    typer.Option("--report", help="Show the run on the arena's page Runs while it learns; the token is a trainer's."),
]


class Bars:
    """Progress as one bar for each phase, with the time that is left. Messages for people go above the bars."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def progress(self, phase: str, done: int, total: int, note: str) -> None:
        if phase not in self._tasks:
            self._tasks[phase] = self._bars.add_task(phase, total=total, note=note)
        self._bars.update(self._tasks[phase], completed=done, total=total, note=note)

    def say(self, message: str) -> None:
        self._bars.console.print(f"[yellow]{escape(message)}[/]", highlight=False, soft_wrap=True)


@contextmanager
def reporting() -> Iterator["Reporter"]:
    """Progress on standard error while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with progress(*columns) as bars:
        yield Bars(bars)


RUN_EPILOG = """Examples:

forge-arena train run --preset tiny --out runs/tiny

forge-arena train run --preset phase1 --tools --set view=answer_only --out runs/looks-up"""


@app.command("run", epilog=RUN_EPILOG)
def run_once(
    out: Out,
    preset: PresetName = "tiny",
    algorithm: AlgorithmName = None,
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
    change: Changes = None,
    start: Start = None,
    resume: Resume = False,
    report: Report = False,
    tools: Tools = False,
) -> None:
    """Train once: starting model, evaluation, the algorithm, evaluation, report."""
    changes = [*(change or []), *(["tools=true"] if tools else [])]
    _run(out, preset, algorithm, arena, token, changes, start, resume, report, three_phases=False)


@app.command(epilog="Example: forge-arena train pipeline --preset phase1 --out runs/phases")
def pipeline(
    out: Out,
    preset: PresetName = "tiny",
    algorithm: AlgorithmName = None,
    arena: ArenaUrl = ARENA,
    token: ArenaToken = None,
    change: Changes = None,
    start: Start = None,
    resume: Resume = False,
    report: Report = False,
) -> None:
    """Train in three phases: train, measure what is learnable and set the arena's curriculum, train on that.

    In phase 2 the model tries corrupted episodes several times. A cell (family, type and stealth level) that the model
    passes 20% to 85% of the time is learnable. The arena then draws from these cells, and from a harder stealth level
    if a cell is too easy.
    """
    _run(out, preset, algorithm, arena, token, change, start, resume, report, three_phases=True)


@app.command(epilog="Example: forge-arena train presets phase1")
def presets(name: Annotated[str | None, typer.Argument(help="The preset to show.")] = None) -> None:
    """List the presets, or show one: its settings, and where and why they differ from the published model card."""
    from forge_agents.train.presets import FOLDER, load_preset, preset_names

    out = printer()
    if name is not None:
        _preset(name, None, None)
        path = FOLDER / f"{name}.yaml"
        # Not wrapped, because what is printed is a preset too: `presets phase1 > mine.yaml`.
        say((path if path.is_file() else Path(name)).read_text(encoding="utf-8").rstrip())
        return
    table = Table("preset", "algorithm", "about")
    for known in preset_names():
        preset = load_preset(known)
        table.add_row(known, preset.algorithm.value, escape(preset.about))
    out.print(table)


@app.command(epilog="Example: forge-arena train report runs/tiny")
def report(folder: Annotated[Path, typer.Argument(help="Folder of a run.")]) -> None:
    """Write a run's report anew from its records."""
    with extra("train", "a report"):
        from forge_agents.train.report import write_report

    say(str(write_report(folder)))


def _preset(name: str, algorithm: str | None, changes: list[str] | None) -> "Preset":
    from forge_agents.train.presets import load_preset

    return load_preset(name, [*(changes or []), *([f"algorithm={algorithm}"] if algorithm else [])])


def _run(
    out: Path,
    preset: str,
    algorithm: str | None,
    arena: str,
    token: str | None,
    changes: list[str] | None,
    start: Path | None,
    resume: bool,
    reported: bool,
    *,
    three_phases: bool,
) -> None:
    settings = _preset(preset, algorithm, changes)
    if reported and "arena" not in settings.trackers:
        settings = settings.model_copy(update={"trackers": (*settings.trackers, "arena")})
    with extra("train", "training"):
        from forge_agents.train import quiet
        from forge_agents.train.online import ArenaAddress
        from forge_agents.train.pipeline import run
    from forge_agents.train.processes import is_first

    quiet()
    with resumable(if_begun(out, f"; what was done is in {out}: go on with --resume")), hints():
        reach_arena(arena, token)
        with reporting() as reporter:
            page = run(
                settings,
                ArenaAddress(arena, token),
                out,
                reporter=reporter,
                three_phases=three_phases,
                resume=resume,
                start=start,
            )
    if is_first():
        curves = f"\ncurves: {arena.rstrip('/')}/runs" if "arena" in settings.trackers else ""
        say(f"model: {out / 'model'}\nreport: {page}{curves}")


@contextmanager
def hints() -> Iterator[None]:
    """Say what to do if the disk is full."""
    try:
        yield
    except OSError as error:
        # A line of the log may fill the disk as well as a checkpoint, whose error says so itself.
        hint = ": free some space and go on with --resume" if error.errno == errno.ENOSPC else ""
        raise fail(f"{error}{hint}") from None
