"""The server that the demo and the reference run in a child process."""

import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import typer

from forge_agents.client import ArenaClient
from forge_command.child import running_server

SCRIPT = """
import time
from forge_command.child import running_server
with running_server() as url:
    print(url, flush=True)
    time.sleep(600)
"""


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_the_process_that_started_it(end: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        found = re.search(r":(\d+)", parent.stdout.readline())
        assert found is not None
        port = int(found[1])
        assert listens(port)
        parent.send_signal(end)
        assert parent.wait(5) == -end
    deadline = time.monotonic() + 15.0
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(port)


def test_a_server_that_does_not_come_up_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), running_server("--scenarios", "/no/such/set"):
        pass
    assert "/no/such/set" in "".join(capfd.readouterr())


def test_the_settings_of_other_servers_are_none_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TOKENS": "a long token", "SCENARIOS": "short", "LOG_JSON": "1", "PORT": "no number"}.items():
        monkeypatch.setenv(f"FORGE_ARENA_{name}", value)
    with running_server() as url, ArenaClient(url) as arena:
        assert arena.stats().suite == "forge"
