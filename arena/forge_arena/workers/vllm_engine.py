"""One life of a vLLM: `vllm serve MODEL` as a child process, from its start until it ends, is dead or hangs."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import httpx

from forge_arena.errors import WorkerFailed
from forge_arena.workers import keeper
from forge_arena.workers.base import Spent
from forge_arena.workers.openai import OpenAIWorker
from forge_arena.workers.vllm_log import LogOfLife, begin_life

# Seconds that an engine gets to end before it is killed.
GRACE = 15.0
POLL = 0.2
HEALTH_EVERY = 5.0
# Bad answers of /health in a row after which an engine is dead.
HEALTH_STRIKES = 3
# Chats of one token in a row without an answer after which an engine hangs.
HANG_STRIKES = 2


class Sampling(TypedDict, total=False):
    """The settings that `OpenAIWorker` takes."""

    concurrency: int
    timeout: float
    temperature: float | None
    max_tokens: int
    retries: int
    seeded: bool
    system_role: str
    extra: Mapping[str, Any] | None


@dataclass(frozen=True)
class EngineSettings:
    """How every life of an engine is started and watched. `VLLMWorker` says what each setting means."""

    model: str
    executable: str
    args: Sequence[str]
    env: Mapping[str, str]
    port: int | None
    log: Path
    start_timeout: float
    hang_after: float
    chat_deadline: float
    on_progress: Callable[[str], None]
    progress_every: float
    sampling: Sampling
    spent: Spent = field(default_factory=Spent)

    def asker_at(self, port: int) -> OpenAIWorker:
        return OpenAIWorker(self.model, f"http://127.0.0.1:{port}/v1", spent=self.spent, **self.sampling)


@dataclass(eq=False)
class Engine:
    """One life of the child process. `gone` is set to the reason when this life has ended.

    `silent_since` is the time since which questions wait and no answer has come; None if no question waits.
    """

    settings: EngineSettings
    process: subprocess.Popen[bytes]
    asker: OpenAIWorker
    folder: str
    log: LogOfLife
    gone: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    awaited: int = 0
    silent_since: float | None = None
    # Whether any question was answered.
    fruitful: bool = False

    @contextmanager
    def question(self) -> Iterator[None]:
        """A question is put to the engine in this block."""
        self.awaited += 1
        if self.silent_since is None:
            self.silent_since = time.monotonic()
        try:
            yield
        finally:
            self.awaited -= 1

    def note_answer(self) -> None:
        """The engine has answered, so it does not hang."""
        self.silent_since = time.monotonic() if self.awaited > 1 else None
        self.fruitful = True

    def note_chat(self) -> None:
        """The engine answers a chat of one token, so it does not hang. Longer answers may still come."""
        self.silent_since = time.monotonic() if self.awaited else None

    @property
    def silence(self) -> float:
        """Seconds for which questions were asked and none was answered."""
        return 0.0 if self.silent_since is None else time.monotonic() - self.silent_since

    async def wait_until_ready(self) -> None:
        """Return once the engine has answered a chat of one token.

        Raises:
            WorkerFailed: it ended, does not chat, or was not ready within `start_timeout`.
        """
        began = time.monotonic()
        await self._wait_until_healthy(began)
        chat = asyncio.ensure_future(self.asker.start())
        try:
            while not chat.done():
                self._raise_if_ended()
                await asyncio.wait({chat}, timeout=POLL)
            if (failed := chat.exception()) is not None:
                raise WorkerFailed(f"vLLM is up but does not chat: {failed} (log: {self.settings.log})")
        finally:
            if not chat.done():
                chat.cancel()
                await asyncio.wait({chat})
        self.settings.on_progress(
            f"vLLM serves {self.settings.model} at {self.asker.base_url} after {time.monotonic() - began:.0f} s"
        )

    async def wait_until_gone(self) -> str:
        """Why the engine ended, or why it must be ended: it is dead, or it hangs."""
        watchers = {asyncio.create_task(self._wait_until_dead()), asyncio.create_task(self._wait_until_hung())}
        try:
            ended, _ = await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
            return ended.pop().result()
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.wait(watchers)

    async def stop(self) -> None:
        """End the engine's session. When this returns, none of its processes lives."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            # The keeper kills what does not end within its grace. Only a keeper that hangs itself is killed here.
            for _ in range(round((GRACE + 10.0) / POLL * 4)):
                if self.process.poll() is not None:
                    break
                await asyncio.sleep(POLL / 4)
            await self.asker.aclose()
        finally:
            if self.process.returncode is None or self.process.returncode < 0:
                keeper.kill_session(self.process.pid)
                self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _wait_until_healthy(self, began: float) -> None:
        settings = self.settings
        last_progress = began
        async with httpx.AsyncClient(trust_env=False, timeout=HEALTH_EVERY) as http:
            while await self._health(http) != httpx.codes.OK:
                now = time.monotonic()
                self._raise_if_ended()
                if now - began > settings.start_timeout:
                    raise WorkerFailed(
                        f"vLLM was not ready after {settings.start_timeout:g} s; it last said: {self.log.last_line()} "
                        f"(log: {settings.log})"
                    )
                if now - last_progress >= settings.progress_every:
                    last_progress = now
                    settings.on_progress(f"vLLM is starting, {now - began:.0f} s: {self.log.last_line()}")
                await asyncio.sleep(POLL)

    def _raise_if_ended(self) -> None:
        if self.process.poll() is not None:
            raise WorkerFailed(f"vLLM did not start: {self._why_ended()}")

    async def _wait_until_dead(self) -> str:
        """Why the engine ended: its process did, or its server says that the engine is dead."""
        strikes = 0
        last_look = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=HEALTH_EVERY) as http:
            while self.process.poll() is None:
                await asyncio.sleep(POLL)
                if time.monotonic() - last_look >= HEALTH_EVERY:
                    # Silence is no strike: a server under load is slow, and `_wait_until_hung` watches its silence.
                    status = await self._health(http)
                    strikes = strikes + 1 if status is not None and status != httpx.codes.OK else 0
                    last_look = time.monotonic()
                    if strikes >= HEALTH_STRIKES:
                        return f"its /health says {status}{self.log.cause()}"
        return self._why_ended()

    async def _wait_until_hung(self) -> str:
        """Why the engine hangs: it answers neither questions nor a chat of one token, whatever its /health says.

        Answers that are only slow, or that a time limit cuts off, are no reason.
        """
        strikes = 0
        deadline = self.settings.chat_deadline
        # Not the engine's own asker, because waiting questions may have taken all of its places.
        sampling: Sampling = {**self.settings.sampling, "concurrency": 1, "timeout": deadline, "retries": 0}
        asker = OpenAIWorker(self.settings.model, self.asker.base_url, **sampling)
        try:
            while True:
                await asyncio.sleep(POLL)
                if self.silence < self.settings.hang_after:
                    strikes = 0
                    continue
                began = time.monotonic()
                try:
                    await asker.start()
                except WorkerFailed as failed:
                    strikes += 1
                    if strikes >= HANG_STRIKES and self.silence >= self.settings.hang_after:
                        return (
                            f"it hangs: no answer for {self.silence:.0f} s, and none to a chat of one token: "
                            f"{failed.reason} (log: {self.settings.log})"
                        )
                    # A refusal comes at once, and may pass.
                    await asyncio.sleep(deadline - (time.monotonic() - began))
                else:
                    strikes = 0
                    self.note_chat()
        finally:
            await asker.aclose()

    async def _health(self, http: httpx.AsyncClient) -> int | None:
        """The status of /health; None if there is no answer."""
        try:
            # The client's own limit starts anew with every byte.
            async with asyncio.timeout(HEALTH_EVERY):
                return (await http.get(f"{self.asker.base_url.removesuffix('/v1')}/health")).status_code
        except (httpx.HTTPError, TimeoutError):
            return None

    def _why_ended(self) -> str:
        code = self.process.returncode
        ended = f"exit code {code}"
        if code is not None and (number := code - 128 if code > 128 else -code) in set(signal.Signals):
            ended = f"ended by {signal.Signals(number).name}"
        return f"{ended}{self.log.cause()}"


