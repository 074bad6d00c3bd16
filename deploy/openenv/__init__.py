"""ForgeArena as an environment that OpenEnv pushes to a Space."""

from .client import ForgeArenaEnv

__all__ = ["ForgeArenaEnv"]
