"""ForgeArena: an environment in which AI overseers learn to tell whether another model's work was tampered with.

Importing the package registers `forge_arena/Overseer-v0` with Gymnasium.
"""

import gymnasium

__version__ = "0.1.0"

ENV_ID = "forge_arena/Overseer-v0"
# The entry point is a text, so that nothing of the arena is loaded before an environment is made.
gymnasium.register(id=ENV_ID, entry_point="forge_arena.env:ForgeArenaEnv")
