"""What goes into a store and comes out of it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewEpisode:
    id: str
    key: str
    split: str
    created: float
    expires: float
    attempts: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """One attempt as it is kept. `submitted` and `components` are JSON, because any text must survive any database."""

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
    verdicts: tuple[StoredVerdict, ...]


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """An entry for the leaderboard; `scorecard` is JSON, once all its episodes are judged and it was computed."""

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
class Counts:
    episodes: dict[str, int]
    verdicts: dict[str, int]
    mean_reward: float | None
