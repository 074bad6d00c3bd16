"""Play whole episodes against ForgeArena's REST API or an OpenEnv server: open one by name, give one verdict."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

Verdicts = Sequence[tuple[int, dict[str, Any]]]
"""Indices of split val, each with the verdict to give."""
Wire = Literal["rest", "websocket"]


@dataclass
class Played:
    """The rewards by index, and the seconds that each request took."""

    seconds: float = 0.0
    rewards: dict[int, float] = field(default_factory=dict)
    opening: list[float] = field(default_factory=list)
    judging: list[float] = field(default_factory=list)


def play(url: str, wire: Wire, verdicts: Verdicts, connections: int, together: int = 1) -> Played:
    """Play each index once, `together` in a request, over so many connections that are kept."""
    return asyncio.run(_play(url, wire, verdicts, connections, together))


async def _play(url: str, wire: Wire, verdicts: Verdicts, connections: int, together: int) -> Played:
    played = Played()
    parts = iter([verdicts[start : start + together] for start in range(0, len(verdicts), together)])

    async def timed(into: list[float], work: Awaitable[Any]) -> Any:
        begin = time.perf_counter()
        done = await work
        into.append(time.perf_counter() - begin)
        return done

    async def rest(http: aiohttp.ClientSession) -> None:
        async def post(path: str, body: object) -> Any:
            async with http.post(url + path, json=body) as response:
                assert response.status == 200, await response.text()
                return json.loads(await response.read())

        for part in parts:
            keys = [f"forge:5:val:{index}" for index, _ in part]
            opened = (await timed(played.opening, post("/v1/episodes", {"keys": keys})))["episodes"]
            given = [
                {"episode_id": episode["episode_id"], "attempt": 0, "verdict": verdict}
                for episode, (_, verdict) in zip(opened, part, strict=True)
            ]
            results = (await timed(played.judging, post("/v1/verdicts", {"verdicts": given})))["results"]
            played.rewards |= {index: result["reward"] for (index, _), result in zip(part, results, strict=True)}

    async def websocket(http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(url + "/ws", max_msg_size=0) as socket:

            async def ask(kind: str, data: object) -> Any:
                await socket.send_json({"type": kind, "data": data})
                reply = await socket.receive_json()
                assert reply["type"] == "observation", reply
                return reply["data"]

            for ((index, verdict),) in parts:
                await timed(played.opening, ask("reset", {"seed": index, "split": "val"}))
                played.rewards[index] = (await timed(played.judging, ask("step", verdict)))["reward"]

    one: Callable[[aiohttp.ClientSession], Awaitable[None]] = rest if wire == "rest" else websocket
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        begin = time.perf_counter()
        await asyncio.gather(*(one(http) for _ in range(connections)))
        played.seconds = time.perf_counter() - begin
    return played
