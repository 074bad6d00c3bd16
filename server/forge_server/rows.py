"""The rows that go into a store and come out of it. Times are in seconds since 1970."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewEpisode:
    """An episode to be opened, for `attempts` attempts. `owner` names the token that opens it, and `player` the person
    who plays it on the page; both may be empty."""

    id: str
    key: str
    split: str
    created: float
    expires: float
    attempts: int
    payload: bytes
    owner: str = ""
    player: str = ""


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """One recorded attempt. `submitted` and `components` are JSON, because any text must survive any database.

    `step` says whether the verdict named the right step of the reasoning, None if it named none.
    """

    episode_id: str
    attempt: int
    digest: bytes
    submitted: str
    outcome: str
    reward: float | None
    components: str | None
    reason: str | None
    created: float
    grader: str
    step: bool | None = None

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An episode with its verdicts. `made` is how many of its `attempts` are recorded; `probes` is JSON. `payload` is
    empty if the episode was deleted."""

    id: str
    key: str
    split: str
    created: float
    expires: float
    attempts: int
    made: int
    status: str
    probes: str
    payload: bytes
    owner: str
    player: str
    verdicts: tuple[StoredVerdict, ...]


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """An entry for the leaderboard. `scorecard` is JSON, None until it was computed from the finished episodes."""

    id: str
    overseer: str
    suite: str
    entry: int
    episodes: int
    created: float
    scorecard: str | None
    owner: str = ""
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """An episode that a person opened on the page, with its verdict if there is one. `components` is JSON."""

    episode_id: str
    key: str
    split: str
    status: str
    created: float
    expires: float
    outcome: str | None
    reward: float | None
    components: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished episode for a list. `verdicts` are the outcome and the reward of each attempt."""

    episode_id: str
    key: str
    split: str
    created: float
    payload: bytes
    verdicts: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Episodes by status, verdicts by outcome."""

    episodes: dict[str, int]
    verdicts: dict[str, int]
    mean_reward: float | None
