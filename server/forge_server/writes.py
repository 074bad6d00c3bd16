"""The changes that a store knows, each a value that is applied inside a transaction, alone or with its neighbours."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from forge_server.access import Caller
from forge_server.errors import (
    BudgetSpent,
    Busy,
    ConflictingVerdict,
    EpisodeFinished,
    EpisodeGone,
    NameTaken,
    NoProbesLeft,
    Refused,
    UnknownEpisode,
)
from forge_server.names import appearance, spelling
from forge_server.reads import curriculum, read_verdicts
from forge_server.rows import NewEpisode, StoredVerdict
from forge_server.schema import (
    curricula,
    entered,
    episodes,
    ignore_known,
    meta,
    payloads,
    streams,
    submissions,
    verdicts,
)


class Write(Protocol):
    """A change that the writer applies inside its transaction; it raises `Refused` where it must not happen."""

    def apply(self, connection: Connection) -> Any: ...


@dataclass(frozen=True, slots=True)
class OpenEpisodesWrite:
    episodes: Sequence[NewEpisode]

    def apply(self, connection: Connection) -> None:
        _insert_episodes(connection, self.episodes)


@dataclass(frozen=True, slots=True)
class RecordVerdicts:
    """All or nothing. Gives back the attempts that were already there with the same content."""

    verdicts: Sequence[StoredVerdict]
    now: float

    def apply(self, connection: Connection) -> list[StoredVerdict]:
        ids = {v.episode_id for v in self.verdicts}
        known = {
            row.id: row
            for row in connection.execute(
                select(episodes.c.id, episodes.c.status, episodes.c.expires)
                .where(episodes.c.id.in_(ids))
                .order_by(episodes.c.id)
                .with_for_update()
            )
        }
        made = {(v.episode_id, v.attempt): v for v in read_verdicts(connection, ids)}
        fresh: list[StoredVerdict] = []
        stored: list[StoredVerdict] = []
        for verdict in self.verdicts:
            episode = known.get(verdict.episode_id)
            if episode is None:
                raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
            before = made.get((verdict.episode_id, verdict.attempt))
            if before is not None:
                if before.digest != verdict.digest:
                    raise ConflictingVerdict(
                        "this attempt was made with another verdict at the same time: a verdict is final"
                    )
                stored.append(before)
                continue
            if episode.status != "open" or episode.expires <= self.now:
                raise EpisodeGone("the episode was closed meanwhile: open another one")
            fresh.append(verdict)
        if fresh:
            fresh.sort(key=lambda v: (v.episode_id, v.attempt))
            connection.execute(insert(verdicts), [v.row() for v in fresh])
            connection.execute(_COUNT_ATTEMPTS, list(_attempts_made(fresh, self.now)))
        return stored


@dataclass(frozen=True, slots=True)
class RecordProbe:
    """Add an answered probe, provided that `before` probes were there and the episode is still open."""

    episode_id: str
    before: int
    probes: str
    now: float

    def apply(self, connection: Connection) -> None:
        changed = connection.execute(
            update(episodes)
            .where(
                episodes.c.id == self.episode_id,
                episodes.c.status == "open",
                episodes.c.expires > self.now,
                episodes.c.probes_made == self.before,
            )
            .values(probes=self.probes, probes_made=self.before + 1)
        ).rowcount
        if changed == 1:
            return
        status = connection.execute(select(episodes.c.status).where(episodes.c.id == self.episode_id)).scalar()
        if status == "finished":
            raise EpisodeFinished("the last attempt was made meanwhile: probes come before it")
        if status == "open":
            raise NoProbesLeft("another probe was answered meanwhile: ask again if the budget allows")
        raise EpisodeGone("the episode was closed meanwhile: open another one")


@dataclass(frozen=True, slots=True)
class DeleteEpisode:
    episode_id: str

    def apply(self, connection: Connection) -> None:
        status = connection.execute(
            select(episodes.c.status).where(episodes.c.id == self.episode_id).with_for_update()
        ).scalar()
        if status is None:
            raise UnknownEpisode("there is no such episode")
        if status == "finished":
            raise EpisodeFinished("a finished episode is a record and stays: only an unfinished one can be deleted")
        connection.execute(update(episodes).where(episodes.c.id == self.episode_id).values(status="deleted"))
        connection.execute(delete(payloads).where(payloads.c.episode_id == self.episode_id))


@dataclass(frozen=True, slots=True)
class ExpireEpisodes:
    """Mark open episodes whose time is over; gives back how many."""

    now: float

    def apply(self, connection: Connection) -> int:
        return connection.execute(
            update(episodes).where(episodes.c.status == "open", episodes.c.expires <= self.now).values(status="expired")
        ).rowcount


@dataclass(frozen=True, slots=True)
class AdvanceStream:
    """Move a stream on, provided that nobody else did; gives back whether it was us."""

    name: str
    at: int
    to: int

    def apply(self, connection: Connection) -> bool:
        if self.at == 0:
            connection.execute(ignore_known(connection, streams), [{"name": self.name, "next": 0}])
        return (
            connection.execute(
                update(streams).where(streams.c.name == self.name, streams.c.next == self.at).values(next=self.to)
            ).rowcount
            == 1
        )


@dataclass(frozen=True, slots=True)
class ReplaceCurriculum:
    """Put another curriculum, or none, in the place of a suite's; gives back the revision. To clear twice is to clear."""

    suite: str
    body: str | None
    now: float

    def apply(self, connection: Connection) -> int:
        # Replicas that replace it at the same time take turns here, or both would claim one revision.
        connection.execute(select(meta.c.value).where(meta.c.name == "secret").with_for_update())
        before = curriculum(connection, self.suite)
        if self.body is None and before[1] is None:
            return before[0]
        revision = 1 + (connection.execute(select(func.max(curricula.c.revision))).scalar() or 0)
        row = {"revision": revision, "suite": self.suite, "body": self.body, "created": self.now}
        connection.execute(insert(curricula), [row])
        return revision


