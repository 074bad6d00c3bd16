"""A server that a command runs beside itself, in a child process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forge_arena.workers import keeper
from forge_command.console import fail

READY = "ForgeArena is ready at "
# What the variables begin with that are settings of a server (`forge_server.settings`, which takes long to import).
SETTING = "FORGE_ARENA_"
# Seconds that a server has to end by itself when the command has ended.
SERVER_GRACE = 10.0


@contextmanager
def running_server(*arguments: str, store: Path | None = None) -> Iterator[str]:
    """Run a server in a child process; yields its URL. Without `store` the store is deleted at the end.

    The server has the settings that the arguments give and no others. What the environment says is for the servers of
    the user: their tokens would shut this command out, and their load or Worker would be measured in place of its own.

    On Linux the server ends with this process, however this process ends.

    Raises:
        typer.Exit: the server did not come up; its last words are printed.
    """
    with tempfile.TemporaryDirectory(prefix="forge-arena-") as folder:
        command = [sys.executable, "-m", "forge_command", "serve", "--port", "0", "--log-level", "warning"]
        if sys.platform == "linux":
            keep = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), str(SERVER_GRACE), folder]
            command = [*keep, *command]
        with (
            # Not in the folder, because the keeper removes the folder as soon as the server ends.
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [*command, "--store", f"sqlite:///{store or Path(folder, 'arena.db')}", *arguments],
                env={name: value for name, value in os.environ.items() if not name.startswith(SETTING)},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            ) as child,
        ):
            try:
                line = child.stdout.readline() if child.stdout else ""
                if not line.startswith(READY):
                    errors.seek(0)
                    raise fail(f"the server did not come up:\n{errors.read().decode(errors='replace')[-2000:]}")
                yield line.removeprefix(READY).strip()
            finally:
                child.terminate()
                try:
                    child.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    child.kill()
