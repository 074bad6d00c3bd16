"""An arena in this process, for an evaluation without a server: the same episodes and grades, and nothing is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Self

from forge_arena.episodes import Arena
from forge_arena.errors import BadArgument, Unfit, WorkerFailed
from forge_arena.loop_thread import LoopThread
from forge_arena.measures.rows import grade
from forge_arena.plans import VERSION
from forge_arena.types import Episode, Outcome, View
from forge_arena.verify import Verifier
from forge_arena.wire import MAX_ATTEMPTS, Attempt, AttemptResult, FailedEpisode, OpenedEpisode, OpenedEpisodes, Stats
from forge_arena.workers import ScriptedWorker

# Episodes that are kept for the next overseer that reviews the same keys.
KEPT = 1_000
# Episodes that are open at a time. An overseer that fails never submits, so the oldest makes room for a further one.
MOST_OPEN = 4_096


class LocalArena:
    """Plays episodes in this process as `ArenaClient` plays them over REST, as far as an evaluation needs it.

    `evaluate("rules", arena=LocalArena())` needs no server. Close a local arena with `close()`, or use it in a `with`
    block. It is for one thread. At most `MOST_OPEN` episodes are open at a time; the oldest makes room for another.

    Args:
        arena: makes the episodes; by default an arena with the scripted Worker. Its secret salts the test split, which
            is not sealed, because whoever has the arena has the secret.
    """

    def __init__(self, arena: Arena | None = None) -> None:
        self.arena = Arena(ScriptedWorker()) if arena is None else arena
        self._loop = LoopThread("the local arena's Worker")
        self._started = False
        self._begin = monotonic()
        self._ids = count()
        self._made: dict[str, Episode] = {}
        self._open: dict[str, _OpenEpisode] = {}
        self._finished = 0

    def stats(self) -> Stats:
        return Stats(
            suite=self.arena.suite,
            version=str(VERSION),
            worker=self.arena.answers_by,
            episodes={"open": len(self._open), "finished": self._finished},
            verdicts={},
            mean_reward=None,
            stock=len(self._made),
            sealed=False,
            uptime_seconds=monotonic() - self._begin,
        )

    def open_episodes(self, *, keys: Sequence[str], attempts: int = 1, view: View = View.full) -> OpenedEpisodes:
        """Open the episodes that the keys name. Those at which the Worker failed are listed beside the others.

        Raises:
            UnknownKey: a key names no episode of this arena.
            BadArgument: `attempts` is out of range.
            WorkerFailed: the Worker cannot be started.
        """
        if not 1 <= attempts <= MAX_ATTEMPTS:
            raise BadArgument(f"attempts must be 1..{MAX_ATTEMPTS}, got {attempts}")
        opened: list[OpenedEpisode] = []
        failed: list[FailedEpisode] = []
        for key in keys:
            made = self._make(key)
            if isinstance(made, WorkerFailed):
                failed.append(_failed(key, made))
            else:
                opened.append(self._open_episode(made, attempts, view))
        return OpenedEpisodes(episodes=tuple(opened), failed=tuple(failed))

    def submit(self, attempts: Iterable[Attempt]) -> tuple[AttemptResult, ...]:
        """Grade verdicts or completions; results come in the order of the attempts.

        The truth of an episode comes with its last attempt.

        Raises:
            BadArgument: an attempt is on an episode that is not open, or was made before.
        """
        return tuple(self._submit(attempt) for attempt in attempts)

    def close(self) -> None:
        """Release the Worker and the reader."""
        if self._started:
            self._started = False
            self._loop.run(self.arena.aclose)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self, key: str) -> Episode | WorkerFailed:
        if not self._started:
            self._loop.run(self.arena.start)
            self._started = True
        if key not in self._made:
            try:
                episode = self._loop.run(self.arena.make, key)
            except WorkerFailed as failure:
                return failure
            if len(self._made) >= KEPT:
                del self._made[next(iter(self._made))]
            # Only a Worker needs the statements, which are two thirds of an episode's memory.
            scenario = episode.scenario.model_copy(update={"statements": ()})
            self._made[key] = episode.model_copy(update={"scenario": scenario})
        return self._made[key]

    def _open_episode(self, episode: Episode, attempts: int, view: View) -> OpenedEpisode:
        episode_id = f"local-{next(self._ids)}"
        if len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[episode_id] = _OpenEpisode(episode, set(range(attempts)))
        return OpenedEpisode(
            episode_id=episode_id,
            key=episode.key,
            observation=episode.observation.in_view(view),
            attempts_left=attempts,
        )

    def _submit(self, attempt: Attempt) -> AttemptResult:
        played = self._open.get(attempt.episode_id)
        if played is None or attempt.attempt not in played.left:
            raise BadArgument(
                f"attempt {attempt.attempt} on episode {attempt.episode_id!r} was made before, or the episode is not "
                "open: open an episode and submit each of its attempts once"
            )
        played.left.remove(attempt.attempt)
        result = grade(attempt, played.episode, Verifier(played.episode.scenario))
        if played.left:
            return result
        del self._open[attempt.episode_id]
        self._finished += 1
        return result.model_copy(update={"truth": played.episode.truth})


@dataclass(slots=True)
class _OpenEpisode:
    """An episode, and the numbers of the attempts that are left on it."""

    episode: Episode
    left: set[int]


def _failed(key: str, failure: WorkerFailed) -> FailedEpisode:
    return FailedEpisode(
        key=key, outcome=Outcome.worker_failed, reason=failure.reason, final=isinstance(failure, Unfit)
    )