class Launcher:
    """Starts lives of an engine, one after the other."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self._spawner: ThreadPoolExecutor | None = None

    async def launch(self) -> Engine:
        """Spawn an engine and wait until it has answered a chat.

        Raises:
            WorkerFailed: there is no such command, the port cannot be had, the log cannot be written, or vLLM did not
                become ready.
        """
        settings = self.settings
        program = shutil.which(settings.executable, path=settings.env.get("PATH", os.environ.get("PATH")))
        if program is None:
            raise WorkerFailed(
                f"no command {settings.executable!r} to run vLLM with: install vllm, "
                "or name the vllm of another environment by its absolute path"
            )
        port = _free_port(settings.port)
        try:
            engine = self._spawn(program, port)
        except OSError as error:
            raise WorkerFailed(
                f"vLLM cannot be started, or its log {settings.log} cannot be written: {error.strerror}"
            ) from error
        ready = False
        try:
            await engine.wait_until_ready()
            ready = True
        finally:
            if not ready:
                await engine.stop()
        return engine

    def close(self) -> None:
        """Let go of the thread that spawned the engines. No engine may be running."""
        if self._spawner is not None:
            self._spawner.shutdown()
            self._spawner = None

    def _spawn(self, program: str, port: int) -> Engine:
        settings = self.settings
        serve = [program, "serve", settings.model, "--host", "127.0.0.1", "--port", str(port)]
        serve += ["--disable-uvicorn-access-log", *settings.args]
        settings.log.parent.mkdir(parents=True, exist_ok=True)
        if self._spawner is None:
            # The kernel signals the child when the thread that made it ends, so that thread must outlive the engine.
            self._spawner = ThreadPoolExecutor(1, thread_name_prefix="vllm-spawner")
        with settings.log.open("ab") as log:
            # Only now, because nobody removes the folder if the log cannot be opened.
            folder = tempfile.mkdtemp(prefix="forge-vllm-")
            keep = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), str(GRACE), folder, *serve]
            # Without the arguments, because there may be a token among them.
            life = begin_life(log, settings.log, f"{program} serve {settings.model}")
            process = self._spawner.submit(
                subprocess.Popen[bytes],
                keep,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings.env, "TMPDIR": folder},
                start_new_session=True,
            ).result()
        return Engine(settings, process, settings.asker_at(port), folder, life)


def _free_port(port: int | None) -> int:
    """This port, or any that is free. Raises WorkerFailed if the port cannot be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise WorkerFailed(
                f"port {port} for vLLM cannot be had ({error.strerror}); leave it out to get a free one"
            ) from error
        return int(probe.getsockname()[1])
