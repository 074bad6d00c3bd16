"""Keep episodes parsed, so that a verdict costs no read of the store. The store stays the authority."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Self
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from forge_arena.errors import InvalidVerdict
from forge_arena.types import Components, Episode, Observation, Outcome, Probe, Split, ToolUse, Truth, Verdict, View
from forge_arena.verify import Verifier
from forge_arena.wire import Attempt, AttemptResult
from forge_server.decoy import Decoy
from forge_server.errors import UnknownEpisode
from forge_server.grading import grade
from forge_server.payload import decode, without_statements
from forge_server.rows import StoredEpisode, StoredToolUse, StoredVerdict
from forge_server.store import Store

probes_json = TypeAdapter(tuple[Probe, ...])


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """The result of an attempt, and the digest of its verdict, by which a repeated verdict is recognised."""

    digest: bytes
    result: AttemptResult

    @classmethod
    def of(cls, stored: StoredVerdict) -> Self:
        return cls(stored.digest, result_of(stored))


@dataclass(slots=True, weakref_slot=True, eq=False)
class CachedEpisode:
    """A parsed episode with its verifier and the attempts recorded so far. One object per id in a process.

    `episode` is None if the episode was deleted. `attempts` is how many attempts the episode was opened with. `view` is
    what clients see of its observation; grading and tools use the whole one. `tool_uses` are by attempt. `decoy` is
    there once a verdict on a sealed episode was graded.
    """

    id: str
    key: str
    split: Split
    episode: Episode | None
    attempts: int
    expires: float
    view: View = View.full
    verifier: Verifier | None = None
    status: str = "open"
    recorded: dict[int, RecordedAttempt] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()
    tool_uses: dict[int, tuple[ToolUse, ...]] = field(default_factory=dict)
    decoy: Decoy | None = None
    probing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, stored: StoredEpisode) -> Self:
        episode = without_statements(decode(stored.payload)) if stored.payload else None
        cached = cls(
            stored.id,
            stored.key,
            Split(stored.split),
            episode,
            stored.attempts,
            stored.expires,
            view=View(stored.view),
        )
        cached.update(stored)
        return cached

    def update(self, stored: StoredEpisode) -> None:
        """Take over from the store what has happened to the episode.

        What is known already may be newer than what was read, so nothing is undone.
        """
        if self.status != "deleted":
            self.status = stored.status
        self.probes = max(self.probes, probes_json.validate_json(stored.probes), key=len)
        self.recorded |= {verdict.attempt: RecordedAttempt.of(verdict) for verdict in stored.verdicts}
        self.update_tool_uses(stored.tool_uses)

    def update_tool_uses(self, stored: Iterable[StoredToolUse]) -> None:
        """Take over the uses of tools from the store."""
        by_attempt: dict[int, list[ToolUse]] = defaultdict(list)
        for use in stored:
            by_attempt[use.attempt].append(ToolUse.model_validate_json(use.used))
        for attempt, uses in by_attempt.items():
            # The longer one counts, because another request may have recorded a use since these were read.
            self.tool_uses[attempt] = max(self.tool_uses.get(attempt, ()), tuple(uses), key=len)

    def get_verifier(self) -> Verifier:
        """The verifier of the episode's scenario. It remembers the sentences that it has read."""
        if self.verifier is None:
            assert self.episode is not None
            self.verifier = Verifier(self.episode.scenario)
        return self.verifier

    def reads_repair(self, verdict: Verdict, sealed: Set[Split]) -> bool:
        """Whether grading reads the correction: only if the answer was corrupted, but on a sealed split always.
        Otherwise the response time would reveal the label."""
        assert self.episode is not None
        return verdict.detection and (self.episode.truth.corrupted or self.split in sealed)

    def must_run_code(self, verdict: Verdict, sealed: Set[Split]) -> bool:
        """Whether grading means running code."""
        return self.reads_repair(verdict, sealed) and self.get_verifier().runs_code(verdict.correction)

    @property
    def finished(self) -> bool:
        return len(self.recorded) >= self.attempts

    def status_at(self, now: float) -> str:
        """`open`, `finished`, `expired` or `deleted`."""
        if self.status == "deleted":
            return "deleted"
        if self.finished:
            return "finished"
        return "expired" if self.status == "expired" or now >= self.expires else "open"

    def observation(self) -> Observation:
        """The observation as clients see it: in the view, with the probes so far."""
        return self.whole_observation().in_view(self.view)

    def whole_observation(self) -> Observation:
        """The observation with what the view hides."""
        assert self.episode is not None
        observation = self.episode.observation
        if not self.probes:
            return observation
        probes_left = observation.probes_left - len(self.probes)
        return observation.model_copy(update={"probes": self.probes, "probes_left": probes_left})

    def grade(
        self, attempt: Attempt, verdict: Verdict | InvalidVerdict, sealed: Set[Split], paid: Mapping[str, float]
    ) -> AttemptResult:
        """What a verdict on this episode earns by the weights that are `paid`. Takes as long as the code of the
        correction runs."""
        assert self.episode is not None
        verifier = self.get_verifier()
        on_sealed = verdict if self.split in sealed and isinstance(verdict, Verdict) else None
        if on_sealed is not None and on_sealed.detection:
            # A grade may need less than the whole report. How much it needs would reveal the label.
            verifier.verify(on_sealed.correction.strip())
        earned = grade(verdict, self.episode, verifier, paid)
        if on_sealed is not None:
            self.decoy = self.decoy or Decoy(self.episode, verifier)
            self.decoy.grade(on_sealed, verifier, paid)
        return AttemptResult(
            episode_id=attempt.episode_id,
            attempt=attempt.attempt,
            outcome=earned.outcome,
            reward=earned.reward,
            components=earned.components,
            reason=earned.reason,
            step=earned.step,
        )

    def public_result(self, attempt: int, sealed: Set[Split]) -> AttemptResult:
        """The result as clients may see it: on a sealed split without the reward, which would reveal the label."""
        result = self.recorded[attempt].result
        if uses := self.tool_uses.get(attempt, ()):
            cost = sum(use.cost for use in uses)
            result = result.model_copy(update={"tool_uses": len(uses), "tool_cost": cost})
        if self.split not in sealed:
            return result
        return result.model_copy(update={"reward": None, "components": None, "step": None})

    def add_truth(self, result: AttemptResult, sealed: Set[Split]) -> AttemptResult:
        """The result with the truth in it, if clients may see the truth."""
        truth = self.public_truth(sealed)
        return result if truth is None else result.model_copy(update={"truth": truth})

    def public_truth(self, sealed: Set[Split]) -> Truth | None:
        """The truth once all attempts are made, None before. Always None on a sealed split."""
        if not self.finished or self.split in sealed or self.episode is None:
            return None
        return self.episode.truth


