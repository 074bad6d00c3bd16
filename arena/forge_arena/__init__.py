"""ForgeArena: an environment in which AI overseers learn to tell whether another model's work was tampered with.

Importing the package registers two environments with Gymnasium: `forge_arena/Overseer-v0` makes its episodes in this
process, and `forge_arena/RemoteOverseer-v0` plays the episodes of a server.
"""

from importlib.metadata import PackageNotFoundError, version

import gymnasium

try:
    __version__ = version("forge-arena")
except PackageNotFoundError:  # A checkout on the path that nobody installed.
    __version__ = "0+unknown"

ENV_ID = "forge_arena/Overseer-v0"
REMOTE_ENV_ID = "forge_arena/RemoteOverseer-v0"
# The entry points are texts, so that nothing is loaded before an environment is made. The remote environment is among
# the agents, and is registered here so that one import makes both known.
gymnasium.register(id=ENV_ID, entry_point="forge_arena.env:ForgeArenaEnv")
gymnasium.register(
    id=REMOTE_ENV_ID,
    entry_point="forge_agents.environment:RemoteForgeArenaEnv",
    vector_entry_point="forge_agents.environment:RemoteForgeArenaVectorEnv",
)
