"""Send a request to an arena, and decide whether and when to send it again."""

import asyncio
import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from forge_agents.client.calls import Call
from forge_agents.client.errors import ArenaRefused, ArenaUnreachable, BadArenaURL
from forge_arena.errors import BadArgument
from forge_arena.secrecy import fits_header
from forge_arena.types import Outcome

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER = frozenset({429, 502, 503, 504})
LONGEST_CONNECT = 10.0
# Seconds without an answer after which a person is told that the client still waits.
SILENT_FOR = 10.0


@dataclass(frozen=True, slots=True)
class Transport:
    """How to reach an arena and how long to keep trying; the same for both clients."""

    url: str
    token: str | None
    timeout: float
    patience: float

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise BadArenaURL(f"arena URL {self.url!r} is not a URL: {error}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise BadArenaURL(f"arena URL must be like http://127.0.0.1:8000, got {self.url!r}")
        if url.path.rstrip("/").endswith("/v1"):
            raise BadArenaURL(f"arena URL must come without /v1, got {self.url!r}")
        if self.token is not None and not fits_header(self.token):
            raise BadArgument(
                "the token holds a character that no token has, such as a line break or a letter with an accent: copy "
                "the token alone, and the whole of it"
            )
        if self.timeout <= 0 or self.patience < 0:
            raise ValueError(
                f"timeout must be above 0 and patience at least 0, got timeout={self.timeout}, patience={self.patience}"
            )

    def settings(self) -> dict[str, Any]:
        return {
            "base_url": self.url,
            # httpx restarts its other limits with every byte. `exchange` limits the whole answer.
            "timeout": httpx.Timeout(None, connect=LONGEST_CONNECT),
            "headers": {"Authorization": f"Bearer {self.token}"} if self.token else {},
            # A proxy from the environment cannot reach this machine's own loopback.
            "trust_env": not _is_loopback(httpx.URL(self.url).host),
        }

    def retrying(self) -> dict[str, Any]:
        return {
            "retry": tenacity.retry_if_exception(_worth_another_try),
            "wait": _wait,
            "stop": tenacity.stop_before_delay(self.patience),
            "reraise": True,
        }

    async def exchange(self, http: httpx.AsyncClient, call: Call[Any]) -> httpx.Response:
        """Send a request once and read the whole answer within `timeout`."""
        headers = {"Content-Type": "application/json"} if call.body is not None else {}
        try:
            async with asyncio.timeout(self.timeout):
                with self._notice_of_waiting(call):
                    return await http.request(call.method, call.path, content=call.body, headers=headers)
        except TimeoutError:
            raise ArenaUnreachable(
                f"no whole answer from the arena at {self.url} within {self.timeout:g} s: is it overloaded, or is this "
                "another service? Look at the log of the server, and try again"
            ) from None
        except httpx.TransportError as error:
            raise ArenaUnreachable(
                f"no answer from the arena at {self.url} ({type(error).__name__}: {error}): is it running there? "
                "forge-arena serve starts one"
            ) from error

    @contextmanager
    def _notice_of_waiting(self, call: Call[Any]) -> Iterator[None]:
        """Say so if the block still waits after `SILENT_FOR` seconds.

        Nothing is said of a request that may wait for a Worker or for the grading of many verdicts. None of these is a
        GET.
        """
        if call.method != "GET":
            yield
            return
        notice = asyncio.get_running_loop().call_later(
            SILENT_FOR,
            logger.warning,
            "No answer from the arena at %s for %g s, still waiting (%g s at most)",
            self.url,
            SILENT_FOR,
            self.timeout,
        )
        try:
            yield
        finally:
            notice.cancel()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, ArenaRefused):
        # The server has already asked the Worker again. The caller decides what to do without that episode.
        return error.status in TRY_AGAIN_LATER and error.outcome is not Outcome.worker_failed
    return isinstance(error, ArenaUnreachable)


_backoff = tenacity.wait_random_exponential(multiplier=0.2, max=5.0)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    retry_after = error.retry_after if isinstance(error, ArenaRefused) else None
    # Always with jitter, because otherwise all clients of a full server come back in the same moment.
    return (retry_after or 0.0) + _backoff(state)
