"""Talk to an arena over HTTP, by a blocking client or an async one.

`calls` decides what to send and how to read the answer, in pure functions; the clients only move bytes and retry. Every
request can be sent again. The same verdict gets the same answer again, and an episode that was opened twice expires
unused. If the Worker fails, the client raises at once, because the server has already asked the Worker again.
"""

from forge_agents.client.calls import Selection
from forge_agents.client.clients import PATIENCE, ArenaClient, AsyncArenaClient
from forge_agents.client.errors import (
    ArenaError,
    ArenaGarbled,
    ArenaRefused,
    ArenaUnreachable,
    BadArenaURL,
    BadSelection,
)

__all__ = [
    "PATIENCE",
    "ArenaClient",
    "ArenaError",
    "ArenaGarbled",
    "ArenaRefused",
    "ArenaUnreachable",
    "AsyncArenaClient",
    "BadArenaURL",
    "BadSelection",
    "Selection",
]
