"""The command `forge-arena` in this process: what it prints and how it ends, without the seconds of a new process."""

from functools import cache

import typer
from click.testing import Result
from typer.testing import CliRunner


@cache
def _app() -> typer.Typer:
    from forge_command import app

    app._register()
    return app.app


def forge_arena(*arguments: object) -> Result:
    """Run the command. An exception that the command does not turn into a message is raised."""
    result = CliRunner(env={"COLUMNS": "200"}).invoke(_app(), [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
