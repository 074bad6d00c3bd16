"""`forge-arena`: serve the arena, play against it, score overseers, record banks, check and import scenarios."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
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
console = Console(stderr=True)


def _writable(target: str | None) -> str | None:
    # Before the work: a result that cannot be written after hours of it is lost.
    if target not in (None, "-") and (Path(target).is_dir() or not Path(target).parent.is_dir()):
        raise typer.BadParameter(f"{target}: give a file in a folder that is there")
    return target


JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="FILE", callback=_writable, help="Write the result as JSON ('-' for standard output)."
    ),
]


def write_json(result: Any, target: str | None) -> None:
    """Write a result where `--json` said; nothing without it."""
    if target is None:
        return
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        Path(target).write_text(text, encoding="utf-8")


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
    app()
