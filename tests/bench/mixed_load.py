"""What clients ask of an arena, all at once: episodes, verdicts, probes, a look back."""

import asyncio
import json
import random
import time
from collections import defaultdict
from typing import Any

import aiohttp

CLIENTS = 16
Times = dict[str, list[float]]


def clients(url: str, seconds: float) -> tuple[int, Times]:
    """Sixteen clients in a process of their own; how many episodes they judged, and the seconds of each request."""
    return asyncio.run(_clients(url, seconds))


async def _clients(url: str, seconds: float) -> tuple[int, Times]:
    times: Times = defaultdict(list)
    judged = 0
    end = time.monotonic() + seconds

    async def client(number: int, http: aiohttp.ClientSession) -> None:
        nonlocal judged
        rng = random.Random(number)

        async def ask(name: str, method: str, path: str, body: object = None) -> Any:
            begin = time.perf_counter()
            async with http.request(method, url + path, json=body) as response:
                said = await response.read()
            times[name].append(time.perf_counter() - begin)
            # One key in ten thousand makes no episode.
            none = response.status == 503 and json.loads(said)["error"]["code"] == "no_episode"
            assert none or response.status == 200, (name, response.status, said[:300])
            return {"episodes": []} if none else json.loads(said)

        while time.monotonic() < end:
            named = rng.random() < 0.1
            wanted = {"keys": [f"forge:5:val:{rng.randrange(10_000)}"]} if named else {"count": 2, "attempts": 2}
            opened = await ask("open by key" if named else "open from the stream", "POST", "/v1/episodes", wanted)
            for episode in opened["episodes"]:
                id, output = episode["episode_id"], episode["observation"]["worker_output"]
                if rng.random() < 0.05:
                    await ask("probe", "POST", f"/v1/episodes/{id}/probe", {"question": "Are you sure of that?"})
                verdict = {
                    "detection": rng.random() < 0.5,
                    "explanation": f'temporal_shift: it says "{output[:120]}"',
                    "correction": output.rpartition(". ")[0],
                    "confidence": 0.7,
                }
                given = [{"episode_id": id, "attempt": n, "verdict": verdict} for n in range(episode["attempts_left"])]
                await ask("verdicts", "POST", "/v1/verdicts", {"verdicts": given})
                judged += 1
                if rng.random() < 0.05:
                    await ask("look at an episode", "GET", f"/v1/episodes/{id}")

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(client(number, http) for number in range(CLIENTS)))
    return judged, dict(times)
