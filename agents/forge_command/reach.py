"""Report an arena that is not there, or that refuses the token, before a model is trained or asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from forge_command.console import fail

UNAUTHORIZED = 401


def reach_arena(url: str, token: str | None) -> None:
    """Ask an arena how it is. An arena that is not there is reported at once, and an arena that starts is waited for.

    Raises:
        ArenaError: the arena cannot be reached, or does not get ready.
        typer.Exit: the arena refuses the token; the message says how to give another.
    """
    from forge_agents.client import ArenaClient

    with ArenaClient(url, token=token, patience=2) as hasty:
        hasty.health()
    with ArenaClient(url, token=token) as client, token_hint():
        client.stats()


@contextmanager
def token_hint() -> Iterator[None]:
    """Say how to give a token if the arena refuses a request of the block for lack of one."""
    from forge_agents.client import ArenaRefused

    try:
        yield
    except ArenaRefused as refusal:
        if refusal.status != UNAUTHORIZED:
            raise
        raise fail(f"{refusal}: give the arena's token by --token or FORGE_ARENA_TOKEN") from None
