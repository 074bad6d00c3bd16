"""A real arena server whose Worker fails, or writes nothing, while a file exists; run by the tests of the clients."""

import sys
from pathlib import Path
from random import Random

from forge_arena.episodes import Arena
from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, Probe, Scenario
from forge_arena.workers import HiddenInstruction, ScriptedWorker
from forge_server.app import create_app
from forge_server.settings import Settings


class MoodyWorker(ScriptedWorker):
    """The scripted Worker, down while the file `down` is there. While `mute` is there, its answers are empty."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._down, self._mute = folder / "down", folder / "mute"

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        self._check()
        if self._mute.exists():
            return Answer(reasoning="", output="")
        return await super().answer(scenario, rng, hidden)

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        self._check()
        return await super().reply(scenario, answer, probes, question, rng)

    def _check(self) -> None:
        if self._down.exists():
            raise WorkerFailed("the engine answered 500")


def main(folder: Path) -> None:
    import socket

    import uvicorn

    settings = Settings(port=0, store=f"sqlite:///{folder}/moody.db", stock=1, log_level="error")
    app = create_app(settings, Arena(MoodyWorker(folder), secret="for tests only"))
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"ForgeArena is ready at http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on")).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
