"""OpenEnv's client of an arena. Actions and observations are dictionaries: docs/openenv.md says which."""

from openenv.core import GenericEnvClient


class ForgeArenaEnv(GenericEnvClient):
    """`GenericEnvClient`, under the name that OpenEnv looks for."""
