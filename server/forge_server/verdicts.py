"""Record the verdicts of a batch, graded (`forge_server.grades`): all of the batch or nothing."""

import time
from collections import Counter
from collections.abc import Iterable, Set
from itertools import groupby

from forge_arena.profiles import Profile
from forge_arena.types import Split
from forge_arena.wire import Attempt, AttemptResult, SubmitVerdicts, VerdictResults
from forge_server.cache import CachedEpisode, EpisodeCache, RecordedAttempt, result_of
from forge_server.errors import ConflictingVerdict, EpisodeGone, NoSuchAttempt, UnknownEpisode
from forge_server.grades import Grades
from forge_server.grading import Submitted, grader
from forge_server.metrics import Metrics
from forge_server.recent import Recent
from forge_server.rows import StoredVerdict
from forge_server.store import Store


class Verdicts:
    """The verdicts of one server. `profile` is the reward profile by whose weights `grades` pays."""

    def __init__(
        self,
        store: Store,
        cache: EpisodeCache,
        metrics: Metrics,
        profile: Profile,
        *,
        grades: Grades,
        sealed: Set[Split],
        recent: Recent,
    ) -> None:
        self._store = store
        self._cache = cache
        self._metrics = metrics
        self._profile = profile
        self._grades = grades
        self._sealed = sealed
        self._recent = recent

    async def record(self, batch: SubmitVerdicts) -> VerdictResults:
        """Grade and store a batch, all of it or nothing. A verdict that was stored before gets the same answer
        again.

        Raises:
            Refused: some verdict of the batch may not be given, or the store failed.
        """
        now = time.time()
        episodes = await self._cache.get_all({attempt.episode_id for attempt in batch.verdicts})
        new_attempts = self._find_new_attempts(batch.verdicts, episodes, now)
        if new_attempts:
            await self._grade_and_store(new_attempts.values(), episodes, now)
        await self._fetch_attempts_of_replicas(episodes)
        results = [episodes[a.episode_id].public_result(a.attempt, self._sealed) for a in batch.verdicts]
        # The truth comes once per episode, in its last result, because a group of attempts shares one truth.
        last = {attempt.episode_id: position for position, attempt in enumerate(batch.verdicts)}
        for episode_id, position in last.items():
            results[position] = episodes[episode_id].add_truth(results[position], self._sealed)
        return VerdictResults(results=tuple(results))

    async def _fetch_attempts_of_replicas(self, episodes: dict[str, CachedEpisode]) -> None:
        """Read the attempts that other replicas recorded: the truth is due if they complete an episode."""
        unfinished = [id for id, episode in episodes.items() if not episode.finished]
        for stored in await self._store.verdicts(unfinished) if unfinished else ():
            episodes[stored.episode_id].recorded.setdefault(stored.attempt, RecordedAttempt.of(stored))

    def _find_new_attempts(
        self, attempts: Iterable[Attempt], episodes: dict[str, CachedEpisode], now: float
    ) -> dict[tuple[str, int], Submitted]:
        """The attempts that are not recorded yet, by episode and number.

        Raises:
            UnknownEpisode, EpisodeGone, NoSuchAttempt, ConflictingVerdict: some attempt of the batch may not be made.
        """
        new: dict[tuple[str, int], Submitted] = {}
        for position, attempt in enumerate(attempts):
            episode = episodes.get(attempt.episode_id)
            if episode is None:
                raise UnknownEpisode(f"verdicts[{position}]: there is no such episode: open one with POST /v1/episodes")
            if episode.status == "deleted":
                raise EpisodeGone(f"verdicts[{position}]: the episode was deleted: open another one")
            if attempt.attempt >= episode.attempts:
                raise NoSuchAttempt(
                    f"verdicts[{position}]: the episode was opened with {episode.attempts} attempts, "
                    f"numbered from 0 to {episode.attempts - 1}"
                )
            pair = (attempt.episode_id, attempt.attempt)
            submitted = Submitted.of(attempt)
            known = episode.recorded.get(attempt.attempt) or new.get(pair)
            if known is not None:
                if known.digest != submitted.digest:
                    raise ConflictingVerdict(
                        f"verdicts[{position}]: this attempt was made with another verdict, and a verdict is "
                        "final: use the next attempt, open another episode, or for another epoch of train open this "
                        "one with again"
                    )
                continue
            if episode.status_at(now) == "expired":
                raise EpisodeGone(f"verdicts[{position}]: the episode has expired: open another one")
            new[pair] = submitted
        return new

    async def _grade_and_store(self, new: Iterable[Submitted], episodes: dict[str, CachedEpisode], now: float) -> None:
        graded = await self._grades.of(new, episodes)
        by = grader(self._profile)
        rows = [stored_verdict(submitted, result, now, by) for submitted, result in graded]
        # Another request or replica may have recorded some of them meanwhile. The stored result counts.
        earlier = {(v.episode_id, v.attempt): result_of(v) for v in await self._store.record(rows, now)}
        if self._store.may_be_shared:
            # Only now: until its verdict is recorded, another replica may record one more use of the attempt.
            await self._fetch_tool_uses(episodes)
        outcomes: Counter[str] = Counter()
        for submitted, result in graded:
            stored = earlier.get((result.episode_id, result.attempt))
            attempt = RecordedAttempt(submitted.digest, stored or result)
            episodes[result.episode_id].recorded[result.attempt] = attempt
            if stored is None:
                outcomes[result.outcome.value] += 1
                public = episodes[result.episode_id].public_result(result.attempt, self._sealed)
                self._recent.add(public.outcome, public.reward, public.components)
        for outcome, count in outcomes.items():
            self._metrics.verdicts.labels(outcome).inc(count)

    async def _fetch_tool_uses(self, episodes: dict[str, CachedEpisode]) -> None:
        """Read the uses of tools that other replicas recorded."""
        uses = await self._store.tool_uses(episodes)
        for episode_id, of_episode in groupby(uses, key=lambda use: use.episode_id):
            episodes[episode_id].update_tool_uses(of_episode)


def stored_verdict(submitted: Submitted, result: AttemptResult, now: float, by: str) -> StoredVerdict:
    """The row for the store. `by` is the name of the grader."""
    return StoredVerdict(
        episode_id=result.episode_id,
        attempt=result.attempt,
        digest=submitted.digest,
        submitted=submitted.text,
        outcome=result.outcome.value,
        reward=result.reward,
        components=None if result.components is None else result.components.model_dump_json(),
        reason=result.reason,
        created=now,
        grader=by,
        step=result.step,
    )
