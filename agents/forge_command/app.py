"""`forge-arena`: serve the arena, play against it, score overseers, record banks, check and import scenarios."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from forge_arena import __version__

app = typer.Typer(
    name="forge-arena",
    help="Train and prove AI overseers: models that can tell when another model's work was tampered with.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
console = Console(stderr=True, emoji=False)


def writable_file(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written before the work whose result it is to hold: the callback of an option."""
    if path is not None:
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a folder, and this takes a file")
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise typer.BadParameter(f"{path} may not be written: give another place")
    return path


def _writable_json(target: str | None) -> str | None:
    if target is not None and target != "-":
        writable_file(Path(target))
    return target


JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=_writable_json,
        help="Write the result as JSON ('-' for standard output).",
    ),
]


def one_file(files: list[Path] | None) -> list[Path] | None:
    """Refuse a second file of documents, of which only the last would count: the callback of an option."""
    if files is not None and len(files) > 1:
        raise typer.BadParameter(
            f"takes one file, got {', '.join(map(str, files))}: import all rows by one `forge-arena scenarios import`"
        )
    return files


def printer(json: str | None = None) -> Console:
    """What prints for people: on standard output, or on standard error where `--json -` takes standard output."""
    return Console(stderr=json == "-", emoji=False)


def say(text: str, *, err: bool = False) -> None:
    """Print a line as it is, for people and for other programs."""
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def deliver(
    result: Any, json: str | None, show: Callable[[Console], None], files: Mapping[Path, str] | None = None
) -> None:
    """Write a result as JSON where `--json` said, and files beside it; then show it to people.

    What is written is written first, because the reader of a pipe may leave in the middle of a table. What cannot be
    written is said, and the result is shown nevertheless.
    """
    try:
        for path, text in (files or {}).items():
            write_file(path, text)
        write_json(result, json)
    finally:
        show(printer(json))


def write_json(result: Any, target: str | None) -> None:
    """Write a result where `--json` said; nothing without it."""
    if target == "-":
        sys.stdout.write(as_json(result, sys.stdout.encoding))
        sys.stdout.flush()
    elif target is not None:
        write_file(Path(target), as_json(result))


def as_json(result: Any, encoding: str = "utf-8") -> str:
    """A result as JSON; with escapes where the encoding has not all of its characters."""
    if isinstance(result, BaseModel):
        text = result.model_dump_json(indent=2)
    else:
        text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), indent=2)
    return f"{text}\n"


def write_file(path: Path, text: str) -> None:
    """Write a file, or say why it cannot be written and leave."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise fail(f"{path} could not be written: {error.strerror or error}") from None


def given_options(context: typer.Context, *names: str) -> str:
    """Those of the options that the command line gives, as a person writes them; empty where it gives none."""
    sources = {name: context.get_parameter_source(name) for name in names}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    return ", ".join("--" + name.replace("_", "-") for name in given)


def fail(message: str) -> typer.Exit:
    """Say what is wrong on standard error; raise what this returns."""
    # Not wrapped: a path that is torn apart cannot be copied.
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(2)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if show:
        typer.echo(__version__)
        raise typer.Exit


def _register() -> None:
    from forge_command import (
        audit,
        backup,
        bank,
        bench,
        demo,
        evaluation,
        export,
        reference,
        scenarios,
        serving,
        training,
        training_demo,
        training_sweep,
    )

    app.command("demo")(demo.demo)
    app.command("serve")(serving.serve)
    app.command("token")(serving.token)
    app.command("backup")(backup.backup)
    app.command("eval")(evaluation.evaluate)
    app.command("compare")(evaluation.compare)
    app.command("leaderboard")(evaluation.leaderboard)
    app.command("report")(evaluation.report)
    app.command("reference")(reference.reference)
    app.command("export", epilog=export.EPILOG)(export.export)
    app.command("bank")(bank.bank)
    app.command("bench")(bench.bench)
    app.add_typer(scenarios.app, name="scenarios")
    app.add_typer(audit.app, name="audit")
    training.app.command("sweep")(training_sweep.sweep)
    training.app.command("demo")(training_demo.demo)
    app.add_typer(training.app, name="train")


def main() -> None:
    _register()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets its number: a table must not die of an accent.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except OSError as error:
        # The last resort, for a disk or a terminal that fails where no command expects it.
        sys.exit(fail(str(error)).exit_code)
