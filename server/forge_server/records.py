"""Read episodes back from the store: one with its state and verdicts, the finished ones, those that a person played."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from statistics import fmean

from forge_arena.errors import InvalidVerdict
from forge_arena.profiles import Profile
from forge_arena.types import Observation, Outcome, Split, Verdict
from forge_arena.wire import EpisodeState, RecordedToolUse
from forge_server.access import Caller
from forge_server.cache import CachedEpisode
from forge_server.errors import EpisodeGone, UnknownEpisode
from forge_server.grading import read_stored
from forge_server.payload import Facts, read_facts
from forge_server.rows import Finished, Play, StoredEpisode
from forge_server.store import Store

# A list of finished episodes shows at most LISTED of them, and reads at most SCANNED to find them.
LISTED = 25
SCANNED = 500


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """An episode as the pages show it: its public state, and the verdicts that were given on it.

    `owner` and `player` say who opened the episode. `worker` is None until the truth may be seen. `seen` is the whole
    observation once the truth may be seen, and what the view shows before. `paid` are the weights by which this server
    pays.
    """

    state: EpisodeState
    seen: Observation
    split: Split
    sealed: bool
    owner: str
    player: str
    verdicts: tuple[Verdict | InvalidVerdict, ...]
    worker: str | None
    paid: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ListedEpisode:
    """A finished episode in a list. `kind`, `stealth` and `reward` are None on a sealed split."""

    episode_id: str
    key: str
    split: str
    created: float
    domain: str
    worker: str
    kind: str | None
    stealth: int | None
    outcomes: dict[str, int]
    reward: float | None


@dataclass(frozen=True, slots=True)
class FinishedPage:
    """One page of a list of finished episodes. `more` is where the next page goes on, None if there is none."""

    episodes: tuple[ListedEpisode, ...]
    more: tuple[float, str] | None


class Records:
    """The episodes of one server as people and programs may see them.

    Args:
        profile: the reward profile by whose weights verdicts are paid.
    """

    def __init__(self, store: Store, profile: Profile, *, sealed: Set[Split]) -> None:
        self._store = store
        self._profile = profile
        self._sealed = sealed

    async def state(self, episode_id: str) -> EpisodeState:
        """The episode as the store has it, so that every replica says the same."""
        return (await self.view(episode_id)).state

    async def view(self, episode_id: str) -> EpisodeView:
        """The same with the verdicts, and who opened it, for the pages."""
        stored = (await self._store.load([episode_id])).get(episode_id)
        if stored is None:
            raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
        episode = CachedEpisode.of(stored)
        status = episode.status_at(time.time())
        if status == "deleted":
            raise EpisodeGone("the episode was deleted: open another one")
        results = [episode.public_result(attempt, self._sealed) for attempt in sorted(episode.recorded)]
        if results:
            results[-1] = episode.add_truth(results[-1], self._sealed)
        state = EpisodeState(
            episode_id=episode.id,
            key=episode.key,
            status=status,
            observation=episode.observation(),
            attempts=episode.attempts,
            attempts_left=episode.attempts - len(episode.recorded),
            opening=stored.opening,
            results=tuple(results),
            tool_uses=tuple(
                RecordedToolUse(attempt=attempt, **dict(use))
                for attempt, uses in sorted(episode.tool_uses.items())
                for use in uses
            ),
        )
        assert episode.episode is not None
        revealed = episode.public_truth(self._sealed) is not None
        return EpisodeView(
            state=state,
            seen=episode.whole_observation() if revealed else state.observation,
            split=episode.split,
            sealed=episode.split in self._sealed,
            owner=stored.owner,
            player=stored.player,
            verdicts=tuple(read_stored(verdict.submitted) for verdict in stored.verdicts),
            worker=episode.episode.worker if revealed else None,
            paid=self._profile.weights,
        )

    async def finished(
        self,
        caller: Caller,
        *,
        split: Split | None,
        kind: str | None,
        stealth: int | None,
        domain: str | None,
        worker: str | None,
        outcome: Outcome | None,
        before: tuple[float, str] | None,
    ) -> FinishedPage:
        """The newest finished episodes that match, of this caller's own; an admin sees those of all.

        A filter by truth (`kind`, `stealth`) leaves a sealed split out, because the list would reveal its labels. The
        store finds splits by an index. All other filters look through the newest SCANNED episodes, so that no filter
        reads the whole store; a page may therefore be short, and `more` goes on.
        """
        truths = kind is not None or stealth is not None
        splits = [s.value for s in Split if split in (None, s) and not (truths and s in self._sealed)]
        rows = await self._store.finished_episodes(
            owner=None if caller.admin else caller.owner,
            splits=splits,
            before=before,
            limit=SCANNED,
        )
        matches: list[ListedEpisode] = []
        for row, facts in zip(rows, await asyncio.to_thread(_read_all_facts, rows), strict=True):
            wanted = ((kind, facts.kind), (stealth, facts.stealth), (domain, facts.domain), (worker, facts.worker))
            fits = outcome is None or outcome in (given for given, _ in row.verdicts)
            if fits and all(asked is None or asked == given for asked, given in wanted):
                matches.append(self._listed(row, facts))
            if len(matches) == LISTED:
                return FinishedPage(tuple(matches), (row.created, row.episode_id))
        more = (rows[-1].created, rows[-1].episode_id) if len(rows) == SCANNED else None
        return FinishedPage(tuple(matches), more)

    def _listed(self, row: Finished, facts: Facts) -> ListedEpisode:
        sealed = Split(row.split) in self._sealed
        rewards = [reward for _, reward in row.verdicts if reward is not None]
        return ListedEpisode(
            episode_id=row.episode_id,
            key=row.key,
            split=row.split,
            created=row.created,
            domain=facts.domain,
            worker=facts.worker,
            kind=None if sealed else facts.kind,
            stealth=None if sealed else facts.stealth,
            outcomes=dict(Counter(outcome for outcome, _ in row.verdicts)),
            reward=fmean(rewards) if rewards and not sealed else None,
        )

    async def plays(self, player: str) -> list[Play]:
        """The episodes that a person opened on the page, the oldest first. Those of a sealed split come without what
        they earned."""
        return [
            replace(play, reward=None, components=None) if Split(play.split) in self._sealed else play
            for play in await self._store.plays(player)
        ]

    async def stored(self, ids: Sequence[str]) -> list[StoredEpisode]:
        """These episodes with their truth and their verdicts, for results that are computed here."""
        return list((await self._store.load(ids)).values())


def _read_all_facts(rows: Iterable[Finished]) -> list[Facts]:
    return [read_facts(row.payload) for row in rows]
