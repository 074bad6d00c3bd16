"""The process that leaves nothing of a command behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forge_arena.workers import keeper
from forge_arena.workers.keeper import kill_session, session_members

# A child that outlives its own parent, ignores SIGTERM, and shares nothing with it but the session.
STUBBORN = (
    "trap '' TERM HUP; (trap '' TERM HUP; setsid sleep 0.01; sleep 300) & sleep 300 & echo ready; wait; sleep 300"
)
# Starts a keeper in its own name and waits to be killed.
PARENT = """
import os, subprocess, sys, time
command = [str(os.getpid()) if part == "PARENT" else part for part in sys.argv[1:]]
child = subprocess.Popen(command, start_new_session=True)
print(child.pid, flush=True)
time.sleep(300)
"""


def keep(folder: Path, *command: str, grace: float = 0.3, parent: str | None = None) -> list[str]:
    parent = parent or str(os.getpid())
    return [sys.executable, "-I", "-S", keeper.__file__, parent, str(grace), str(folder), *command]


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "private"
    (folder / "deep").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("command", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_it_ends_as_the_command_did_and_removes_the_folder(folder: Path, command: str, status: int) -> None:
    assert subprocess.run(keep(folder, "sh", "-c", command), start_new_session=True, check=False).returncode == status
    assert not folder.exists()


def test_a_process_whose_entry_is_hidden_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_text

    def read_own(path: Path, *arguments: str) -> str:
        # As under a /proc that is mounted with hidepid=1.
        if path == Path("/proc/1/stat"):
            raise PermissionError(1, "Operation not permitted", str(path))
        return read(path, *arguments)

    monkeypatch.setattr(Path, "read_text", read_own)
    assert os.getpid() in session_members(os.getsid(0))


def test_a_command_that_is_not_there_is_said_and_fails(folder: Path) -> None:
    ended = subprocess.run(
        keep(folder, "/no/such/command"), start_new_session=True, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 127
    assert ended.stderr == "FileNotFoundError: cannot run /no/such/command: No such file or directory\n"


def test_what_the_command_left_running_is_killed(folder: Path) -> None:
    left = "trap '' TERM; sleep 300 & sleep 300 & exit 0"
    process = subprocess.Popen(keep(folder, "sh", "-c", left), start_new_session=True)
    assert process.wait(10) == 0
    assert not session_members(process.pid)


def test_sigterm_gives_the_command_its_grace(folder: Path) -> None:
    polite = "trap 'sleep 0.2; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        keep(folder, "sh", "-c", polite, grace=5), start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(10) == 5


def test_a_command_that_does_not_end_is_killed_after_its_grace(folder: Path) -> None:
    process = subprocess.Popen(keep(folder, "sh", "-c", STUBBORN), start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        assert len(session_members(process.pid)) >= 4
        process.terminate()
        assert process.wait(10) == 137
    assert not session_members(process.pid)
    assert not folder.exists()


def test_nothing_outlives_a_parent_that_is_killed(folder: Path) -> None:
    command = keep(folder, "sh", "-c", STUBBORN, parent="PARENT")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *command], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent, parent.stdout:
        session = int(parent.stdout.readline())
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        assert until(lambda: not session_members(session))
    assert until(lambda: not folder.exists())


def test_nothing_is_run_for_a_parent_that_is_dead_already(folder: Path) -> None:
    ended = subprocess.run(
        keep(folder, "echo", "ran", parent="1"), start_new_session=True, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert not folder.exists()


def test_the_rest_of_a_session_can_be_killed_when_the_keeper_was(folder: Path) -> None:
    process = subprocess.Popen(keep(folder, "sh", "-c", STUBBORN), start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        assert session_members(process.pid)
        kill_session(process.pid)
        assert not session_members(process.pid)
