"""Let an overseer use tools on an open episode: within a budget, recorded before the answer, never after the verdict.

The attempts of an episode share its probes, but each has its own uses of the other tools.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from forge_arena.tools import Toolbox, answered
from forge_arena.types import Observation, ToolUse
from forge_arena.wire import AskProbe, OfferedTools, ProbeAnswered, ToolAnswered, UseTool
from forge_server.cache import CachedEpisode, EpisodeCache
from forge_server.errors import EpisodeFinished, EpisodeGone, NoProbesLeft, NoSuchAttempt, RunnerUnavailable
from forge_server.metrics import Metrics
from forge_server.rows import StoredToolUse
from forge_server.store import Store

AskWorker = Callable[[str, AskProbe], Awaitable[ProbeAnswered]]


class Tools:
    """The tools of one server.

    Args:
        ask_worker: puts a question to the Worker of an episode.
        runners: limits how many processes run code at a time.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        store: Store,
        cache: EpisodeCache,
        metrics: Metrics,
        ask_worker: AskWorker,
        runners: asyncio.Semaphore,
    ) -> None:
        self._toolbox = toolbox
        self._store = store
        self._cache = cache
        self._metrics = metrics
        self._ask_worker = ask_worker
        self._runners = runners

    @property
    def offered(self) -> OfferedTools:
        return self._toolbox.offered

    async def use(self, episode_id: str, name: str, ask: UseTool) -> ToolAnswered:
        """What a tool says. The same arguments again get the same answer, and cost nothing.

        A tool that is not known, whose budget is spent or that cannot do what it was asked says so in its answer,
        because the overseer shall read it.

        Raises:
            UnknownEpisode, EpisodeGone, EpisodeFinished, NoSuchAttempt: this attempt may use no tool.
            Busy, RunnerUnavailable, StoreUnavailable, WorkerUnavailable: the use may succeed later; nothing is counted.
        """
        episode = await self._cache.get(episode_id)
        # Other replicas may have recorded uses and verdicts meanwhile.
        episode.update((await self._store.load([episode_id]))[episode_id])
        status = episode.status_at(time.time())
        if status in ("deleted", "expired"):
            raise EpisodeGone(f"the episode is {status}: open another one")
        if ask.attempt >= episode.attempts:
            raise NoSuchAttempt(
                f"the episode was opened with {episode.attempts} attempts, numbered from 0 to {episode.attempts - 1}"
            )
        uses = episode.tool_uses.get(ask.attempt, ())
        known = self._toolbox.answer_without_use(name, ask.arguments, uses)
        if known is not None and known.counted:
            return known
        if status == "finished" or ask.attempt in episode.recorded:
            raise EpisodeFinished("the verdict of this attempt is given: tools come before it")
        if known is not None:
            return known
        if (tool := self._toolbox.tool(name)) is not None and tool.asks_worker:
            return await self._probe(episode_id, name, ask.arguments, self._toolbox.left(uses))
        return await self._use_and_record(episode, name, ask, uses)

    async def _probe(self, episode_id: str, name: str, arguments: dict[str, Any], left: int) -> ToolAnswered:
        try:
            probed = await self._ask_worker(episode_id, AskProbe.model_validate(arguments))
        except NoProbesLeft as refusal:
            return ToolAnswered(name=name, ok=False, result=refusal.message, counted=False, cost=0.0, tools_left=left)
        return ToolAnswered(name=name, ok=True, result=probed.probe.answer, counted=False, cost=0.0, tools_left=left)

    async def _use_and_record(
        self, episode: CachedEpisode, name: str, ask: UseTool, uses: tuple[ToolUse, ...]
    ) -> ToolAnswered:
        assert episode.episode is not None
        use = await self._use(name, ask.arguments, episode.episode.observation)
        row = StoredToolUse(
            episode_id=episode.id,
            attempt=ask.attempt,
            number=len(uses),
            used=use.model_dump_json(),
            created=time.time(),
        )
        await self._store.record_tool_use(row)
        episode.tool_uses[ask.attempt] = (*uses, use)
        self._metrics.tool_uses.labels(name, str(use.ok).lower()).inc()
        return answered(use, self._toolbox.left((*uses, use)))

    async def _use(self, name: str, arguments: dict[str, Any], seen: Observation) -> ToolUse:
        tool = self._toolbox.tool(name)
        if tool is None or not tool.runs_code:
            # In a thread, because the first search imports its library.
            return await asyncio.to_thread(self._toolbox.use, name, arguments, seen)
        async with self._runners:
            try:
                return await asyncio.to_thread(self._toolbox.use, name, arguments, seen)
            except ChildProcessError:
                raise RunnerUnavailable(
                    "the code could not be run, because no process could be started: ask again"
                ) from None
