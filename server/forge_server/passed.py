"""Pass accepted connections from the process that listens to the processes that serve.

Why not let all processes accept from one socket? asyncio accepts everything that waits, so one process would take most
connections of a burst. SO_REUSEPORT divides them by chance, and drops those that wait for a process that was killed.
Here each connection goes to the process with the fewest open ones, so two clients always use two processes.

The two ends are a pair of Unix sockets. Down comes one byte with each connection, up goes one byte for each connection
that was closed.
"""

import array
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from forge_server.logs import no_connection_taken

CONNECTION = b"+"
CLOSED = b"-"
_FD = array.array("i").itemsize


class Channel:
    """The listening process's end of a pair. `open` is how many of the connections that went down are still open."""

    def __init__(self) -> None:
        self._own, self.other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._own.setblocking(False)
        self.open = 0

    def fileno(self) -> int:
        return self._own.fileno()

    def send(self, connection: socket.socket) -> bool:
        """Pass a connection on; False if the other process has ended, or takes no more at the moment."""
        try:
            socket.send_fds(self._own, [CONNECTION], [connection.fileno()])
        except OSError:
            return False
        self.open += 1
        return True

    def count_closed(self) -> bool:
        """Read how many connections were closed. False once the other process has ended."""
        try:
            closed = self._own.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.open -= len(closed)
        return closed != b""

    def close(self) -> None:
        self._own.close()
        self.other.close()


class PassedConnections(socket.socket):
    """A serving process's end of a pair. asyncio accepts from it as from a socket that listens.

    `ended` is called when the listening process has ended, perhaps more than once.
    """

    def __init__(self, end: socket.socket, ended: Callable[[], None]) -> None:
        super().__init__(fileno=end.detach())
        self._ended = ended

    def listen(self, backlog: int = 0, /) -> None:
        """Nothing to do: the other process listens."""

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises `BlockingIOError` if there is none at the moment."""
        try:
            sent, control, _, _ = self.recvmsg(1, socket.CMSG_LEN(_FD))
        except ConnectionError:
            # The listening process ended before it had read all counts.
            sent, control = b"", []
        if not sent:
            self._ended()
            raise BlockingIOError
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                (descriptor,) = array.array("i", data[:_FD])
                # A child process that inherited the connection would keep it open.
                os.set_inheritable(descriptor, False)
                return _Connection(descriptor, self), None
        # The kernel drops a descriptor if this process has too many open files.
        no_connection_taken.note("too many open files")
        self.report_closed()
        raise BlockingIOError

    def report_closed(self) -> None:
        """Tell the listening process that one connection is closed."""
        # If the other process has ended, or reads nothing for long, nobody needs the count.
        with suppress(OSError):
            self.send(CLOSED)


class _Connection(socket.socket):
    """A connection that reports when it is closed."""

    def __init__(self, descriptor: int, passed: PassedConnections) -> None:
        super().__init__(fileno=descriptor)
        self._passed: PassedConnections | None = passed

    def close(self) -> None:
        passed, self._passed = self._passed, None
        super().close()
        if passed is not None:
            passed.report_closed()
