"""The writes that a store knows. Each is a value, applied in a transaction alone or together with others."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

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
from forge_server.rows import NewEpisode, StoredToolUse, StoredVerdict
from forge_server.schema import (
    PROFILE,
    counts,
    curricula,
    entered,
    episodes,
    ignore_known,
    is_open,
    meta,
    payloads,
    streams,
    submissions,
    tool_uses,
    verdicts,
)

R_co = TypeVar("R_co", covariant=True)


class Write(Protocol[R_co]):
    """A change of the store, whose `apply` runs inside a transaction and gives back its result.

    Raises:
        Refused: the change may not happen. The transaction then keeps nothing of it.
    """

    def apply(self, connection: Connection) -> R_co: ...


@dataclass(frozen=True, slots=True)
class OpenEpisodesWrite:
    """Add new episodes."""

    episodes: Sequence[NewEpisode]

    def apply(self, connection: Connection) -> None:
        _insert_episodes(connection, self.episodes)

    @staticmethod
    def apply_group(connection: Connection, writes: Sequence["OpenEpisodesWrite"]) -> list[None]:
        _insert_episodes(connection, [episode for write in writes for episode in write.episodes])
        return [None] * len(writes)


@dataclass(frozen=True, slots=True)
class RecordVerdicts:
    """Record attempts, all or none. Gives back the attempts that were recorded before, with the same content."""

    verdicts: Sequence[StoredVerdict]
    now: float

    def apply(self, connection: Connection) -> list[StoredVerdict]:
        ids = {v.episode_id for v in self.verdicts}
        rows = {
            row.id: row
            for row in connection.execute(
                select(episodes.c.id, episodes.c.status, episodes.c.expires)
                .where(episodes.c.id.in_(ids))
                .order_by(episodes.c.id)
                .with_for_update()
            )
        }
        recorded = {(v.episode_id, v.attempt): v for v in read_verdicts(connection, ids)}
        new: list[StoredVerdict] = []
        repeated: list[StoredVerdict] = []
        for verdict in self.verdicts:
            episode = rows.get(verdict.episode_id)
            if episode is None:
                raise UnknownEpisode("there is no such episode: open one with POST /v1/episodes")
            earlier = recorded.get((verdict.episode_id, verdict.attempt))
            if earlier is not None:
                if earlier.digest != verdict.digest:
                    raise ConflictingVerdict(
                        "this attempt was made with another verdict at the same time: a verdict is final"
                    )
                repeated.append(earlier)
                continue
            if episode.status != "open" or episode.expires <= self.now:
                raise EpisodeGone("the episode was closed meanwhile: open another one")
            new.append(verdict)
        if new:
            new.sort(key=lambda v: (v.episode_id, v.attempt))
            connection.execute(insert(verdicts), [v.row() for v in new])
            connection.execute(_ADD_ATTEMPTS, _attempts_to_add(new, self.now))
        return repeated

    @staticmethod
    def apply_group(connection: Connection, writes: Sequence["RecordVerdicts"]) -> list[list[StoredVerdict]]:
        """Record the attempts of all writes, if all of them are new. Raises `ContestedError` otherwise."""
        # In one order on all replicas. Otherwise two replicas that record overlapping batches would
        # wait for each other.
        new = sorted((v for write in writes for v in write.verdicts), key=lambda v: (v.episode_id, v.attempt))
        inserted = connection.execute(ignore_known(connection, verdicts), [v.row() for v in new])
        if inserted.rowcount != len(new):
            raise ContestedError
        to_add = _attempts_to_add(new, max(write.now for write in writes))
        if connection.execute(_ADD_ATTEMPTS, to_add).rowcount != len(to_add):
            raise ContestedError
        return [[] for _ in writes]


@dataclass(frozen=True, slots=True)
class RecordProbe:
    """Add an answered probe, if the episode is still open and had `before` probes until now."""

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
class RecordToolUse:
    """Add a use of a tool, if the episode is still open, the attempt has no verdict, and its number is not taken."""

    use: StoredToolUse

    def apply(self, connection: Connection) -> None:
        use = self.use
        episode = connection.execute(
            select(episodes.c.status, episodes.c.expires).where(episodes.c.id == use.episode_id).with_for_update()
        ).one_or_none()
        made = select(verdicts.c.attempt).where(
            verdicts.c.episode_id == use.episode_id, verdicts.c.attempt == use.attempt
        )
        if connection.execute(made).one_or_none() is not None:
            raise EpisodeFinished("the verdict of this attempt was given meanwhile: tools come before it")
        if episode is None or episode.status != "open" or episode.expires <= use.created:
            raise EpisodeGone("the episode was closed meanwhile: open another one")
        if connection.execute(ignore_known(connection, tool_uses), [use.row()]).rowcount != 1:
            raise Busy("another use of a tool was recorded meanwhile: ask again if the budget allows")


@dataclass(frozen=True, slots=True)
class KeepProfile:
    """Keep a reward profile under its label. `weights` are JSON."""

    label: str
    weights: str

    def apply(self, connection: Connection) -> None:
        row = {"name": f"{PROFILE}{self.label}", "value": self.weights}
        connection.execute(ignore_known(connection, meta), [row])


@dataclass(frozen=True, slots=True)
class DeleteEpisode:
    """Delete an unfinished episode, and what it held."""

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
        connection.execute(delete(tool_uses).where(tool_uses.c.episode_id == self.episode_id))


@dataclass(frozen=True, slots=True)
class ExpireEpisodes:
    """Mark the open episodes whose time is over; gives back how many."""

    now: float

    def apply(self, connection: Connection) -> int:
        return connection.execute(
            update(episodes).where(is_open, episodes.c.expires <= self.now).values(status="expired")
        ).rowcount


@dataclass(frozen=True, slots=True)
class FoldCounts:
    """Replace the rows of each count by their sum, if there are more than `most` rows.

    Only Postgres has many, because there each statement that changes a count adds a row.
    """

    most: int = 1_000

    def apply(self, connection: Connection) -> None:
        rows = connection.execute(select(func.count()).select_from(counts)).scalar() or 0
        if rows <= self.most:
            return
        removed = delete(counts).returning(counts).cte("removed")
        connection.execute(
            insert(counts).from_select(
                ["kind", "name", "change", "number", "total"],
                select(
                    removed.c.kind,
                    removed.c.name,
                    func.max(removed.c.change),
                    func.sum(removed.c.number),
                    func.sum(removed.c.total),
                ).group_by(removed.c.kind, removed.c.name),
            )
        )


@dataclass(frozen=True, slots=True)
class AdvanceStream:
    """Move a stream from index `at` to index `to`. Gives back False if it was not at `at` any more."""

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
    """Replace a suite's curriculum by another one, or by none; gives back the revision.

    Clearing twice is the same as clearing once.
    """

    suite: str
    body: str | None
    now: float

    def apply(self, connection: Connection) -> int:
        # Replicas take turns here by locking this row. Otherwise two could claim the same revision.
        connection.execute(select(meta.c.value).where(meta.c.name == "secret").with_for_update())
        last_revision, body_in_force = curriculum(connection, self.suite)
        if self.body is None and body_in_force is None:
            return last_revision
        revision = 1 + (connection.execute(select(func.max(curricula.c.revision))).scalar() or 0)
        row = {"revision": revision, "suite": self.suite, "body": self.body, "created": self.now}
        connection.execute(insert(curricula), [row])
        return revision


@dataclass(frozen=True, slots=True)
class OpenSubmissionWrite:
    """Enter an overseer, if its name is the caller's and has an entry left; gives back the id of the entry.

    Names that look alike count as one, in the spelling that came first. The same `request` again gets the same entry.
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
        # Entries take turns here by locking this row. Otherwise two could both be the last one of a budget.
        connection.execute(select(meta.c.value).where(meta.c.name == "secret").with_for_update())
        looks = appearance(self.overseer)
        rows = connection.execute(
            select(submissions)
            # A replica of schema 9 enters overseers without it.
            .where(submissions.c.suite == self.suite, submissions.c.appearance.in_((looks, "")))
            .order_by(submissions.c.created)
        )
        alike = [row for row in rows if appearance(row.overseer) == looks]
        owner = next((row.owner for row in alike if row.owner), self.caller.owner)
        if not self.caller.may_see(owner):
            raise NameTaken("this name, or one that looks like it, belongs to another token: choose another name")
        for row in alike:
            if self.request is not None and row.request == self.request:
                return str(row.id)
        if len(alike) >= self.budget:
            raise BudgetSpent(
                f"this name has used its {self.budget} submissions: an overseer that is entered again and again "
                "is fitted to the sealed split"
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
            "appearance": looks,
        }
        connection.execute(insert(submissions), [entry])
        return self.id


