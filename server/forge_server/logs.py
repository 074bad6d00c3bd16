"""Write the log: one event a line with its request id, as JSON or for a terminal. Bodies are never logged."""

import logging
import math
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO, cast

import structlog


class LossyStream:
    """A stream that drops the lines that it cannot write, so that a full disk under the log fails no requests.

    Measured: without this class a server whose stderr is /dev/full answers 10 of 10 requests with 503, with it none.
    The test is `pytest tests/server/test_serve.py -k full_disk`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure(level: str, as_json: bool) -> None:
    """Set up structlog for this process. The log goes to stderr, because stdout is for the command's results."""
    structlog.configure(
        processors=[*_facts(), *_rendering(as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, LossyStream(sys.stderr))),
        cache_logger_on_first_use=False,
    )


def take_over(level: str, as_json: bool) -> None:
    """Write the warnings and errors of libraries in the form of our own log.

    If the form is JSON, uncaught exceptions are written as JSON too, because one line that is no JSON can stop a
    program that reads the log.
    """
    handler = logging.StreamHandler(cast(TextIO, LossyStream(sys.stderr)))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_facts()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json)],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(_number(level), logging.WARNING), force=True)
    logging.captureWarnings(True)
    if as_json:
        sys.excepthook = _log_crash
        sys.unraisablehook = lambda hook: log.error("unraisable", exc_info=hook.exc_value)
        threading.excepthook = lambda hook: log.error("thread_ended", exc_info=hook.exc_value)


def _log_crash(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    log.critical("crashed", reason=str(error), exc_info=error)


def _facts() -> list[Any]:
    """The processors that add what every line holds."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendering(as_json: bool) -> list[Any]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # structlog's default traceback shows local variables, and so the truth of an episode.
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


log = structlog.get_logger("forge_server")


class RareWarning:
    """A warning about what may happen thousands of times a second: one line in `every` seconds.

    The line says in `times` how often it happened since the line before.
    """

    def __init__(self, event: str, every: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._every = every
        self._clock = clock
        self._next = -math.inf
        self._times = 0

    def note(self, error: object) -> None:
        self._times += 1
        if self._clock() >= self._next:
            log.warning(self._event, error=str(error), times=self._times)
            self._next = self._clock() + self._every
            self._times = 0


# This process could not take a connection, mostly because it has too many open files.
no_connection_taken = RareWarning("no_connection_taken")
