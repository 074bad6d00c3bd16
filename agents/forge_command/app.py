"""`forge-arena`: serve the arena, play against it, score overseers, record banks, check and import scenarios.

Each command has a module, and this module alone knows all commands. A command imports slow libraries (torch,
scikit-learn, matplotlib, the server) inside its function, after its refusals, so that help and refusals come at once.
"""

import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from forge_arena import __version__
from forge_command import (
    attack,
    audit,
    backup,
    bank,
    bench,
    compare,
    demo,
    evaluate,
    export,
    leaderboard,
    reference,
    scenarios,
    serving,
    training,
    training_checker,
    training_demo,
    training_small,
    training_sweep,
    worker,
)
from forge_command.console import fail, open_closed_streams, refusals


class Commands(TyperGroup):
    """The commands. Errors that a user can mend pass through here, and become refusals."""

    def invoke(self, ctx: Any) -> Any:
        with refusals():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # "forge-arena import" is meant for a command of a group, and no command here is like it.
        groups = {name: getattr(command, "commands", {}) for name, command in self.commands.items()}
        within = [f"{group} {args[0]}" for group, commands in groups.items() if args[0] in commands]
        if within and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(map(repr, within))}?")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    name="forge-arena",
    help="Train and prove AI overseers: models that can tell when another model's work was tampered with.",
    epilog="To begin: forge-arena demo. Then: forge-arena serve, and in another terminal "
    "forge-arena eval --overseer rules.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.command("serve", epilog=serving.EPILOG)(serving.serve)
app.command("token", epilog="Example: forge-arena token --role trainer")(serving.token)
app.command("backup", epilog=backup.EPILOG)(backup.backup)
app.command("eval", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command("attack", epilog=attack.EPILOG)(attack.attack)
app.command("compare", epilog=compare.EPILOG)(compare.compare)
app.command("leaderboard", epilog=leaderboard.EPILOG)(leaderboard.leaderboard)
app.command("report", epilog=evaluate.REPORT_EPILOG)(evaluate.report)
app.command("reference", epilog=reference.EPILOG)(reference.reference)
app.command("export", epilog=export.EPILOG)(export.export)
app.command("bank", epilog=bank.EPILOG)(bank.bank)
app.command("worker", epilog=worker.EPILOG)(worker.worker)
app.command("bench", epilog=bench.EPILOG)(bench.bench)
app.add_typer(scenarios.app, name="scenarios")
app.add_typer(audit.app, name="audit")
app.add_typer(training.app, name="train")
training.app.command("sweep", epilog=training_sweep.EPILOG)(training_sweep.sweep)
training.app.command("demo", epilog=training_demo.EPILOG)(training_demo.demo)
training.app.command("checker", epilog=training_checker.EPILOG)(training_checker.checker)
training.app.command("small", epilog=training_small.EPILOG)(training_small.small)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if show:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command as the console script does."""
    # An overseer or a Worker `module:Class` may be a file of the current folder, which "" stands for. At the end of the
    # path, because such a file must not replace an installed module.
    sys.path.append("")
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets the character's number, because a table must not fail over an accent.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except OSError as error:
        # A help text is printed before any command runs, and the disk or the terminal may fail there too.
        sys.exit(fail(str(error)).exit_code)
