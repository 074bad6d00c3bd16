"""The rows that go into a store and come out of it. Times are in seconds since 1970."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewEpisode:
    """An episode to be opened, for `attempts` attempts, in a view. `owner` names the token that opens it, and `player`
    the person who plays it on the page; both may be empty. `opening` is above 1 if the episode was opened again."""

    id: str
    key: str
    split: str
    created: float
    expires: float
    attempts: int
    payload: bytes
    owner: str = ""
    player: str = ""
    opening: int = 1
    view: str = "full"


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
class StoredToolUse:
    """The use number `number` (from 0) of a tool in an attempt. `used` is JSON."""

    episode_id: str
    attempt: int
    number: int
    used: str
    created: float

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An episode with its verdicts and its uses of tools. `made` is how many of its `attempts` are recorded; `probes`
    is JSON. `payload` is empty if the episode was deleted."""

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
    opening: int
    view: str
    verdicts: tuple[StoredVerdict, ...]
    tool_uses: tuple[StoredToolUse, ...]


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
    """Episodes by status, verdicts by outcome. The `reopened` episodes were opened again; the mean reward leaves them
    out."""

    episodes: dict[str, int]
    verdicts: dict[str, int]
    mean_reward: float | None
    reopened: int
