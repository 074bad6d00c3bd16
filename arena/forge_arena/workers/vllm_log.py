"""The log of a vLLM: where it is kept, what one life of the engine wrote to it, and the line that says why it ended."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# A failed start writes a few hundred lines; this many bytes from the end hold them.
TAIL = 400_000
LONGEST_LINE = 400

LINE_START = re.compile(r"^(?:\((?P<process>[^)]*pid=\d+)\) ?)?(?:[A-Z]+ \d\d-\d\d [\d:]+ \[[^\]]*\] ?)?")
EXCEPTION = re.compile(
    r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Failure|Exit|Interrupt)\b(?:: .+)?$|^[\w./ -]+: error: .+"
)
# A process writes these after another process, for which it waited, has failed.
CONSEQUENCE = re.compile(r"root cause above|EngineDeadError|stack trace \(above\)|initialization failed|CancelledError")


@dataclass(frozen=True)
class LogOfLife:
    """What one life of an engine writes to a log: everything from byte `start` on."""

    path: Path
    start: int

    def text(self) -> str:
        """What this life has written, or the last part of it."""
        with self.path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self.start, size - TAIL))
            return log.read().decode("utf-8", "replace")

    def last_line(self) -> str:
        return last_line(self.text())

    def cause(self) -> str:
        """Why the engine ended, as the end of a message: the useful line, or otherwise the last words."""
        text = self.text()
        line = useful_line(text)
        return f"{f': {line}' if line else f', last words: {last_line(text)}'} (log: {self.path})"


def begin_life(log: BinaryIO, path: Path, command: str) -> LogOfLife:
    """Write the heading of a new life. `log` is `path`, opened for appending."""
    log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {command}\n".encode())
    log.flush()
    return LogOfLife(path, log.tell())


def default_path() -> Path:
    """A new file among the caches of this user."""
    return Path.home() / ".cache" / "forge-arena" / f"vllm-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


def useful_line(log: str) -> str | None:
    """The exception that ended a vLLM, on one line; None if its log holds none.

    The process that failed first wrote the cause. Other processes waited for it, and write consequences later. Within one
    process, the last exception ended it.
    """
    cause: str | None = None
    owner: str | None = None
    lines = log.splitlines()
    for number, line in enumerate(lines):
        start = LINE_START.match(line)
        message = line[start.end() :] if start else line
        if not EXCEPTION.match(message) or CONSEQUENCE.search(message):
            continue
        process = (start["process"] if start else None) or ""
        if cause is not None and process != owner:
            break
        owner, cause = process, message
        if "validation error" in message and number + 1 < len(lines):
            cause = f"{message}: {LINE_START.sub('', lines[number + 1], count=1)}"
    return _one_line(cause) if cause else None


def last_line(log: str) -> str:
    """The last line that is not empty, without time and place."""
    for line in reversed(log.splitlines()):
        if message := LINE_START.sub("", line, count=1).strip():
            return _one_line(message)
    return "nothing"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line[: LONGEST_LINE - 3] + "..." if len(line) > LONGEST_LINE else line
