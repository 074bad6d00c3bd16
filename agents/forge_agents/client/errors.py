"""The errors between a client and its arena. None of them is ever a score."""

from forge_arena.errors import ForgeArenaError
from forge_arena.types import Outcome

# The code of a refusal that says of every key that was asked for: the Worker makes no episode of it.
NO_EPISODE = "no_episode"


class ArenaError(ForgeArenaError):
    """The base of the errors between a client and its arena."""


class BadArenaURL(ForgeArenaError, ValueError):
    """The URL of the arena is no such URL. The message says what it should look like."""


class ArenaUnreachable(ArenaError):
    """No answer came within the client's patience: the connection was refused, timed out or was cut off."""


class BadSelection(ArenaError, ValueError):
    """The request for episodes makes no sense, so it was not sent. The message names the field and what it may be."""


class ArenaRefused(ArenaError):
    """The arena said no: HTTP `status`, stable `code`, and a `message` that says what to do.

    `outcome` is the episode's outcome if the reason is a failure (`worker_failed`, `infra_failed`), otherwise None.
    `retry_after` is how many seconds the arena asks to wait.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        outcome: Outcome | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} (HTTP {status}, {code})")
        self.status = status
        self.code = code
        self.message = message
        self.outcome = outcome
        self.retry_after = retry_after


class ArenaGarbled(ArenaError):
    """The answer does not fit the request: another service, another version, or a defect."""
