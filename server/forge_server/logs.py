"""Log in structure: one event a line with its request id, as JSON or for a terminal. Bodies are never logged."""

import logging
import sys
from typing import Any

import structlog


def configure(level: str, as_json: bool) -> None:
    """Set up structlog for this process; everything goes to stderr, so that stdout stays for the command's results."""
    # The default traceback shows local variables, and so the truth of an episode.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    rendering: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()] if as_json else [plain]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


log = structlog.get_logger("forge_server")
