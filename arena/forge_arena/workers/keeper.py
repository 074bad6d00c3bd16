"""Run a command and leave nothing of it behind, however the command, this process or its parent ends.

It is started by path as `python -I -S keeper.py PARENT GRACE FOLDER COMMAND...`, as the leader of a new session, so it
needs nothing but the standard library. When PARENT dies (also by SIGKILL) or sends SIGTERM, the command gets SIGTERM and
GRACE seconds. Then the keeper kills what is left of the session and removes FOLDER. It exits with the command's status,
like a shell. Linux only.
"""

import ctypes
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def session_members(session: int) -> dict[int, str]:
    """The command lines of the live processes of a session, by process id."""
    members = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in parentheses may hold anything, so the fields are counted from behind it.
            state, _, _, owner = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:4]
            if int(owner) == session and state not in "ZX":
                command = (entry / "cmdline").read_text("utf-8", "replace").replace("\0", " ").strip()
                members[int(entry.name)] = command
        # Where /proc hides the processes of others, theirs cannot be read, and none of them is a member.
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return members


def kill_session(session: int, *, spare: int | None = None, patience: float = 5.0) -> None:
    """SIGKILL every process of a session except `spare`, until none is left.

    Python's resource trackers go last. They end by themselves once their owners are gone, and only they remove the shared
    memory that a killed owner left.
    """
    started = time.monotonic()
    while members := {pid: command for pid, command in session_members(session).items() if pid != spare}:
        waited = time.monotonic() - started
        for pid, command in members.items():
            if waited > patience / 2 or "resource_tracker" not in command:
                _kill(pid)
        if waited > patience:
            return
        _reap()
        time.sleep(0.02)


def main(parent: int, grace: float, folder: str, command: list[str]) -> int:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    status = 1
    # The parent may have died before the kernel was asked to signal its death.
    if os.getppid() == parent:
        child = os.fork()
        if child == 0:
            _become(command, prctl)
        status = _keep(child, grace)
    kill_session(os.getsid(0), spare=os.getpid())
    _reap()
    shutil.rmtree(folder, ignore_errors=True)
    return status


def _become(command: list[str], prctl: "ctypes._NamedFuncPointer") -> NoReturn:
    # If the keeper itself is killed, the command is at least asked to end.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    try:
        os.execvp(command[0], command)  # noqa: S606 (a shell would stand between the keeper and the command)
    except OSError as error:
        sys.stderr.write(f"{type(error).__name__}: cannot run {command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _keep(child: int, grace: float) -> int:
    """Wait for the child's end, and at most `grace` seconds after a signal to stop. Returns its status as a shell would."""
    deadline = float("inf")
    while (left := deadline - time.monotonic()) > 0:
        arrived = signal.sigtimedwait(WATCHED, min(left, 3600.0))
        if (status := _reap(child)) is not None:
            return status
        if arrived and arrived.si_signo != signal.SIGCHLD and deadline == float("inf"):
            deadline = time.monotonic() + grace
            os.kill(child, signal.SIGTERM)
    return 128 + signal.SIGKILL


def _reap(child: int | None = None) -> int | None:
    """Collect every process that has ended. Returns the status of `child` if it is among them."""
    status = None
    while True:
        try:
            pid, wait_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == child:
            code = os.waitstatus_to_exitcode(wait_status)
            status = code if code >= 0 else 128 - code


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]))
