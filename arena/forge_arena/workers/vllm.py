"""A Worker with its own vLLM: `vllm serve MODEL` as a supervised child process, spoken to over HTTP."""

import asyncio
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypedDict, TypeVar, Unpack

import httpx

from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, JsonObject, Probe, Scenario
from forge_arena.workers import keeper
from forge_arena.workers.base import HiddenInstruction
from forge_arena.workers.openai import OpenAIWorker

logger = logging.getLogger(__name__)
T = TypeVar("T")

# NVIDIA, NVIDIA under Windows, AMD, Gaudi. Not /dev/dri: that is any screen.
ACCELERATORS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/accel/accel0")
# A seeded request ends the CPU engine when its prompt is prefilled in parts, so prompts are never cut there.
CPU_ARGS = ("--dtype", "float32", "--enforce-eager", "--no-enable-chunked-prefill")
CPU_ENV = {"TORCH_COMPILE_DISABLE": "1"}
ENV = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}

GRACE = 15.0
LONGEST_PAUSE = 60.0
POLL = 0.2
HEALTH_EVERY = 5.0
HEALTH_STRIKES = 3
HANG_STRIKES = 2
TAIL = 400_000

LINE_START = re.compile(r"^(?:\((?P<process>[^)]*pid=\d+)\) ?)?(?:[A-Z]+ \d\d-\d\d [\d:]+ \[[^\]]*\] ?)?")
EXCEPTION = re.compile(
    r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Failure|Exit|Interrupt)\b(?:: .+)?$|^[\w./ -]+: error: .+"
)
# Said by every process that was waiting for the one that failed.
CONSEQUENCE = re.compile(r"root cause above|EngineDeadError|stack trace \(above\)|initialization failed|CancelledError")


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


@dataclass(eq=False)
class Engine:
    """One life of the child process. `gone` is set to the reason when it has ended.

    `silent_since` is when a question was asked that the first answer after it did not come to yet.
    """

    process: subprocess.Popen[bytes]
    asker: OpenAIWorker
    folder: str
    log_start: int
    gone: asyncio.Future[str]
    awaited: int = 0
    silent_since: float | None = None
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
        """The engine answers a chat of one token: whoever waits for a longer one waits on."""
        self.silent_since = time.monotonic() if self.awaited else None

    @property
    def silence(self) -> float:
        """Seconds for which questions are asked and none is answered."""
        return 0.0 if self.silent_since is None else time.monotonic() - self.silent_since


