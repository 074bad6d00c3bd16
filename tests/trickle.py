"""A peer that answers every request one byte at a time, so that no single read ever waits long."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 600\r\n\r\n"
# What comes at once and what trickles. No limit on one read ends either: a byte is never further away than PAUSE.
WAYS = {"head": (b"", HEAD + b" " * 600), "body": (HEAD, b" " * 600)}
PAUSE = 0.1
LONGEST = 10.0

in_every_way = pytest.mark.parametrize("way", WAYS)


@contextmanager
def trickling(way: str, port: int = 0) -> Iterator[str]:
    """The URL of a server whose answers take far longer than `LONGEST`, after which it gives up, until the block ends."""
    at_once, slowly = WAYS[way]
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        # The client may leave at any byte.
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(at_once)
            deadline = time.monotonic() + LONGEST
            for byte in slowly:
                if ended.wait(PAUSE) or time.monotonic() > deadline:
                    return
                connection.sendall(bytes([byte]))

    def listen(listening: socket.socket) -> None:
        with suppress(OSError):
            while not ended.is_set():
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", port)) as listening:
        threading.Thread(target=listen, args=(listening,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            # Closing alone would not end the wait for a connection.
            listening.shutdown(socket.SHUT_RDWR)
