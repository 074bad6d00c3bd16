"""The `forge-arena` command as tests call it: inside the process of the test, or as a process of its own."""

import os
import re
import subprocess
import sys
from contextlib import chdir, nullcontext
from pathlib import Path

from typer.testing import CliRunner, Result

from forge_command.app import app

OURS = [name for name in os.environ if name.startswith("FORGE_ARENA_")]
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
ENVIRONMENT = {**{name: value for name, value in os.environ.items() if name not in OURS}, **PLAIN}


def without_frames(text: str) -> str:
    """What was printed, on one line and without the frames that rich draws."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def invoked(*arguments: object, cwd: Path | None = None) -> Result:
    """Call the command inside this process, whatever its exit code.

    A call takes none of the seconds in which a process of its own imports the arena. An error that the command does not
    turn into a refusal is raised here.
    """
    runner = CliRunner(env={**dict.fromkeys(OURS), **PLAIN})
    with chdir(cwd) if cwd is not None else nullcontext():
        return runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def called(*arguments: object, code: int = 0, cwd: Path | None = None) -> tuple[str, str]:
    """Call the command inside this process: its standard output, and its standard error without frames."""
    result = invoked(*arguments, cwd=cwd)
    assert result.exit_code == code, f"exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
    return result.stdout, without_frames(result.stderr)


def command(*arguments: str | Path) -> list[str]:
    """The command line of the command as a process of its own."""
    return [sys.executable, "-m", "forge_command", *map(str, arguments)]


def ran(*arguments: str | Path, code: int = 0, cwd: Path | None = None, timeout: float = 120) -> tuple[str, str]:
    """Run the command as a process of its own: its standard output, and its standard error without frames."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=timeout, cwd=cwd, env=ENVIRONMENT, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout, without_frames(done.stderr)