class VLLMWorker:
    """Serves `model` with the vLLM behind `executable`, which may stand in another virtual environment, and asks it.

    `args` go to `vllm serve` and `env` into its environment, each after the defaults, which depend on `cpu` (None:
    look for an accelerator). `log` is the file that keeps what vLLM says, over all its lives. An engine that ends for
    any reason is started again after a growing pause, `max_restarts` times within `restart_window` seconds, and as often
    in a row where no life answers a question; while it is down every question fails at once. An engine hangs if it
    answers no question for `hang_after` seconds, and then no chat of one token within `chat_deadline` seconds, twice;
    such an engine is ended. `on_progress` gets a line every `progress_every` seconds of a start; they are logged where
    it is not given. Linux only; one instance belongs to one event loop.
    """

    def __init__(
        self,
        model: str,
        *,
        executable: str = "vllm",
        args: Sequence[str] = (),
        port: int | None = None,
        start_timeout: float = 600.0,
        log: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cpu: bool | None = None,
        max_restarts: int = 5,
        restart_window: float = 600.0,
        first_pause: float = 1.0,
        hang_after: float = 60.0,
        chat_deadline: float = 30.0,
        on_progress: Callable[[str], None] | None = None,
        progress_every: float = 5.0,
        **sampling: Unpack[Sampling],
    ) -> None:
        self.model = model
        self.log = Path(log) if log is not None else _default_log()
        self._executable = executable
        self._cpu = not any(map(os.path.exists, ACCELERATORS)) if cpu is None else cpu
        self._args = [*(CPU_ARGS if self._cpu else ()), *args]
        self._env = {**ENV, **(CPU_ENV if self._cpu else {}), **(env or {})}
        self._port = port
        self._start_timeout = start_timeout
        self._max_restarts = max_restarts
        self._restart_window = restart_window
        self._first_pause = first_pause
        self._hang_after = hang_after
        self._chat_deadline = chat_deadline
        self._on_progress = on_progress or logger.info
        self._progress_every = progress_every
        self._settings = sampling
        # Refuses bad settings now, before minutes are spent on loading a model; nothing is sent.
        self.sampling: JsonObject = self._asker_at(1).sampling
        self._trouble = "the vLLM engine is not running: call start()"
        self._engine: Engine | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._spawner: ThreadPoolExecutor | None = None

    @property
    def name(self) -> str:
        return f"vllm:{self.model}"

    @property
    def url(self) -> str | None:
        """Where the engine listens; None while it is down."""
        return self._engine.asker.base_url if self._engine else None

    @property
    def pid(self) -> int | None:
        """The session that holds every process of the engine; None while it is down."""
        return self._engine.process.pid if self._engine else None

    async def start(self) -> None:
        """Return once the engine has answered a chat; at once if it runs, after the restart if it is restarting."""
        if self._supervisor is None or self._supervisor.done():
            self._trouble = "the vLLM engine is starting"
            self._settled.clear()
            self._supervisor = asyncio.create_task(self._supervise())
        await self._settled.wait()
        if self._engine is None:
            raise WorkerFailed(self._trouble)

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return await self._while_up(lambda asker: asker.answer(scenario, rng, hidden))

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return await self._while_up(lambda asker: asker.reply(scenario, answer, probes, question, rng))

    async def aclose(self) -> None:
        """Stop the engine and every process it started. The log stays."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})
            failed = None if self._supervisor.cancelled() else self._supervisor.exception()
            self._supervisor = None
            if failed is not None:
                raise failed
        self._trouble = "the vLLM engine was stopped: call start()"
        if self._spawner is not None:
            self._spawner.shutdown()
            self._spawner = None

    async def _while_up(self, ask: Callable[[OpenAIWorker], Coroutine[Any, Any, T]]) -> T:
        """Ask the engine, and stop waiting for it (and trying again) the moment it ends."""
        engine = self._engine
        if engine is None:
            raise WorkerFailed(self._trouble)
        with engine.question():
            asking = asyncio.ensure_future(ask(engine.asker))
            try:
                either: set[asyncio.Future[Any]] = {asking, engine.gone}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                # Once the engine is gone its connections are closed, and what a request then dies of says nothing.
                if asking.done() and (asking.exception() is None or not engine.gone.done()):
                    answer = asking.result()
                    engine.note_answer()
                    return answer
                raise WorkerFailed(f"the vLLM engine ended while it was answering: {engine.gone.result()}")
            finally:
                if not asking.done():
                    asking.cancel()
                    await asyncio.wait({asking})

    async def _supervise(self) -> None:
        """Start the engine, and start it again whenever it ends, until it ends too often."""
        restarts: deque[float] = deque()
        # Lives in a row that ended without an answer to what they were asked. An engine that hangs again after every start
        # is slow about it, and would never be restarted too often within a window of time.
        fruitless = 0
        first = True
        try:
            while True:
                try:
                    engine = await self._launch()
                except WorkerFailed as failed:
                    ended = failed.reason
                    fruitless += 1
                    # What cannot even start needs a person, not another try.
                    if first:
                        self._trouble = ended
                        return
                else:
                    first = False
                    self._engine = engine
                    self._settled.set()
                    ended = await self._until_gone(engine)
                    self._trouble = f"the vLLM engine is restarting: {ended}"
                    self._engine = None
                    self._settled.clear()
                    engine.gone.set_result(ended)
                    await self._stop(engine)
                    if engine.fruitful:
                        fruitless = 0
                    elif engine.silent_since is not None:
                        fruitless += 1
                now = time.monotonic()
                while restarts and now - restarts[0] > self._restart_window:
                    restarts.popleft()
                too_often = (
                    f"{len(restarts)} times within {self._restart_window:g} s"
                    if len(restarts) >= self._max_restarts
                    else f"{self._max_restarts} times without one answer since"
                    if fruitless > self._max_restarts
                    else None
                )
                if too_often is not None:
                    self._trouble = (
                        f"the vLLM engine was restarted {too_often}, ended again, and is left down until start() is "
                        f"called: {ended}"
                    )
                    logger.error(self._trouble)
                    return
                restarts.append(now)
                self._trouble = (
                    f"the vLLM engine is restarting (attempt {len(restarts)} of {self._max_restarts}), "
                    f"try again in a minute: {ended}"
                )
                logger.warning(self._trouble)
                await asyncio.sleep(min(LONGEST_PAUSE, self._first_pause * 2.0 ** (len(restarts) - 1)))
        finally:
            engine_left, self._engine = self._engine, None
            if engine_left is not None:
                engine_left.gone.set_result("it was stopped")
                await self._stop(engine_left)
            self._settled.set()

    async def _launch(self) -> Engine:
        """Spawn the engine and wait until it has answered a chat."""
        program = shutil.which(self._executable, path=self._env.get("PATH", os.environ.get("PATH")))
        if program is None:
            raise WorkerFailed(
                f"no command {self._executable!r} to run vLLM with: install vllm, "
                "or name the vllm of another environment by its absolute path"
            )
        engine = self._spawn(program, self._free_port())
        ready = False
        try:
            await self._until_ready(engine)
            ready = True
        finally:
            if not ready:
                await self._stop(engine)
        return engine

    def _spawn(self, program: str, port: int) -> Engine:
        folder = tempfile.mkdtemp(prefix="forge-vllm-")
        serve = [program, "serve", self.model, "--host", "127.0.0.1", "--port", str(port)]
        serve += ["--disable-uvicorn-access-log", *self._args]
        keep = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), str(GRACE), folder, *serve]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self._spawner is None:
            # The kernel tells the child of the end of the thread that made it, so that thread must outlive the engine.
            self._spawner = ThreadPoolExecutor(1, thread_name_prefix="vllm-spawner")
        with self.log.open("ab") as log:
            # Not the arguments: there may be a token among them.
            log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {program} serve {self.model}\n".encode())
            log.flush()
            start = log.tell()
            process = self._spawner.submit(
                subprocess.Popen[bytes],
                keep,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env, "TMPDIR": folder},
                start_new_session=True,
            ).result()
        gone = asyncio.get_running_loop().create_future()
        return Engine(process, self._asker_at(port), folder, start, gone)

    async def _until_ready(self, engine: Engine) -> None:
        began = told = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=HEALTH_EVERY) as http:
            while await self._health(http, engine) != httpx.codes.OK:
                now = time.monotonic()
                if engine.process.poll() is not None:
                    raise WorkerFailed(f"vLLM did not start: {self._why_ended(engine)}")
                if now - began > self._start_timeout:
                    raise WorkerFailed(
                        f"vLLM was not ready after {self._start_timeout:g} s; it last said: "
                        f"{last_line(self._said(engine))} (log: {self.log})"
                    )
                if now - told >= self._progress_every:
                    told = now
                    self._on_progress(f"vLLM is starting, {now - began:.0f} s: {last_line(self._said(engine))}")
                await asyncio.sleep(POLL)
        chat = asyncio.ensure_future(engine.asker.start())
        try:
            while not chat.done():
                if engine.process.poll() is not None:
                    raise WorkerFailed(f"vLLM did not start: {self._why_ended(engine)}")
                await asyncio.wait({chat}, timeout=POLL)
            if (failed := chat.exception()) is not None:
                raise WorkerFailed(f"vLLM is up but does not chat: {failed} (log: {self.log})")
        finally:
            if not chat.done():
                chat.cancel()
                await asyncio.wait({chat})
        self._on_progress(f"vLLM serves {self.model} at {engine.asker.base_url} after {time.monotonic() - began:.0f} s")

    async def _until_gone(self, engine: Engine) -> str:
        """Why the engine ended, or why it is to be ended: it is dead, or it hangs."""
        watchers = {asyncio.create_task(self._until_dead(engine)), asyncio.create_task(self._until_hung(engine))}
        try:
            ended, _ = await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
            return ended.pop().result()
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.wait(watchers)

    async def _until_dead(self, engine: Engine) -> str:
        """Why the engine ended: its process did, or its server says that it is dead."""
        strikes = 0
        looked = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=HEALTH_EVERY) as http:
            while engine.process.poll() is None:
                await asyncio.sleep(POLL)
                if time.monotonic() - looked >= HEALTH_EVERY:
                    # Silence is no strike: a server under load is slow, and its silence is watched apart.
                    status = await self._health(http, engine)
                    strikes = strikes + 1 if status is not None and status != httpx.codes.OK else 0
                    looked = time.monotonic()
                    if strikes >= HEALTH_STRIKES:
                        return f"its /health says {status}{self._because(engine)}"
        return self._why_ended(engine)

    async def _until_hung(self, engine: Engine) -> str:
        """Why the engine is taken to hang: it answers neither questions nor a chat of one token, whatever its /health
        says. Answers that are only slow, or cut off by a time limit, are no reason."""
        strikes = 0
        # Not the engine's own asker: its places may all be taken by questions that wait.
        settings: Sampling = {**self._settings, "concurrency": 1, "timeout": self._chat_deadline, "retries": 0}
        asker = OpenAIWorker(self.model, engine.asker.base_url, **settings)
        try:
            while True:
                await asyncio.sleep(POLL)
                if engine.silence < self._hang_after:
                    strikes = 0
                    continue
                began = time.monotonic()
                try:
                    await asker.start()
                except WorkerFailed as failed:
                    strikes += 1
                    if strikes >= HANG_STRIKES and engine.silence >= self._hang_after:
                        return (
                            f"it hangs: no answer for {engine.silence:.0f} s, and none to a chat of one token: "
                            f"{failed.reason} (log: {self.log})"
                        )
                    # A refusal comes at once, and may pass.
                    await asyncio.sleep(self._chat_deadline - (time.monotonic() - began))
                else:
                    strikes = 0
                    engine.note_chat()
        finally:
            await asker.aclose()

    async def _health(self, http: httpx.AsyncClient, engine: Engine) -> int | None:
        try:
            # The client's own limit starts anew with every byte.
            async with asyncio.timeout(HEALTH_EVERY):
                return (await http.get(f"{engine.asker.base_url.removesuffix('/v1')}/health")).status_code
        except (httpx.HTTPError, TimeoutError):
            return None

    async def _stop(self, engine: Engine) -> None:
        """End the engine's session; when this returns none of its processes lives."""
        try:
            if engine.process.poll() is None:
                engine.process.send_signal(signal.SIGTERM)
            # The keeper kills what does not end within its grace; only if it hangs itself is it killed here.
            for _ in range(round((GRACE + 10.0) / POLL * 4)):
                if engine.process.poll() is not None:
                    break
                await asyncio.sleep(POLL / 4)
            await engine.asker.aclose()
        finally:
            if engine.process.returncode is None or engine.process.returncode < 0:
                keeper.kill_session(engine.process.pid)
                engine.process.wait()
            shutil.rmtree(engine.folder, ignore_errors=True)

    def _free_port(self) -> int:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port or 0))
            except OSError as error:
                raise WorkerFailed(
                    f"port {self._port} for vLLM cannot be had ({error.strerror}); leave it out to get a free one"
                ) from error
            return int(probe.getsockname()[1])

    def _asker_at(self, port: int) -> OpenAIWorker:
        return OpenAIWorker(self.model, f"http://127.0.0.1:{port}/v1", **self._settings)

    def _said(self, engine: Engine) -> str:
        """What this life of the engine has written to the log, or the last part of it."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(engine.log_start, size - TAIL))
            return log.read().decode("utf-8", "replace")

    def _why_ended(self, engine: Engine) -> str:
        code = engine.process.returncode
        ended = f"exit code {code}"
        if code is not None and (number := code - 128 if code > 128 else -code) in set(signal.Signals):
            ended = f"ended by {signal.Signals(number).name}"
        return f"{ended}{self._because(engine)}"

    def _because(self, engine: Engine) -> str:
        said = self._said(engine)
        line = useful_line(said)
        because = f": {line}" if line else f", last words: {last_line(said)}"
        return f"{because} (log: {self.log})"


def useful_line(log: str) -> str | None:
    """The exception that ended a vLLM, on one line; None if its log holds none.

    The process that failed first has the cause; what the ones waiting for it say after that is consequence. Within
    one process the last exception is the one that was raised in the end.
    """
    found: str | None = None
    owner: str | None = None
    lines = log.splitlines()
    for number, line in enumerate(lines):
        start = LINE_START.match(line)
        said = line[start.end() :] if start else line
        if not EXCEPTION.match(said) or CONSEQUENCE.search(said):
            continue
        process = (start["process"] if start else None) or ""
        if found is not None and process != owner:
            break
        owner, found = process, said
        if "validation error" in said and number + 1 < len(lines):
            found = f"{said}: {LINE_START.sub('', lines[number + 1], count=1)}"
    return _one_line(found) if found else None


def last_line(log: str) -> str:
    """The last thing that was said, without time and place."""
    for line in reversed(log.splitlines()):
        if said := LINE_START.sub("", line, count=1).strip():
            return _one_line(said)
    return "nothing"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line[:397] + "..." if len(line) > 400 else line


def _default_log() -> Path:
    return Path.home() / ".cache" / "forge-arena" / f"vllm-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
