"""Grade the verdicts of a batch: in the event loop, but in threads where the code of a correction has to run."""

import asyncio
from collections.abc import Iterable, Mapping, Set
from time import perf_counter

from forge_arena.types import Split, Verdict
from forge_arena.wire import Attempt, AttemptResult
from forge_server.cache import CachedEpisode
from forge_server.errors import RunnerUnavailable
from forge_server.grading import Submitted, read

# Seconds of grading after which the event loop answers other requests.
SLICE = 0.005


class Grades:
    """Grades verdicts by the weights that are `paid`. `runners` limits how many processes run code at a time."""

    def __init__(self, paid: Mapping[str, float], *, sealed: Set[Split], runners: asyncio.Semaphore) -> None:
        self._paid = paid
        self._sealed = sealed
        self._runners = runners

    async def of(
        self, new: Iterable[Submitted], episodes: dict[str, CachedEpisode]
    ) -> list[tuple[Submitted, AttemptResult]]:
        """The verdicts with their results, in any order. An episode that is named must be in `episodes`.

        Raises:
            RunnerUnavailable: code has to run, and no process could be started.
        """
        graded: list[tuple[Submitted, AttemptResult]] = []
        with_code: list[tuple[Submitted, Verdict]] = []
        pause_at = perf_counter() + SLICE
        for submitted in new:
            if perf_counter() > pause_at:
                await asyncio.sleep(0)
                pause_at = perf_counter() + SLICE
            attempt, episode = submitted.attempt, episodes[submitted.attempt.episode_id]
            verdict = read(attempt)
            if isinstance(verdict, Verdict) and episode.must_run_code(verdict, self._sealed):
                with_code.append((submitted, verdict))
            else:
                graded.append((submitted, episode.grade(attempt, verdict, self._sealed, self._paid)))
        # All are awaited before an error is raised, so that no thread is left running for a request that has ended.
        results = await asyncio.gather(
            *(self._grade_in_thread(s.attempt, verdict, episodes[s.attempt.episode_id]) for s, verdict in with_code),
            return_exceptions=True,
        )
        for (submitted, _), result in zip(with_code, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            graded.append((submitted, result))
        return graded

    async def _grade_in_thread(self, attempt: Attempt, verdict: Verdict, episode: CachedEpisode) -> AttemptResult:
        async with self._runners:
            try:
                return await asyncio.to_thread(episode.grade, attempt, verdict, self._sealed, self._paid)
            except ChildProcessError:
                raise RunnerUnavailable(
                    "the code could not be run, because no process could be started: send the batch again"
                ) from None