@dataclass(frozen=True, slots=True)
class OpenSubmissionWrite:
    """Enter an overseer, provided that its name is the caller's and has an entry left; gives back the id of the entry.

    Names that look alike are one, in the spelling that came first. The same `request` again gets the same entry.
    """

    id: str
    overseer: str
    suite: str
    episodes: int
    budget: int
    now: float
    caller: Caller
    request: str | None = None

    def apply(self, connection: Connection) -> str:
        # Entries at the same time take turns here, or two would be the last one.
        connection.execute(select(meta.c.value).where(meta.c.name == "secret").with_for_update())
        rows = connection.execute(
            select(submissions).where(submissions.c.suite == self.suite).order_by(submissions.c.created)
        )
        alike = [row for row in rows if appearance(row.overseer) == appearance(self.overseer)]
        owner = next((row.owner for row in alike if row.owner), self.caller.owner)
        if not self.caller.may_see(owner):
            raise NameTaken("this name, or one that looks like it, belongs to another token: choose another name")
        for row in alike:
            if self.request is not None and row.request == self.request:
                return str(row.id)
        if len(alike) >= self.budget:
            raise BudgetSpent(
                f"this name has used its {self.budget} submissions: an overseer that is entered again and again is fitted "
                "to the sealed split"
            )
        entry = {
            "id": self.id,
            "overseer": alike[0].overseer if alike else spelling(self.overseer),
            "suite": self.suite,
            "entry": len(alike) + 1,
            "episodes": self.episodes,
            "created": self.now,
            "owner": owner,
            "request": self.request,
        }
        connection.execute(insert(submissions), [entry])
        return self.id


