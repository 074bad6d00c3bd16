"""Episodes at hand: parsed, each with its judge and the attempts made so far. The store has the last word; what is kept
here only saves reading it again."""

import asyncio
from collections import OrderedDict
from collections.abc import Set
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from forge_arena.errors import InvalidVerdict
from forge_arena.types import Components, Episode, Observation, Outcome, Probe, Split, Truth, Verdict
from forge_arena.verify import Judge
from forge_arena.wire import Attempt, AttemptResult
from forge_server.errors import UnknownEpisode
from forge_server.grading import grade
from forge_server.rows import StoredEpisode, StoredVerdict
from forge_server.stock import decode, without_statements
from forge_server.store import Store

probes_json = TypeAdapter(tuple[Probe, ...])


class Live:
    """An episode at hand: parsed, with its judge and the attempts made so far. One object per id in a process."""

    __slots__ = (
        "__weakref__",
        "attempts",
        "episode",
        "expires",
        "id",
        "judge",
        "key",
        "made",
        "probes",
        "probing",
        "split",
        "status",
    )

    def __init__(self, id: str, key: str, split: Split, episode: Episode | None, attempts: int, expires: float) -> None:
        self.id = id
        self.key = key
        self.split = split
        self.episode = episode
        self.attempts = attempts
        self.expires = expires
        self.status = "open"
        self.judge: Judge | None = None
        self.made: dict[int, tuple[bytes, AttemptResult]] = {}
        self.probes: tuple[Probe, ...] = ()
        self.probing = asyncio.Lock()

    def learn(self, stored: StoredEpisode) -> None:
        """Take over what the store says has become of the episode."""
        self.status = stored.status
        self.probes = probes_json.validate_json(stored.probes)
        self.made |= {v.attempt: (v.digest, result_of(v)) for v in stored.verdicts}

    def known_judge(self) -> Judge:
        """The judge of the episode's scenario, which keeps what it has read."""
        if self.judge is None:
            assert self.episode is not None
            self.judge = Judge(self.episode.scenario)
        return self.judge

    def reads_repair(self, verdict: Verdict, sealed: Set[Split]) -> bool:
        """Whether the repair is read: where something was to be repaired, and on a sealed split everywhere, for else the
        time that an answer takes would tell the label."""
        assert self.episode is not None
        return verdict.detection and (self.episode.truth.corrupted or self.split in sealed)

    def must_run_code(self, verdict: Verdict, sealed: Set[Split]) -> bool:
        """Whether grading means running code."""
        return self.reads_repair(verdict, sealed) and self.known_judge().runs_code(verdict.correction)

    @property
    def finished(self) -> bool:
        return len(self.made) >= self.attempts

    def state(self, now: float) -> str:
        if self.status == "deleted":
            return "deleted"
        if self.finished:
            return "finished"
        return "expired" if self.status == "expired" or now >= self.expires else "open"

    def observation(self) -> Observation:
        assert self.episode is not None
        seen = self.episode.observation
        if not self.probes:
            return seen
        return seen.model_copy(update={"probes": self.probes, "probes_left": seen.probes_left - len(self.probes)})

    def grade(self, attempt: Attempt, verdict: Verdict | InvalidVerdict, sealed: Set[Split]) -> AttemptResult:
        """What a verdict on it earns. May take as long as the code of a repair runs."""
        assert self.episode is not None
        if isinstance(verdict, Verdict) and not self.episode.truth.corrupted and self.reads_repair(verdict, sealed):
            self.known_judge().report(verdict.correction)
        earned = grade(verdict, self.episode, self.known_judge())
        return AttemptResult(
            episode_id=attempt.episode_id,
            attempt=attempt.attempt,
            outcome=earned.outcome,
            reward=earned.reward,
            components=earned.components,
            reason=earned.reason,
            step=earned.step,
        )

    def shown(self, attempt: int, sealed: Set[Split]) -> AttemptResult:
        """The result of an attempt. On a sealed split what it earned is kept back: it would tell the label."""
        result = self.made[attempt][1]
        if self.split not in sealed:
            return result
        return result.model_copy(update={"reward": None, "components": None, "step": None})

    def with_truth(self, result: AttemptResult, sealed: Set[Split]) -> AttemptResult:
        """The result with the truth beside it, where that may be known."""
        truth = self.revealed(sealed)
        return result if truth is None else result.model_copy(update={"truth": truth})

    def revealed(self, sealed: Set[Split]) -> Truth | None:
        """The truth, once all attempts are made, unless the split is sealed."""
        if not self.finished or self.split in sealed or self.episode is None:
            return None
        return self.episode.truth


class AtHand:
    """The `most` episodes used last, and those that a request still holds: one object for each id in a process."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most
        self._recent: OrderedDict[str, Live] = OrderedDict()
        self._live: WeakValueDictionary[str, Live] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._recent)

    async def one(self, episode_id: str) -> Live:
        """Raises `UnknownEpisode`."""
        live = (await self.find({episode_id})).get(episode_id)
        if live is None:
            raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
        return live

    async def find(self, ids: set[str]) -> dict[str, Live]:
        """Those of them that exist."""
        found = {id: live for id in ids if (live := self._live.get(id)) is not None}
        if len(found) < len(ids):
            stored = await self._store.load(ids - found.keys())
            for live in await asyncio.to_thread(lambda: [revive(one) for one in stored.values()]):
                # Another request may have read it meanwhile: there is one object per episode.
                found[live.id] = self._live.get(live.id) or live
        for live in found.values():
            self.keep(live)
        return found

    def keep(self, live: Live) -> None:
        self._live[live.id] = live
        self._recent[live.id] = live
        self._recent.move_to_end(live.id)
        while len(self._recent) > self._most:
            self._recent.popitem(last=False)

    def delete(self, episode_id: str) -> None:
        """Whoever still holds it is told that it is gone."""
        self._recent.pop(episode_id, None)
        if live := self._live.get(episode_id):
            live.status = "deleted"


def result_of(stored: StoredVerdict) -> AttemptResult:
    """The result that a stored verdict is."""
    return AttemptResult(
        episode_id=stored.episode_id,
        attempt=stored.attempt,
        outcome=Outcome(stored.outcome),
        reward=stored.reward,
        components=None if stored.components is None else Components.model_validate_json(stored.components),
        reason=stored.reason,
        step=stored.step,
    )


def revive(stored: StoredEpisode) -> Live:
    """A stored episode as it is now."""
    episode = without_statements(decode(stored.payload)) if stored.payload else None
    live = Live(stored.id, stored.key, Split(stored.split), episode, stored.attempts, stored.expires)
    live.learn(stored)
    return live
