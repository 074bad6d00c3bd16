"""An OpenAI-compatible endpoint in this process, for whatever asks one; only what its model says is made up."""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

Reaction = Callable[[dict[str, Any]], Awaitable[Response]]


def refusal(status: int, message: str, headers: dict[str, str] | None = None, **error: Any) -> Response:
    return JSONResponse({"error": {"message": message, **error}}, status, headers)


def completion(
    content: str | list[dict[str, Any]] | None, finish: str = "stop", *, usage: Any = None, **message: Any
) -> Response:
    body = {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "brain",
        "usage": usage,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
    }
    return JSONResponse(body)


@dataclass
class Brain:
    """Reacts to the n-th chat request by the n-th of `reactions`, from then on by the last one."""

    url: str
    reactions: list[Response | Reaction] = field(default_factory=lambda: [completion("Fine.")])
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def react(self, request: Request) -> Response:
        body = await request.json()
        reaction: Response | Reaction = self.reactions[min(len(self.seen), len(self.reactions) - 1)]
        self.seen.append(body)
        self.headers.append(dict(request.headers))
        self.times.append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return reaction if isinstance(reaction, Response) else await reaction(body)
        finally:
            self.at_once -= 1


Route = Callable[[Request], Awaitable[Response]]


@contextmanager
def serving(posts: dict[str, Route], gets: dict[str, Route] | None = None) -> Iterator[str]:
    """The URL of a server in this process that answers POST and GET by these paths, until the block ends."""
    app = FastAPI()
    for path, route in posts.items():
        app.add_route(path, route, methods=["POST"])
    for path, route in (gets or {}).items():
        app.add_route(path, route, methods=["GET"])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@contextmanager
def running_brain() -> Iterator[Brain]:
    """A brain whose server runs until the block ends."""
    brain = Brain("")

    async def models(_: Request) -> Response:
        return JSONResponse(
            {"object": "list", "data": [{"id": "brain", "object": "model", "created": 1, "owned_by": "us"}]}
        )

    async def page(_: Request) -> Response:
        return Response("<!doctype html><title>Welcome</title>", media_type="text/html")

    posts = {"/v1/chat/completions": brain.react, "/wrong/chat/completions": page}
    with serving(posts, {"/v1/models": models}) as url:
        brain.url = f"{url}/v1"
        yield brain
