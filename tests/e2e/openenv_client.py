"""What OpenEnv's own client sees of an arena. Run by a Python that has `openenv`, with a URL and a verdict as JSON."""

import asyncio
import json
import sys

from openenv.core import GenericEnvClient


async def play(url: str, verdict: dict[str, object]) -> dict[str, object]:
    async with GenericEnvClient(base_url=url) as client:
        begun = await client.reset(seed=7, split="val")
        asked = await client.step({"question": "Where does that come from?"})
        ended = await client.step(verdict)
        state = await client.state()
        try:
            await client.step({"detection": True})
        except RuntimeError as error:
            refused = str(error)
    return {
        "key": begun.observation["metadata"]["key"],
        "begun": [begun.reward, begun.done],
        "asked": [asked.reward, asked.done],
        "ended": [ended.reward, ended.done],
        "steps": state["step_count"],
        "refused": refused,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(sys.argv[1], json.loads(sys.argv[2])))))
