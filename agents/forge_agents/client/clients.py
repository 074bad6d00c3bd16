"""The two clients of an arena, blocking and async. They send the calls of `calls`, and send them again if needed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

import httpx
import tenacity

from forge_agents.client import calls
from forge_agents.client.calls import Answer, Call, Selection
from forge_agents.client.errors import ArenaRefused
from forge_agents.client.transport import Transport
from forge_arena.loop_thread import LoopThread
from forge_arena.wire import (
    Attempt,
    AttemptResult,
    Curriculum,
    CurriculumState,
    EpisodeState,
    Health,
    Leaderboard,
    OfferedTools,
    OpenedEpisodes,
    ProbeAnswered,
    Prompts,
    Run,
    RunPoint,
    Stats,
    Submission,
    ToolAnswered,
)

# Seconds for which a client asks again, if its caller does not say so.
PATIENCE = 60.0


class ArenaClient:
    """Blocking client of an arena; thread-safe. Close it, or use it as a context manager.

    Arguments:
        url: such as `http://127.0.0.1:8000`, without `/v1`.
        token: the bearer token, if the arena wants one.
        timeout: seconds for one try of one request, from connecting to the last byte of the answer. The default is
            long, because opening episodes waits for a live Worker.
        patience: seconds for which a request is tried again while the arena cannot be reached or is busy. The last try
            begins within them, so a request takes at most `patience` + `timeout` seconds.

    All methods raise `ArenaUnreachable`, `ArenaRefused` or `ArenaGarbled`.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 150.0, patience: float = PATIENCE
    ) -> None:
        self._transport = Transport(url, token, timeout, patience)
        # Async inside, because only an event loop can limit the time of a whole answer.
        self._http = httpx.AsyncClient(**self._transport.settings())
        self._thread = LoopThread(f"the client of the arena at {url}")

    def open_episodes(self, **selection: Unpack[Selection]) -> OpenedEpisodes:
        """Open episodes, in as many requests as needed. By `keys`, they come in the order of the keys."""
        opened: list[OpenedEpisodes] = []
        for ask in calls.requests_for(selection):
            opened.append(self._send(calls.open_call(calls.continue_after(ask, opened))))
        return calls.join(opened)

    def submit(self, attempts: Iterable[Attempt]) -> tuple[AttemptResult, ...]:
        """Submit any number of verdicts or completions; results come in the order of the attempts."""
        return tuple(result for call in calls.submit_calls(attempts) for result in self._send(call))

    def probe(self, episode_id: str, question: str) -> ProbeAnswered:
        """Put a question to the Worker; the same question again costs nothing."""
        return self._send(calls.probe_call(episode_id, question))

    def tools(self) -> OfferedTools:
        """The tools that an overseer may use before its verdict, with their budgets."""
        return self._send(calls.TOOLS)

    def use_tool(self, episode_id: str, name: str, arguments: Mapping[str, Any], *, attempt: int = 0) -> str:
        """What a tool says, as text for the overseer; the same arguments again cost nothing.

        A tool that could not do what it was asked, or whose budget is spent, says so in its text. An error is raised
        only if the arena failed, or if the attempt may use no tool any more, because its verdict is given.
        """
        return self.tool_answer(episode_id, name, arguments, attempt=attempt).result

    def tool_answer(
        self, episode_id: str, name: str, arguments: Mapping[str, Any], *, attempt: int = 0
    ) -> ToolAnswered:
        """As `use_tool`, with what the use cost and what is left."""
        return self._send(calls.tool_call(episode_id, name, arguments, attempt))

    def state(self, episode_id: str) -> EpisodeState:
        return self._send(calls.state_call(episode_id))

    def delete(self, episode_id: str) -> None:
        """Give up an unfinished episode."""
        self._send(calls.delete_call(episode_id))

    def set_curriculum(self, curriculum: Curriculum) -> CurriculumState:
        """Replace the curriculum that the arena's train stream follows."""
        return self._send(calls.set_curriculum_call(curriculum))

    def curriculum(self) -> CurriculumState | None:
        """The curriculum that the train stream follows; None if the stream holds everything."""
        try:
            return self._send(calls.CURRICULUM)
        except ArenaRefused as refusal:
            if refusal.code == "no_curriculum":
                return None
            raise

    def clear_curriculum(self) -> None:
        """Let the train stream hold everything again."""
        self._send(calls.CLEAR_CURRICULUM)

    def enter(self, overseer: str) -> Submission:
        """Enter an overseer for the leaderboard. One call spends one entry of its name, however often it is retried."""
        return self._send(calls.enter_call(overseer))

    def submission(self, submission_id: str) -> Submission:
        """The state of a submission. Its episodes are opened with `open_episodes(count=..., submission=...)`."""
        return self._send(calls.submission_call(submission_id))

    def submissions(self, overseer: str | None = None) -> tuple[Submission, ...]:
        """The entries of this token, or those of one of its names, the newest first."""
        return self._send(calls.submissions_call(overseer))

    def leaderboard(self) -> Leaderboard:
        return self._send(calls.LEADERBOARD)

    def prompts(self) -> Prompts:
        """The prompts by name, and what the arena's reward pays for."""
        return self._send(calls.PROMPTS)

    def begin_run(self, name: str, *, notes: str = "", request: str | None = None) -> Run:
        """Begin to report a training run. The same `request`, a text of your own, finds the same run again."""
        return self._send(calls.begin_run_call(name, notes, request))

    def report(self, run_id: str, points: Iterable[RunPoint]) -> None:
        """Report any number of points of a run; a point replaces the former one of its kind, phase and step."""
        for call in calls.report_calls(run_id, points):
            self._send(call)

    def run(self, run_id: str) -> Run:
        """How many points the arena has of a run."""
        return self._send(calls.run_call(run_id))

    def runs(self) -> tuple[Run, ...]:
        """The newest runs of this token."""
        return self._send(calls.RUNS)

    def delete_run(self, run_id: str) -> None:
        """Delete a run and its points."""
        self._send(calls.delete_run_call(run_id))

    def stats(self) -> Stats:
        return self._send(calls.STATS)

    def health(self) -> Health:
        """Whether the arena is ready, asked once: not ready is an answer, not an error."""
        return calls.read_health(self._exchange(calls.HEALTH))

    def close(self) -> None:
        if self._thread.running:
            self._thread.run(self._http.aclose)
        self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: Call[Answer]) -> Answer:
        return tenacity.Retrying(**self._transport.retrying())(lambda: calls.read_answer(call, self._exchange(call)))

    def _exchange(self, call: Call[Any]) -> httpx.Response:
        return self._thread.run(self._transport.exchange, self._http, call)