@dataclass(frozen=True, slots=True)
class EnterEpisodes:
    """Open episodes of a submission, each with its number in the submission.

    An episode that expired or was deleted before it was finished is replaced by the new one of its number. Refused if
    another request has opened one of the numbers.
    """

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
    """Keep the scorecard of a finished submission, so that it is computed once."""

    submission_id: str
    scorecard: str

    def apply(self, connection: Connection) -> None:
        connection.execute(
            update(submissions).where(submissions.c.id == self.submission_id).values(scorecard=self.scorecard)
        )


_ADD_ATTEMPTS = (
    update(episodes)
    .where(episodes.c.id == bindparam("of"), episodes.c.status == "open", episodes.c.expires > bindparam("now"))
    .values(
        made=episodes.c.made + bindparam("more"),
        status=case((episodes.c.made + bindparam("more") >= episodes.c.attempts, "finished"), else_="open"),
    )
)


class ContestedError(Exception):
    """A verdict of the group was recorded before, or its episode is closed: apply the writes one by one."""


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
            "owner": e.owner,
            "player": e.player,
            "opening": e.opening,
            "view": e.view,
        }
        for e in new
    ]
    connection.execute(insert(episodes), rows)
    connection.execute(insert(payloads), [{"episode_id": e.id, "episode": e.payload} for e in new])


