"""The `forge-arena` command as tests call it: inside the process of the test, or as a process of its own."""

import os
import re
import subprocess
import sys
from contextlib import chdir, nullcontext
from dataclasses import dataclass
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
    # With -P, as the console script: Python itself does not look into the current folder.
    return [sys.executable, "-P", "-m", "forge_command", *map(str, arguments)]


def ran(*arguments: str | Path, code: int = 0, cwd: Path | None = None, timeout: float = 120) -> tuple[str, str]:
    """Run the command as a process of its own: its standard output, and its standard error without frames."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=timeout, cwd=cwd, env=ENVIRONMENT, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout, without_frames(done.stderr)


# A process takes seconds to start: this script runs several command lines in one, one after the other.
EACH = """
import shlex, sys
from forge_command.app import main
for line in sys.argv[1:]:
    sys.argv[1:] = shlex.split(line)
    try:
        main()
    except SystemExit as left:
        for stream in (sys.stdout, sys.stderr):
            print("ended with", left.code, file=stream, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code of a command that ran with others in one process, and what it printed."""

    code: int
    out: str
    err: str


def parted(out: str, err: str) -> list[Ended]:
    """What each command of `EACH` printed, from what all of them printed."""
    outs, errs = (re.split(r"ended with (\d)\s?", stream) for stream in (out, err))
    assert outs[1::2] == errs[1::2]
    assert (outs[-1], errs[-1]) == ("", "")
    return [Ended(int(code), *streams) for code, *streams in zip(outs[1::2], outs[::2], errs[::2], strict=False)]