class AsyncArenaClient:
    """`ArenaClient` for asyncio: the same arguments, methods and errors.

    The parts of a large batch go in parallel, unless `start` is given."""

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 150.0, patience: float = PATIENCE
    ) -> None:
        self._transport = Transport(url, token, timeout, patience)
        self._http = httpx.AsyncClient(**self._transport.settings())

    async def open_episodes(self, **selection: Unpack[Selection]) -> OpenedEpisodes:
        asks = calls.requests_for(selection)
        if asks[0].start is None:
            return calls.join(await self._send_all([calls.open_call(ask) for ask in asks]))
        opened: list[OpenedEpisodes] = []
        for ask in asks:
            opened.append(await self._send(calls.open_call(calls.continue_after(ask, opened))))
        return calls.join(opened)

    async def submit(self, attempts: Iterable[Attempt]) -> tuple[AttemptResult, ...]:
        return tuple(result for part in await self._send_all(calls.submit_calls(attempts)) for result in part)

    async def probe(self, episode_id: str, question: str) -> ProbeAnswered:
        return await self._send(calls.probe_call(episode_id, question))

    async def tools(self) -> OfferedTools:
        return await self._send(calls.TOOLS)

    async def use_tool(self, episode_id: str, name: str, arguments: Mapping[str, Any], *, attempt: int = 0) -> str:
        return (await self.tool_answer(episode_id, name, arguments, attempt=attempt)).result

    async def tool_answer(
        self, episode_id: str, name: str, arguments: Mapping[str, Any], *, attempt: int = 0
    ) -> ToolAnswered:
        return await self._send(calls.tool_call(episode_id, name, arguments, attempt))

    async def state(self, episode_id: str) -> EpisodeState:
        return await self._send(calls.state_call(episode_id))

    async def delete(self, episode_id: str) -> None:
        await self._send(calls.delete_call(episode_id))

    async def set_curriculum(self, curriculum: Curriculum) -> CurriculumState:
        return await self._send(calls.set_curriculum_call(curriculum))

    async def curriculum(self) -> CurriculumState | None:
        try:
            return await self._send(calls.CURRICULUM)
        except ArenaRefused as refusal:
            if refusal.code == "no_curriculum":
                return None
            raise

    async def clear_curriculum(self) -> None:
        await self._send(calls.CLEAR_CURRICULUM)

    async def enter(self, overseer: str) -> Submission:
        return await self._send(calls.enter_call(overseer))

    async def submission(self, submission_id: str) -> Submission:
        return await self._send(calls.submission_call(submission_id))

    async def submissions(self, overseer: str | None = None) -> tuple[Submission, ...]:
        return await self._send(calls.submissions_call(overseer))

    async def leaderboard(self) -> Leaderboard:
        return await self._send(calls.LEADERBOARD)

    async def prompts(self) -> Prompts:
        return await self._send(calls.PROMPTS)

    async def begin_run(self, name: str, *, notes: str = "", request: str | None = None) -> Run:
        return await self._send(calls.begin_run_call(name, notes, request))

    async def report(self, run_id: str, points: Iterable[RunPoint]) -> None:
        for call in calls.report_calls(run_id, points):
            await self._send(call)

    async def run(self, run_id: str) -> Run:
        return await self._send(calls.run_call(run_id))

    async def runs(self) -> tuple[Run, ...]:
        return await self._send(calls.RUNS)

    async def delete_run(self, run_id: str) -> None:
        await self._send(calls.delete_run_call(run_id))

    async def stats(self) -> Stats:
        return await self._send(calls.STATS)

    async def health(self) -> Health:
        return calls.read_health(await self._exchange(calls.HEALTH))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send_all(self, several: Sequence[Call[Answer]]) -> list[Answer]:
        # Wait for all even if one fails, so that no request goes on behind the caller's back.
        answers = await asyncio.gather(*(self._send(call) for call in several), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def _send(self, call: Call[Answer]) -> Answer:
        async def attempt() -> Answer:
            return calls.read_answer(call, await self._exchange(call))

        return await tenacity.AsyncRetrying(**self._transport.retrying())(attempt)

    async def _exchange(self, call: Call[Any]) -> httpx.Response:
        return await self._transport.exchange(self._http, call)
