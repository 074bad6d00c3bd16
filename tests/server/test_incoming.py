"""A body that is not read: its sender still gets the answer, and cannot keep the connection by sending on."""

import asyncio
import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

BIG = b'{"verdicts":"' + b"a" * 10_000_000 + b'"}'


def post(url: str, body: Any, **headers: str) -> tuple[int, str]:
    """Status and code of the answer, as a client sees it that writes its whole body before it reads anything."""
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]["code"]


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 100_000):
        yield b"a" * 100_000


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/verdicts", 413, "body_too_large"),
        ("/v1/curriculum", 413, "body_too_large"),
        ("/v1/episodes/x/probe", 413, "body_too_large"),
        ("/step", 413, "body_too_large"),
        ("/mcp", 413, "body_too_large"),
        ("/nowhere", 413, "body_too_large"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_plain_client_is_told_that_its_body_is_too_large(
    shared_server: Any, path: str, status: int, code: str, chunked: bool
) -> None:
    if chunked and path == "/nowhere":
        status, code = 404, "not_found"
    body = chunks(len(BIG)) if chunked else BIG
    assert await asyncio.to_thread(post, f"{shared_server.http.base_url}{path}", body) == (status, code)


async def test_a_plain_client_with_a_large_body_is_told_whatever_it_is_refused_for(serve: Any, moody: Any) -> None:
    large = b"a" * 1_000_000
    async with serve(tokens=("player:a token to play",), rate=0.01) as running:
        url = str(running.http.base_url)
        play = {"authorization": "Bearer a token to play"}
        for body in (large, chunks(len(large))):
            assert await asyncio.to_thread(post, url + "/v1/verdicts", body) == (401, "unauthorized")
        foreign = {**play, "origin": "https://evil.example"}
        assert await asyncio.to_thread(post, url + "/v1/verdicts", large, **foreign) == (403, "cross_site")
        assert await asyncio.to_thread(post, url + "/v1/curriculum", large, **play) == (403, "forbidden")
        assert await asyncio.to_thread(post, url + "/v1/stats", large, **play) == (405, "method_not_allowed")
        assert await asyncio.to_thread(post, url + "/v1/verdicts", large, **play) == (429, "too_fast")
    worker = moody()
    worker.started.clear()
    async with serve(worker=worker, wait=False) as running:
        url = f"{running.http.base_url}/v1/verdicts"
        assert await asyncio.to_thread(post, url, large) == (503, "starting")
        worker.started.set()


async def test_a_refused_request_with_a_small_body_keeps_its_connection(serve: Any) -> None:
    async with serve(tokens=("a token to play",)) as running:

        def ask() -> list[int]:
            connection = http.client.HTTPConnection(running.http.base_url.host, running.http.base_url.port)
            statuses = []
            sockets = set()
            for _ in range(3):
                connection.request("POST", "/v1/verdicts", b'{"verdicts": []}')
                sockets.add(connection.sock)
                with connection.getresponse() as answer:
                    answer.read()
                    statuses.append(answer.status)
            assert len(sockets) == 1
            connection.close()
            return statuses

        assert await asyncio.to_thread(ask) == [401, 401, 401]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_client_that_asks_before_it_sends_is_refused_before_it_sends(shared_server: Any) -> None:
    head = b"POST /v1/verdicts HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 10000000\r\n\r\n"
    reader, writer = await asyncio.open_connection(shared_server.http.base_url.host, shared_server.http.base_url.port)
    writer.write(head)
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    writer.close()


def send_for_ever(host: str, port: int, piece: bytes, pause: float) -> tuple[bytes, int]:
    """What comes back before the connection ends, and how many bytes went out until then."""
    sent = 0
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        answer = b""
        try:
            answer = connection.recv(10_000)
            while True:
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent += len(piece)
                time.sleep(pause)
        except OSError:
            return answer, sent


@pytest.mark.parametrize(("piece", "pause"), [(b"a" * 1_000_000, 0.0), (b"a", 0.1)])
async def test_a_client_that_sends_for_ever_is_answered_and_let_go(serve: Any, piece: bytes, pause: float) -> None:
    async with serve(body_timeout=1.0) as running:
        host, port = running.http.base_url.host, running.http.base_url.port
        async with asyncio.timeout(30):
            answer, sent = await asyncio.to_thread(send_for_ever, host, port, piece, pause)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in answer
    assert sent < 200_000_000
