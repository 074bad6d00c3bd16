"""Talk to an arena over HTTP: one reading of the API, and two thin ways to send it, blocking and async.

`calls` decides what to send and how to read the answer, in pure functions; the clients only move bytes and retry.
Everything can be retried: the same verdict again gets the answer it got before, and an episode opened twice merely
expires unused. Only a failed Worker is reported at once.
"""

from forge_agents.client.calls import Selection
from forge_agents.client.clients import ArenaClient, AsyncArenaClient
from forge_agents.client.errors import ArenaError, ArenaGarbled, ArenaRefused, ArenaUnreachable, BadArenaURL

__all__ = [
    "ArenaClient",
    "ArenaError",
    "ArenaGarbled",
    "ArenaRefused",
    "ArenaUnreachable",
    "AsyncArenaClient",
    "BadArenaURL",
    "Selection",
]
