"""Run a command that does not outlive its parent, however the parent ends: `python tether.py PARENT COMMAND...`.

Without it, a training run would go on for hours after `kill -9` of the command that began it, and would hold the lock
of its folder. The command is killed, and what it wrote whole stays. Linux only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    # The kernel keeps this over exec.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the kernel was asked to signal its death.
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