def _attempts_to_add(new: Iterable[StoredVerdict], now: float) -> list[dict[str, Any]]:
    """The parameters of `_ADD_ATTEMPTS`, one for each episode."""
    counts = Counter(verdict.episode_id for verdict in new)
    return [{"of": episode_id, "more": count, "now": now} for episode_id, count in counts.items()]


def apply_together(connection: Connection, writes: Sequence[Write[Any]]) -> list[Any]:
    """Apply a group; gives back the result of each write, or its refusal.

    New episodes and new verdicts, the most frequent writes, are applied with one statement for all of them, because
    each statement costs time. The other writes follow one after the other.

    Raises:
        ContestedError: some verdict of the group is not new, or its episode is closed.
    """
    results: dict[int, Any] = {}
    for kind in (OpenEpisodesWrite, RecordVerdicts):
        positions = [position for position, write in enumerate(writes) if isinstance(write, kind)]
        same_kind: list[Any] = [writes[position] for position in positions]
        if same_kind:
            results |= zip(positions, kind.apply_group(connection, same_kind), strict=True)
    for position, write in enumerate(writes):
        if position not in results:
            results[position] = apply_alone(connection, write)
    return [results[position] for position in range(len(writes))]


def apply_alone(connection: Connection, write: Write[R_co]) -> R_co | Refused:
    """Apply one write; gives back its result, or the refusal after which nothing of it is kept."""
    try:
        with connection.begin_nested():
            return write.apply(connection)
    except Refused as refusal:
        return refusal
