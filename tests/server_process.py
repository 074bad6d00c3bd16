"""The one way in which tests start the arena's server: as a process of its own, or inside the process of the test.

A process shows what a client meets: `running(...)` gives its URL, and `ServerProcess` gives the process too, for tests
that interrupt, kill and restart it. Inside the process of the test, `listening(app)` leaves the insides of the server
at hand.
"""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import uvicorn

PROGRAM = (
    "import json, sys; from forge_server.process import serve; from forge_server.settings import Settings; "
    "serve(Settings.from_environment({}, **json.loads(sys.argv[1])))"
)
FORGE_ARENA = "from forge_command.app import main; main()"


def serving(**settings: Any) -> list[str]:
    """What a Python is called with to serve so, without the command around it; on a free port unless one is given."""
    return ["-c", PROGRAM, json.dumps({"port": 0, **settings})]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class ServerProcess:
    """A Python program in a process of its own that prints a line ending in its URL once it is ready.

    Args:
        arguments: what the Python is called with, as `serving` gives it.
        log: the file to which its standard error goes, one start after the other; otherwise a temporary one.
        environment: variables beside those of this process.
        python: another Python to run it.
    """

    def __init__(
        self,
        *arguments: str,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.line = ""
        self._command = [python, *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self._file = log
        self.start()

    def start(self) -> None:
        # Closed by `end`.
        self._log = tempfile.TemporaryFile() if self._file is None else self._file.open("ab+")  # noqa: SIM115
        self.child = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=self._environment
        )

    def wait(self, seconds: float = 90) -> Self:
        """Until it has printed its line, or has ended, or the seconds are over."""
        assert self.child.stdout is not None
        readable, _, _ = select.select([self.child.stdout], [], [], seconds)
        self.line = self.child.stdout.readline().strip() if readable else ""
        return self

    @property
    def url(self) -> str:
        assert "http://" in self.line, f"the server did not get ready: {self.line!r}\n{self.errors()[-3_000:]}"
        return self.line.split()[-1]

    def errors(self) -> str:
        """What it has written on standard error so far."""
        # Not by `seek`: the server writes where this file stands, so what it wrote meanwhile would stand over the rest.
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode()

    def end(self, how: signal.Signals = signal.SIGTERM, *, read: bool = True) -> str:
        """Send the signal and wait for the end; what it wrote on standard error, if that is to be read."""
        self.child.send_signal(how)
        try:
            self.child.wait(60)
        finally:
            # Also a test that fails here must leave nothing behind.
            self.child.kill()
            self.child.communicate()
            with self._log:
                errors = self.errors() if read else ""
        return errors

    def __enter__(self) -> Self:
        return self.wait()

    def __exit__(self, *_: object) -> None:
        if not self._log.closed:
            self.end()


@contextmanager
def running(*arguments: str, **settings: Any) -> Iterator[str]:
    """The URL of a server that runs until the block ends. `settings` are those of `ServerProcess`."""
    with ServerProcess(*arguments, **settings) as server:
        yield server.url


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """The URL under which the app is served inside this process until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
