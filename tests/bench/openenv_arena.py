"""The arena's episodes behind OpenEnv's own server, as its documentation has one write an environment.

It needs nothing but `openenv` and the arena's base install. Its episodes are in memory alone; those of ForgeArena's own
server are in a database before they are answered.
"""

import argparse
import asyncio
import gc
import socket
from typing import Any

import uvicorn
from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app

from forge_arena.episodes import Arena
from forge_arena.rewards import score
from forge_arena.types import Components, Episode, Probe, Split, ToolUse, Truth, Verdict, View
from forge_arena.verify import Verifier
from forge_arena.workers import open_worker

ARENA = Arena(open_worker("scripted"))


class Judgment(Action):
    detection: bool
    explanation: str
    correction: str
    confidence: float


class Seen(Observation):
    task: str = ""
    source_material: str = ""
    worker_reasoning: str = ""
    worker_output: str = ""
    domain: str = ""
    probes: tuple[Probe, ...] = ()
    probes_left: int = 0
    view: View = View.full
    tool_uses: tuple[ToolUse, ...] = ()
    tools_left: int = 0
    components: Components | None = None
    truth: Truth | None = None


class InThreads(Environment[Judgment, Seen, State]):
    """One episode of split val, named by its seed, and one verdict; OpenEnv gives each session a thread."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._state = State()
        self._made: tuple[Episode, Verifier] | None = None

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Seen:
        return asyncio.run(self._open(seed or 0, episode_id))

    def step(self, action: Judgment, timeout_s: float | None = None, **_: Any) -> Seen:
        assert self._made is not None
        episode, verifier = self._made
        earned = score(episode, Verdict(**action.model_dump(exclude={"metadata"})), verifier)
        self._state.step_count += 1
        return Seen(done=True, reward=earned.reward, components=earned.components, truth=episode.truth)

    @property
    def state(self) -> State:
        return self._state

    async def _open(self, index: int, episode_id: str | None) -> Seen:
        self._made = await ARENA.make_with_verifier(ARENA.key(Split.val, index))
        self._state = State(episode_id=episode_id, step_count=0)
        return Seen(**self._made[0].observation.model_dump())


class OnTheLoop(InThreads):
    """The same with the asynchronous methods, which OpenEnv calls on its event loop."""

    async def reset_async(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Seen:
        return await self._open(seed or 0, episode_id)

    async def step_async(self, action: Judgment, timeout_s: float | None = None, **_: Any) -> Seen:
        return self.step(action)


ENVIRONMENTS = {"threads": InThreads, "loop": OnTheLoop}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", choices=list(ENVIRONMENTS))
    parser.add_argument("sessions", type=int)
    asked = parser.parse_args()
    app = create_fastapi_app(ENVIRONMENTS[asked.environment], Judgment, Seen, max_concurrent_envs=asked.sessions)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    # As ForgeArena's server does for itself.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    print(f"OpenEnv is ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
