"""A Worker with its own vLLM: it supervises `vllm serve MODEL` as a child process and asks it over HTTP."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar, Unpack

from forge_arena.errors import WorkerFailed
from forge_arena.types import Answer, JsonObject, Probe, Scenario
from forge_arena.workers import vllm_log
from forge_arena.workers.base import HiddenInstruction, Message
from forge_arena.workers.openai import OpenAIWorker
from forge_arena.workers.vllm_engine import Engine, EngineSettings, Launcher, Sampling
from forge_arena.workers.vllm_supervisor import RestartBudget, Supervisor

logger = logging.getLogger(__name__)
T = TypeVar("T")

# NVIDIA, NVIDIA under Windows, AMD, Gaudi. Not /dev/dri, which is there for any screen.
ACCELERATORS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/accel/accel0")
# A seeded request ends the CPU engine if its prompt is prefilled in parts, so the CPU engine never divides a prompt.
# By default vLLM reserves 92% of a machine's memory, and refuses to start if other programs hold more than the rest.
CPU_ARGS = ("--dtype", "float32", "--enforce-eager", "--no-enable-chunked-prefill", "--gpu-memory-utilization", "0.5")
CPU_ENV = {"TORCH_COMPILE_DISABLE": "1"}
ENV = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}

NOT_STARTED = "the vLLM engine is not running: call start()"
STOPPED = "the vLLM engine was stopped: call start()"


class VLLMWorker:
    """Serves `model` with a vLLM of its own, and asks it.

    An engine that ends for any reason is started again after a growing pause. While it is down, every question fails at
    once. An engine that answers no question for `hang_after` seconds, and then twice no chat of one token within
    `chat_deadline` seconds, hangs and is ended. Linux only. One instance belongs to one event loop.

    Args:
        model: what `vllm serve` is to serve.
        executable: the vllm command, which may be in another virtual environment.
        args: further arguments of `vllm serve`, after the defaults, which depend on `cpu`.
        port: where the engine listens; None for any free port.
        start_timeout: seconds within which an engine must be ready.
        log: the file that keeps what vLLM writes, over all its lives.
        env: further variables of vLLM's environment, after the defaults, which depend on `cpu`.
        cpu: whether there is no accelerator; None to look for one.
        max_restarts: how many restarts are allowed within `restart_window` seconds, and as many in a row without an
            answer to any question. After that the engine is left down until `start` is called again.
        restart_window: seconds over which restarts are counted.
        first_pause: seconds before the first restart; each further pause is twice as long.
        hang_after: seconds without an answer after which an engine may hang.
        chat_deadline: seconds within which an engine that does not hang answers a chat of one token.
        on_progress: gets a line every `progress_every` seconds of a start; without it the lines are logged.
        progress_every: seconds between two such lines.
        sampling: what `OpenAIWorker` takes.

    Raises:
        ValueError: a sampling setting is out of range.
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
        self.log = Path(log) if log is not None else vllm_log.default_path()
        is_cpu = not any(map(os.path.exists, ACCELERATORS)) if cpu is None else cpu
        settings = EngineSettings(
            model=model,
            executable=executable,
            args=[*(CPU_ARGS if is_cpu else ()), *args],
            env={**ENV, **(CPU_ENV if is_cpu else {}), **(env or {})},
            port=port,
            log=self.log,
            start_timeout=start_timeout,
            hang_after=hang_after,
            chat_deadline=chat_deadline,
            on_progress=on_progress or logger.info,
            progress_every=progress_every,
            sampling=sampling,
        )
        # Refuses bad settings now, before minutes are spent on loading a model. Nothing is sent.
        self.sampling: JsonObject = settings.asker_at(1).sampling
        # Every life of the engine adds to it.
        self.spent = settings.spent
        self._launcher = Launcher(settings)
        self._restarts = (max_restarts, restart_window, first_pause)
        self._supervisor: Supervisor | None = None
        self._supervising: asyncio.Task[None] | None = None
        self._why_unsupervised = NOT_STARTED

    @property
    def name(self) -> str:
        return f"vllm:{self.model}"

    @property
    def url(self) -> str | None:
        """Where the engine listens; None while it is down."""
        engine = self._engine
        return engine.asker.base_url if engine else None

    @property
    def pid(self) -> int | None:
        """The session that holds every process of the engine; None while it is down."""
        engine = self._engine
        return engine.process.pid if engine else None

    async def start(self) -> None:
        """Return once the engine has answered a chat: at once if it runs, after the restart if it is restarting."""
        if self._supervisor is None or self._supervising is None or self._supervising.done():
            self._supervisor = Supervisor(self._launcher, RestartBudget(*self._restarts))
            self._supervising = asyncio.create_task(self._supervisor.run())
        await self._supervisor.wait_until_settled()
        if self._engine is None:
            raise WorkerFailed(self._trouble)

    async def answer(self, scenario: Scenario, rng: Random, hidden: HiddenInstruction | None = None) -> Answer:
        return await self._while_up(lambda asker: asker.answer(scenario, rng, hidden))

    async def revise(
        self,
        scenario: Scenario,
        answer: Answer,
        objections: tuple[str, ...],
        rng: Random,
        hidden: HiddenInstruction | None = None,
    ) -> Answer:
        return await self._while_up(lambda asker: asker.revise(scenario, answer, objections, rng, hidden))

    async def reply(
        self, scenario: Scenario, answer: Answer, probes: tuple[Probe, ...], question: str, rng: Random
    ) -> str:
        return await self._while_up(lambda asker: asker.reply(scenario, answer, probes, question, rng))

    async def chat(self, messages: Sequence[Message], rng: Random) -> str:
        return await self._while_up(lambda asker: asker.chat(messages, rng))

    async def chat_json(self, messages: Sequence[Message], rng: Random, schema: JsonObject) -> str:
        return await self._while_up(lambda asker: asker.chat_json(messages, rng, schema))

    async def aclose(self) -> None:
        """Stop the engine and every process it started. The log stays."""
        supervising, self._supervising = self._supervising, None
        if supervising is not None:
            supervising.cancel()
            await asyncio.wait({supervising})
            failed = None if supervising.cancelled() else supervising.exception()
            if failed is not None:
                raise failed
        self._supervisor = None
        self._why_unsupervised = STOPPED
        self._launcher.close()

    @property
    def _engine(self) -> Engine | None:
        return self._supervisor.engine if self._supervisor else None

    @property
    def _trouble(self) -> str:
        """Why there is no engine."""
        return self._supervisor.trouble if self._supervisor else self._why_unsupervised

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
                # Once the engine is gone its connections are closed, and the error of a request says nothing.
                if asking.done() and (asking.exception() is None or not engine.gone.done()):
                    answer = asking.result()
                    engine.note_answer()
                    return answer
                raise WorkerFailed(f"the vLLM engine ended while it was answering: {engine.gone.result()}")
            finally:
                if not asking.done():
                    asking.cancel()
                    await asyncio.wait({asking})
