"""NeMo Gym's resources server for a running arena: it verifies an overseer's verdicts. docs/verifiers.md says more.

`rows.py` writes the dataset. Its rows name episodes by their keys, and `/verify` opens an episode for each rollout.
"""

import os

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)

from forge_agents.client import AsyncArenaClient
from forge_agents.trl.rewards import score_by_keys
from forge_arena.types import Components


class OverseerConfig(BaseResourcesServerConfig):
    """`url` is the arena's; the environment variable `FORGE_ARENA_TOKEN` holds its token, if it wants one."""

    url: str = "http://127.0.0.1:8000"


class OverseerVerifyRequest(BaseVerifyRequest):
    key: str
    digest: str


class OverseerVerifyResponse(OverseerVerifyRequest, BaseVerifyResponse):
    outcome: str
    components: Components | None


class OverseerServer(SimpleResourcesServer):
    """Scores each response as the verdict on its row's episode."""

    config: OverseerConfig

    async def verify(self, body: OverseerVerifyRequest) -> OverseerVerifyResponse:
        """The arena's reward, 0 to 1. A failure is an error of the request, and never a reward."""
        token = os.environ.get("FORGE_ARENA_TOKEN")
        async with AsyncArenaClient(self.config.url, token=token) as client:
            # By the arena's own weights, which need not be the standard ones.
            paid = (await client.prompts()).reward.weights
            scored = await score_by_keys(client, [body.key], [body.digest], [body.response.output_text], paid)
        result = scored.results[0]
        if result is None or result.reward is None:
            raise RuntimeError(f"the arena did not score the verdict on {body.key}")
        return OverseerVerifyResponse(
            **body.model_dump(), reward=result.reward, outcome=result.outcome.value, components=result.components
        )


if __name__ == "__main__":
    OverseerServer.run_webserver()
