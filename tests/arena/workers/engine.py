"""What a VLLMWorker starts in the place of vLLM: a process of its own with a real HTTP server; only the brain is played.

It is called as `vllm serve MODEL --host H --port P ...`. MODEL is a folder. Its file `mood` says what becomes of chats:
`well` answers, `hangs` never does, `slow` answers only chats of one token at once, and `ends` does not even start. Its
file `lives` counts the starts, and a mood after a colon begins with that life: `well:3`.
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from brain import completion


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("model", type=Path)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    given, _ = parser.parse_known_args()
    lives = given.model / "lives"
    life = int(lives.read_text()) + 1 if lives.exists() else 1
    lives.write_text(str(life))
    if (given.model / "mood").read_text() == "ends":
        raise SystemExit("OSError: the weights are not there")
    chats = 0
    app = FastAPI()

    @app.get("/health")
    async def health() -> Response:
        return Response()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        nonlocal chats
        chats += 1
        body: dict[str, Any] = await request.json()
        mood, _, first = (given.model / "mood").read_text().partition(":")
        # The first chat of a life is that of its start.
        if chats > 1 and life >= int(first or 1) and (mood == "hangs" or (mood == "slow" and body["max_tokens"] > 1)):
            await asyncio.Event().wait()
        return completion("It takes 5 days.")

    uvicorn.run(app, host=given.host, port=given.port, log_level="error", timeout_graceful_shutdown=1)


main()
