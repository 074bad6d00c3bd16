"""Report an arena that is not there, or that refuses the token, before a model is trained or asked."""


def reach_arena(url: str, token: str | None) -> None:
    """Ask an arena how it is. An arena that is not there is reported at once, and an arena that starts is waited for.

    Raises:
        ArenaError: the arena cannot be reached, does not get ready, or refuses the token.
    """
    from forge_agents.client import ArenaClient

    with ArenaClient(url, token=token, patience=2) as hasty:
        hasty.health()
    with ArenaClient(url, token=token) as client:
        client.stats()
