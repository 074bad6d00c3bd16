"""Serve with several processes behind one port: start them, give each its connections, replace one that dies.

This process only listens and passes each connection on (`passed`); it reads no request. The processes share the store,
as replicas do, and ask one another for what is in memory (`siblings`).

Why not uvicorn's own supervisor? It lets all processes accept from one socket, which divides connections unevenly. It
knows no process that runs but is not ready. And it starts a process again for ever whose Worker cannot be used.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from forge_arena.errors import ForgeArenaError, WorkerFailed
from forge_server import logs
from forge_server.logs import log, no_connection_taken
from forge_server.passed import Channel, PassedConnections
from forge_server.running import GRACE, run_server
from forge_server.settings import Settings, SettingsError
from forge_server.siblings import Siblings

# Seconds after which a process that was told to end is killed. It finishes its requests, and then commits.
PATIENCE = GRACE + 10.0
# How many times in a row a process may die before it is ready. Another start would not help then.
TRIES = 3
# Seconds before a process is started again that died before it was ready. The pause doubles.
PAUSE = 1.0
# Seconds until connections are taken again, if no process takes one or this process has too many open files.
FULL = 0.05
# The variable from which prometheus_client takes the folder that processes share.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True)
class _Place:
    """What a process is told: its number among the others, the shared folder, and its ends of two pairs."""

    number: int
    folder: Path
    connections: socket.socket
    report: Connection


class _Child:
    """A process that serves, and this process's ends of its pairs."""

    def __init__(self, settings: Settings, number: int, folder: Path) -> None:
        self.number = number
        self.ready = False
        self.failure: Exception | None = None
        self.channel = Channel()
        self.reports, report = multiprocessing.Pipe(duplex=False)
        place = _Place(number, folder, self.channel.other, report)
        with _environment(METRICS_FOLDER, str(folder)):
            self._process: SpawnProcess = multiprocessing.get_context("spawn").Process(
                target=_serve_as_one, args=(settings, place), name=f"forge-arena {number}"
            )
            self._process.start()
        # Otherwise this process would never see that the other end is closed.
        self.channel.other.close()
        report.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def note_report(self) -> bool:
        """Take over what the process says of itself. False once it says nothing any more."""
        try:
            told = self.reports.recv()
        except (EOFError, OSError):
            return False
        self.ready = told is None
        self.failure = told
        return True

    def tell(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, what)

    async def wait(self) -> None:
        """Until the process has ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()

    def close(self) -> None:
        self.channel.close()
        self.reports.close()


class _Server:
    """All processes of a server, and the socket that listens for them."""

    def __init__(
        self, settings: Settings, listener: socket.socket, tell_ready: Callable[[], None], folder: Path
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._tell_ready = tell_ready
        self._folder = folder
        self._children: list[_Child | None] = [None] * settings.processes
        self._turn = count()
        # Accepted, but not passed on yet.
        self._held: socket.socket | None = None
        self._leaving = asyncio.Event()
        self._announced = False

    async def run(self) -> None:
        """Serve until a signal. Raises what ended a process for good."""
        loop = asyncio.get_running_loop()
        for told in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(told, self._leave, told)
        self._listener.setblocking(False)
        self._take_connections()
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._settings.processes):
                    tasks.create_task(self._keep(number))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self._stop_taking()
            for told in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(told)

    def _leave(self, told: signal.Signals) -> None:
        """Begin to end, or at a second SIGINT end at once."""
        # Told by SIGINT after SIGTERM, the other processes end at once.
        passed_on = told if self._leaving.is_set() else signal.SIGTERM
        self._stop_taking()
        self._leaving.set()
        for child in self._children:
            if child is not None:
                child.tell(passed_on)

    async def _keep(self, number: int) -> None:
        """Run the process of this number, and replace it when it dies, until the server ends."""
        tries = 0
        while not self._leaving.is_set():
            child = await self._run_once(number)
            if child.failure is not None:
                self._stop_taking()
                raise child.failure
            if self._leaving.is_set():
                return
            tries = 0 if child.ready else tries + 1
            if tries == TRIES:
                raise SettingsError(f"process {number} died {TRIES} times before it was ready: see the log above")
            log.error("process_died", process=number, pid=child.pid)
            if tries:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._leaving.wait(), PAUSE * 2 ** (tries - 1))

    async def _run_once(self, number: int) -> _Child:
        """Run a process of this number until it ends."""
        loop = asyncio.get_running_loop()
        child = _Child(self._settings, number, self._folder)
        self._children[number] = child
        loop.add_reader(child.channel.fileno(), self._count_closed, child)
        loop.add_reader(child.reports.fileno(), self._note_report, child)
        ended, leaving = asyncio.create_task(child.wait()), asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait([ended, leaving], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # Another process has failed for good.
            child.tell(signal.SIGTERM)
            raise
        finally:
            leaving.cancel()
            await asyncio.wait([ended], timeout=PATIENCE)
            if not ended.done():
                child.tell(signal.SIGKILL)
                await ended
            while child.note_report():
                pass
            self._children[number] = None
            loop.remove_reader(child.channel.fileno())
            loop.remove_reader(child.reports.fileno())
            child.close()
            mark_process_dead(child.pid, str(self._folder))  # type: ignore[no-untyped-call]
        return child

    def _count_closed(self, child: _Child) -> None:
        if not child.channel.count_closed():
            asyncio.get_running_loop().remove_reader(child.channel.fileno())

    def _note_report(self, child: _Child) -> None:
        if not child.note_report():
            asyncio.get_running_loop().remove_reader(child.reports.fileno())
        if not self._announced and all(child is not None and child.ready for child in self._children):
            self._announced = True
            self._tell_ready()

    def _take_connections(self) -> None:
        # Closed if the server is leaving, or if a process has failed for good.
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _stop_taking(self) -> None:
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
        if self._held is not None:
            self._held.close()

    def _accept(self) -> None:
        """Pass on all connections that wait. The kernel keeps them while no process takes any."""
        try:
            while True:
                self._held = self._held or self._listener.accept()[0]
                if not self._pass_on(self._held):
                    break
                self._held.close()
                self._held = None
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            no_connection_taken.note(error)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener.fileno())
        loop.call_later(FULL, self._take_connections)

    def _pass_on(self, connection: socket.socket) -> bool:
        """Give a connection to the ready process with the fewest; to any, while none is ready."""
        children = [child for child in self._children if child is not None]
        able = [child for child in children if child.ready] or children
        return any(child.channel.send(connection) for child in _fewest_first(able, next(self._turn)))


def _fewest_first(children: Sequence[_Child], turn: int) -> list[_Child]:
    """The processes by the number of their open connections. Of equal ones another is the first at each turn."""
    total = max(len(children), 1)
    places = sorted(range(len(children)), key=lambda place: (children[place].channel.open, (place - turn) % total))
    return [children[place] for place in places]


def serve_together(settings: Settings, listener: socket.socket, tell_ready: Callable[[], None]) -> None:
    """Serve with `settings.processes` processes until SIGINT or SIGTERM, and call `tell_ready` once all are ready.

    Raises:
        SettingsError, WorkerFailed: the first process that failed for good says why.
    """
    with tempfile.TemporaryDirectory(prefix="forge-arena-") as folder:
        asyncio.run(_run_together(settings, listener, tell_ready, Path(folder)))


async def _run_together(
    settings: Settings, listener: socket.socket, tell_ready: Callable[[], None], folder: Path
) -> None:
    await _Server(settings, listener, tell_ready, folder).run()


def _serve_as_one(settings: Settings, place: _Place) -> None:
    """What each process runs."""
    # A group of its own: Ctrl-C in a terminal then reaches the listening process alone, which passes it on.
    os.setpgrp()
    logs.configure(settings.log_level, settings.log_json)
    logs.take_over(settings.log_level, settings.log_json)
    structlog.contextvars.bind_contextvars(process=place.number)
    siblings = Siblings(place.folder, place.number, settings.processes)
    failure: Exception
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(
                run_server(
                    settings.of_one_process(),
                    partial(PassedConnections, place.connections),
                    partial(place.report.send, None),
                    siblings,
                )
            )
        return
    except WorkerFailed as failed:
        # A plain one, because an error that is made from more than its message cannot be sent.
        failure = WorkerFailed(failed.reason)
    except ForgeArenaError as error:
        failure = SettingsError(str(error))
    except Exception as error:  # noqa: BLE001
        # Whatever it is, the hook writes it in the form of the log, and the other processes shall not go on without.
        sys.excepthook(type(error), error, error.__traceback__)
        failure = RuntimeError(f"process {place.number} ended: {type(error).__name__}: {error}")
    place.report.send(failure)
    sys.exit(1)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment while a process is started."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