@dataclass(frozen=True, slots=True)
class EnterEpisodes:
    """Open episodes of a submission, by their numbers in it; refused where another request has opened one of them. An
    episode that lapsed, unjudged, gives its place to a new one."""

    submission_id: str
    numbers: Sequence[int]
    episodes: Sequence[NewEpisode]

    def apply(self, connection: Connection) -> None:
        rows = [
            {"submission_id": self.submission_id, "number": number, "episode_id": episode.id}
            for number, episode in zip(self.numbers, self.episodes, strict=True)
        ]
        now = max(episode.created for episode in self.episodes)
        lapsed = episodes.c.status.in_(("expired", "deleted")) | (
            (episodes.c.status == "open") & (episodes.c.expires <= now)
        )
        connection.execute(
            delete(entered).where(
                entered.c.submission_id == self.submission_id,
                entered.c.number.in_(self.numbers),
                entered.c.episode_id.in_(select(episodes.c.id).where(lapsed)),
            )
        )
        if connection.execute(ignore_known(connection, entered), rows).rowcount != len(rows):
            raise Busy("another request opens episodes of this submission: ask again")
        _insert_episodes(connection, self.episodes)


@dataclass(frozen=True, slots=True)
class KeepScorecard:
    submission_id: str
    scorecard: str

    def apply(self, connection: Connection) -> None:
        connection.execute(
            update(submissions).where(submissions.c.id == self.submission_id).values(scorecard=self.scorecard)
        )


_COUNT_ATTEMPTS = (
    update(episodes)
    .where(episodes.c.id == bindparam("of"), episodes.c.status == "open", episodes.c.expires > bindparam("now"))
    .values(
        made=episodes.c.made + bindparam("more"),
        status=case((episodes.c.made + bindparam("more") >= episodes.c.attempts, "finished"), else_="open"),
    )
)


class ContestedError(Exception):
    """Something in the group was there already or closed: apply the writes one by one."""


def _insert_episodes(connection: Connection, new: Sequence[NewEpisode]) -> None:
    rows = [
        {
            "id": e.id,
            "key": e.key,
            "split": e.split,
            "created": e.created,
            "expires": e.expires,
            "attempts": e.attempts,
            "made": 0,
            "status": "open",
            "probes_made": 0,
            "probes": "[]",
        }
        for e in new
    ]
    connection.execute(insert(episodes), rows)
    connection.execute(insert(payloads), [{"episode_id": e.id, "episode": e.payload} for e in new])


def _attempts_made(made: Iterable[StoredVerdict], now: float) -> Iterable[dict[str, Any]]:
    more: dict[str, int] = defaultdict(int)
    for verdict in made:
        more[verdict.episode_id] += 1
    return ({"of": episode_id, "more": count, "now": now} for episode_id, count in more.items())


def apply_together(connection: Connection, writes: list[Write]) -> list[Any]:
    """Apply a group in as few statements as possible; `ContestedError` if any verdict in it is not plainly new."""
    new = [e for write in writes if isinstance(write, OpenEpisodesWrite) for e in write.episodes]
    if new:
        _insert_episodes(connection, new)
    made = [write for write in writes if isinstance(write, RecordVerdicts)]
    if made:
        # In one order on all replicas, or two that record crossing batches would wait for each other.
        fresh = sorted((v for write in made for v in write.verdicts), key=lambda v: (v.episode_id, v.attempt))
        done = connection.execute(ignore_known(connection, verdicts), [v.row() for v in fresh])
        if done.rowcount != len(fresh):
            raise ContestedError
        counted = list(_attempts_made(fresh, max(write.now for write in made)))
        if connection.execute(_COUNT_ATTEMPTS, counted).rowcount != len(counted):
            raise ContestedError
    results: list[Any] = []
    for write in writes:
        if isinstance(write, OpenEpisodesWrite):
            results.append(None)
        elif isinstance(write, RecordVerdicts):
            results.append([])
        else:
            results.append(apply_alone(connection, write))
    return results


def apply_alone(connection: Connection, write: Write) -> Any:
    try:
        with connection.begin_nested():
            return write.apply(connection)
    except Refused as refusal:
        return refusal
