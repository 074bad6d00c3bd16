"""Connections go from one process to another, and the closing of each is counted."""

import asyncio
import os
import socket

import pytest

from forge_server.passed import Channel, PassedConnections


def connected() -> tuple[socket.socket, socket.socket]:
    """A client's end of a TCP connection, and the end that was accepted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


async def test_asyncio_serves_a_passed_connection_and_its_closing_is_counted() -> None:
    channel = Channel()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(echo, sock=PassedConnections(channel.other, lambda: None))
    client, accepted = connected()
    assert channel.send(accepted)
    accepted.close()
    assert channel.open == 1
    reader, writer = await asyncio.open_connection(sock=client)
    writer.write(b"hello\n")
    assert await reader.read() == b"hello\n"
    async with asyncio.timeout(5):
        while channel.open:
            await asyncio.sleep(0.01)
            assert channel.count_closed()
    writer.close()
    server.close()
    channel.close()


def test_nobody_waits_for_a_connection_that_is_not_there() -> None:
    channel = Channel()
    passed = PassedConnections(channel.other, lambda: None)
    passed.setblocking(False)
    with pytest.raises(BlockingIOError):
        passed.accept()
    assert channel.count_closed()
    passed.close()
    channel.close()


def test_the_end_of_either_process_is_noticed_by_the_other() -> None:
    ended: list[bool] = []
    channel = Channel()
    passed = PassedConnections(channel.other, lambda: ended.append(True))
    # It has not read that a connection was closed.
    passed.report_closed()
    channel.close()
    with pytest.raises(BlockingIOError):
        passed.accept()
    assert ended == [True]
    passed.close()
    channel = Channel()
    channel.other.close()
    client, accepted = connected()
    assert not channel.count_closed()
    assert not channel.send(accepted)
    for one in (client, accepted):
        one.close()
    channel.close()


def test_a_process_that_takes_nothing_is_full_at_some_time() -> None:
    channel = Channel()
    client, accepted = connected()
    sent = 0
    while channel.send(accepted):
        sent += 1
        assert sent < 100_000
    assert sent == channel.open > 100
    for one in (client, accepted):
        one.close()
    channel.close()


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    channel = Channel()
    passed = PassedConnections(channel.other, lambda: None)
    client, accepted = connected()
    channel.send(accepted)
    accepted.close()
    served, _ = passed.accept()
    # Otherwise a child process would keep the connection open.
    assert not served.get_inheritable()
    for one in (served, client, passed):
        one.close()
    channel.close()
    assert len(os.listdir("/proc/self/fd")) == before
