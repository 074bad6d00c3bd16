"""Python scripts as processes of their own: how they end, how soon after their last line, and what they say on stderr."""

import re
import subprocess
import sys
import time
from dataclasses import dataclass

LAST = "\nimport sys, time; print('last line', time.monotonic(), flush=True)\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """`seconds` count from the script's last line; `said` are all others."""

    code: int
    seconds: float
    said: tuple[str, ...]
    errors: str

    @property
    def complained_of_nothing_but(self) -> str:
        """What the one traceback on stderr is about; all of stderr if there is more than that, or less."""
        own = re.fullmatch(r"Traceback \(most recent call last\):\n(?: .*\n)+(\w.*)\n", self.errors)
        return own[1] if own else self.errors


def end_of(script: str, last: str = "", *, arguments: tuple[str, ...] = (), patience: float = 30.0) -> Ended:
    """Run a script whose last statement is `last`. It is killed, and the test fails, where it does not end."""
    ran = subprocess.run(
        [sys.executable, "-c", script + LAST + last, *arguments],
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    now = time.monotonic()
    lines = ran.stdout.splitlines()
    at = [line for line in lines if line.startswith("last line ")]
    assert at, f"the script did not reach its last line: {ran.stderr}"
    said = tuple(line for line in lines if line not in at)
    return Ended(ran.returncode, now - float(at[0].split()[-1]), said, ran.stderr)
