"""What can go wrong between a client and its arena. None of these is ever a score."""

from forge_arena.errors import ForgeArenaError
from forge_arena.types import Outcome


class ArenaError(ForgeArenaError):
    """The base of what can go wrong between a client and its arena."""


class BadArenaURL(ForgeArenaError, ValueError):
    """The address of the arena is not one. The message says what an address looks like."""


class ArenaUnreachable(ArenaError):
    """No answer came: refused, timed out or cut off, for as long as the client was told to be patient."""


class ArenaRefused(ArenaError):
    """The arena said no: HTTP `status`, stable `code`, and a `message` that says what to do.

    `outcome` is what became of the episode where the reason is a failure (`worker_failed`, `infra_failed`), otherwise
    None. `retry_after` is how many seconds the arena asks to wait.
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
