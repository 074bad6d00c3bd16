"""A Postgres of the test's own: started in a folder of its own, killed without mercy, started again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLACES = (*(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),)


def program(name: str) -> str | None:
    """Where a program of Postgres is: Debian keeps some of them off the PATH."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *PLACES)))


@dataclass
class Postgres:
    """A running server. `url(name)` makes a database of that name and says how to reach it."""

    folder: Path
    port: int
    durable: bool
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        # fsync off is for tests that do not pull the plug.
        options = ["-c", f"fsync={'on' if self.durable else 'off'}", "-c", "listen_addresses=127.0.0.1"]
        options += [
            "-c",
            f"port={self.port}",
            "-c",
            f"unix_socket_directories={self.folder}",
            "-c",
            "max_connections=200",
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _as_postgres(program("postgres"), "-D", str(self.folder / "data"), *options), stdout=log, stderr=log
            )
        for _ in range(300):
            if self._ask("SELECT 1").returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text()[-2_000:])

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL of all its processes, as if the machine had lost power."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        self._process.wait(30)
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def url(self, name: str, encoding: str = "UTF8") -> str:
        made = self._ask(f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' TEMPLATE template0")
        assert made.returncode == 0, made.stderr
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Take the database of a URL away from those that are connected to it."""
        dropped = self._ask(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')
        assert dropped.returncode == 0, dropped.stderr

    def _ask(self, statement: str) -> "subprocess.CompletedProcess[str]":
        command = [
            program("psql") or "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "postgres",
            "-c",
            statement,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def running(*, durable: bool = False) -> Iterator[Postgres]:
    """A fresh server, thrown away with the block."""
    with tempfile.TemporaryDirectory(prefix="forge-postgres-") as made, socket.socket() as free:
        folder = Path(made)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        command = _as_postgres(
            program("initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8"
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
        free.bind(("127.0.0.1", 0))
        server = Postgres(folder, free.getsockname()[1], durable)
        free.close()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _as_postgres(path: str | None, *arguments: str) -> list[str]:
    """A command that runs as another user where this one is root, which Postgres refuses."""
    assert path is not None
    if os.geteuid() != 0:
        return [path, *arguments]
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", path, *arguments]