class EpisodeCache:
    """The `size` episodes used last, and those that a request still holds. An episode is one object for all
    requests."""

    def __init__(self, store: Store, size: int) -> None:
        self._store = store
        self._size = size
        self._recent: OrderedDict[str, CachedEpisode] = OrderedDict()
        self._in_use: WeakValueDictionary[str, CachedEpisode] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._recent)

    async def get(self, episode_id: str) -> CachedEpisode:
        """Raises `UnknownEpisode`."""
        episode = (await self.get_all({episode_id})).get(episode_id)
        if episode is None:
            raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
        return episode

    async def get_all(self, ids: set[str]) -> dict[str, CachedEpisode]:
        """The episodes among these that exist, by their ids."""
        episodes = {id: episode for id in ids if (episode := self._in_use.get(id)) is not None}
        if len(episodes) < len(ids):
            stored = await self._store.load(ids - episodes.keys())
            for episode in await asyncio.to_thread(lambda: [CachedEpisode.of(row) for row in stored.values()]):
                # Another request may have read the same episode meanwhile. Then its object counts.
                episodes[episode.id] = self._in_use.get(episode.id) or episode
        for episode in episodes.values():
            self.add(episode)
        return episodes

    def add(self, episode: CachedEpisode) -> None:
        self._in_use[episode.id] = episode
        self._recent[episode.id] = episode
        self._recent.move_to_end(episode.id)
        while len(self._recent) > self._size:
            self._recent.popitem(last=False)

    def delete(self, episode_id: str) -> None:
        """Drop a deleted episode. Requests that still hold the episode see its new status."""
        self._recent.pop(episode_id, None)
        if episode := self._in_use.get(episode_id):
            episode.status = "deleted"


def result_of(stored: StoredVerdict) -> AttemptResult:
    return AttemptResult(
        episode_id=stored.episode_id,
        attempt=stored.attempt,
        outcome=Outcome(stored.outcome),
        reward=stored.reward,
        components=None if stored.components is None else Components.model_validate_json(stored.components),
        reason=stored.reason,
        step=stored.step,
    )
