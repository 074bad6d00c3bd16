"""Ask the other processes of one server what they hold in memory: counts, the last verdicts, open sessions.

Each process answers on a Unix socket in a folder that only the server's user may enter. A question is one JSON object,
and so is its answer. Everything that must be durable or exact is in the store instead.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from forge_server.errors import Refused
from forge_server.logs import log

Answer = Callable[[dict[str, Any]], Awaitable[Any]]
# Seconds that a question waits. A process that is starting or ending does not answer.
PATIENCE = 2.0


class Siblings:
    """The other processes of a server of `count` processes, of which this one is `number`, from 0 on.

    A server of one process has no siblings, and needs no folder.
    """

    def __init__(self, folder: Path | None = None, number: int = 0, count: int = 1) -> None:
        self.folder = folder
        self.number = number
        self.count = count
        self._answers: Mapping[str, Answer] = {}
        self._server: asyncio.Server | None = None

    async def listen(self, answers: Mapping[str, Answer]) -> None:
        """Answer the questions of the others from now on, each kind by its function."""
        self._answers = answers
        if self.folder is not None:
            place = self._place(self.number)
            # A process that was killed leaves its socket behind.
            place.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, place)

    async def ask(self, kind: str, question: dict[str, Any] | None = None, patience: float = PATIENCE) -> list[Any]:
        """The answers of the other processes, in any order. A process that does not answer within `patience` seconds,
        or that is not ready, is left out."""
        if self.folder is None:
            return []
        sent = json.dumps({"kind": kind, "question": question or {}}).encode()
        others = (number for number in range(self.count) if number != self.number)
        answers = await asyncio.gather(*(self._ask_one(number, sent, patience) for number in others))
        return [answer for answer in answers if answer is not None]

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            self._place(self.number).unlink(missing_ok=True)

    async def _ask_one(self, number: int, sent: bytes, patience: float) -> Any:
        """The answer of one process, None if there is none."""
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_unix_connection(self._place(number))
                try:
                    writer.write(sent)
                    writer.write_eof()
                    # A process that is not ready answers nothing, and one that is killed meanwhile half of its answer.
                    return json.loads(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError) as error:
            log.debug("no_answer", process=number, error=type(error).__name__)
            return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.read())
            writer.write(json.dumps(await self._answers[asked["kind"]](asked["question"])).encode())
            await writer.drain()
        # A question that its asker gave up is no JSON.
        except (OSError, Refused, ValueError) as error:
            log.debug("answer_lost", error=type(error).__name__)
        finally:
            writer.close()

    def _place(self, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"{number}.sock"
