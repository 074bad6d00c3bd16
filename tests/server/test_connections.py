"""A connection on which no request comes is closed, and one that is in use stays open."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from forge_server.connections import Connection

SECONDS = 1
HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\n"


async def slow(_: Request) -> PlainTextResponse:
    await asyncio.sleep(2 * SECONDS)
    return PlainTextResponse("late")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = Starlette(routes=[Route("/", slow), WebSocketRoute("/ws", echo)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=Connection, timeout_keep_alive=SECONDS, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def trickle(writer: asyncio.StreamWriter) -> None:
    for number in range(100):
        writer.write(f"x-{number}: more\r\n".encode())
        await asyncio.sleep(SECONDS / 5)


@pytest.mark.parametrize("head", [b"", b"GET / HT", HEAD])
async def test_a_connection_without_a_whole_head_is_closed(port: int, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    # Every line that comes later resets uvicorn's own timer.
    trickling = asyncio.create_task(trickle(writer)) if head == HEAD else None
    async with asyncio.timeout(5 * SECONDS):
        assert await reader.read() == b""
    if trickling is not None:
        trickling.cancel()
    writer.close()


async def test_a_request_may_take_longer_than_its_head_and_its_connection_then_waits_for_the_next_one(
    port: int,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(15 * SECONDS):
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"late")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(SECONDS / 2)
        # Half of a third head.
        writer.write(HEAD)
        assert await reader.read() == b""
    writer.close()


async def test_a_websocket_stays_open(port: int) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"http://127.0.0.1:{port}/ws") as websocket:
        await asyncio.sleep(2 * SECONDS)
        await websocket.send_str("still here")
        answer: Any = await websocket.receive_str(timeout=5)
        assert answer == "still here"
