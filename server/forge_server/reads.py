"""The queries of a store."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from forge_server import schema
from forge_server.access import Caller
from forge_server.names import appearance
from forge_server.rows import Counts, Finished, Play, StoredEpisode, StoredSubmission, StoredVerdict
from forge_server.schema import curricula, episodes, payloads, streams, submissions, verdicts

# The most entries for the leaderboard in one list.
LISTED = 100
_FINISHED = (
    select(func.count())
    .select_from(schema.entered.join(episodes, episodes.c.id == schema.entered.c.episode_id))
    .where(schema.entered.c.submission_id == submissions.c.id, episodes.c.status == "finished")
    .scalar_subquery()
)
_VERDICT_COLUMNS = [verdicts.c[name] for name in StoredVerdict.__slots__]


def read_verdicts(connection: Connection, ids: Iterable[str]) -> list[StoredVerdict]:
    rows = connection.execute(
        select(*_VERDICT_COLUMNS)
        .where(verdicts.c.episode_id.in_(set(ids)))
        .order_by(verdicts.c.episode_id, verdicts.c.attempt)
    )
    return [StoredVerdict(*row) for row in rows]


def load(connection: Connection, ids: set[str]) -> dict[str, StoredEpisode]:
    verdicts_of: dict[str, list[StoredVerdict]] = defaultdict(list)
    for verdict in read_verdicts(connection, ids):
        verdicts_of[verdict.episode_id].append(verdict)
    rows = connection.execute(
        select(
            episodes.c.id,
            episodes.c.key,
            episodes.c.split,
            episodes.c.created,
            episodes.c.expires,
            episodes.c.attempts,
            episodes.c.made,
            episodes.c.status,
            episodes.c.probes,
            func.coalesce(payloads.c.episode, b""),
            episodes.c.owner,
            episodes.c.player,
        )
        .outerjoin(payloads, payloads.c.episode_id == episodes.c.id)
        .where(episodes.c.id.in_(ids))
    )
    loaded: dict[str, StoredEpisode] = {}
    for row in rows:
        columns: list[Any] = [*row, tuple(verdicts_of[row[0]])]
        loaded[row[0]] = StoredEpisode(*columns)
    return loaded


def stream(connection: Connection, name: str) -> int:
    return connection.execute(select(streams.c.next).where(streams.c.name == name)).scalar() or 0


def curriculum_revision(connection: Connection, suite: str) -> int:
    return connection.execute(select(func.max(curricula.c.revision)).where(curricula.c.suite == suite)).scalar() or 0


def curriculum(connection: Connection, suite: str) -> tuple[int, str | None]:
    last = select(curricula).where(curricula.c.suite == suite).order_by(curricula.c.revision.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return (0, None) if row is None else (row.revision, row.body)


def submission(connection: Connection, id: str) -> StoredSubmission | None:
    row = connection.execute(select(submissions).where(submissions.c.id == id)).one_or_none()
    return None if row is None else StoredSubmission(*row)


def episodes_of_submission(connection: Connection, submission_id: str) -> dict[int, tuple[str, str]]:
    rows = connection.execute(
        select(schema.entered.c.number, schema.entered.c.episode_id, episodes.c.status)
        .join(episodes, episodes.c.id == schema.entered.c.episode_id)
        .where(schema.entered.c.submission_id == submission_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def finished_submissions(connection: Connection, suite: str) -> list[StoredSubmission]:
    finished = (submissions.c.scorecard.is_not(None)) | (submissions.c.episodes <= _FINISHED)
    rows = connection.execute(
        select(submissions).where(submissions.c.suite == suite, finished).order_by(submissions.c.created)
    )
    return [StoredSubmission(*row) for row in rows]


def submissions_of(
    connection: Connection, suite: str, caller: Caller, alike: str | None
) -> list[tuple[StoredSubmission, int]]:
    query = select(submissions.c.id, submissions.c.overseer).where(submissions.c.suite == suite)
    if not caller.admin:
        query = query.where(submissions.c.owner == caller.owner)
    entries = connection.execute(query.order_by(submissions.c.created.desc(), submissions.c.id))
    ids = [id for id, overseer in entries if alike is None or appearance(overseer) == appearance(alike)]
    rows = connection.execute(
        select(*submissions.c, _FINISHED)
        .where(submissions.c.id.in_(ids[:LISTED]))
        .order_by(submissions.c.created.desc(), submissions.c.id)
    )
    return [(StoredSubmission(*row[:-1]), row[-1]) for row in rows]


def plays(connection: Connection, player: str) -> list[Play]:
    rows = connection.execute(
        select(
            episodes.c.id,
            episodes.c.key,
            episodes.c.split,
            episodes.c.status,
            episodes.c.created,
            episodes.c.expires,
            verdicts.c.outcome,
            verdicts.c.reward,
            verdicts.c.components,
        )
        .outerjoin(verdicts, verdicts.c.episode_id == episodes.c.id)
        # The second condition lets the database use the index, which holds no episodes without a player.
        .where(episodes.c.player == player, episodes.c.player != "")
        .order_by(episodes.c.created)
    )
    return [Play(*row) for row in rows]


def finished_episodes(
    connection: Connection,
    *,
    owner: str | None,
    splits: Collection[str],
    outcome: str | None,
    before: tuple[float, str] | None,
    limit: int,
) -> list[Finished]:
    query = (
        select(episodes.c.id, episodes.c.key, episodes.c.split, episodes.c.created, payloads.c.episode)
        .join(payloads, payloads.c.episode_id == episodes.c.id)
        .where(episodes.c.status == "finished", episodes.c.split.in_(splits))
    )
    if owner is not None:
        query = query.where(episodes.c.owner == owner)
    if outcome is not None:
        fitting = select(verdicts.c.episode_id).where(
            verdicts.c.episode_id == episodes.c.id, verdicts.c.outcome == outcome
        )
        query = query.where(fitting.exists())
    if before is not None:
        query = query.where(tuple_(episodes.c.created, episodes.c.id) < before)
    rows = connection.execute(query.order_by(episodes.c.created.desc(), episodes.c.id.desc()).limit(limit)).all()
    verdicts_of: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for verdict in read_verdicts(connection, (row.id for row in rows)):
        verdicts_of[verdict.episode_id].append((verdict.outcome, verdict.reward))
    return [Finished(*row, verdicts=tuple(verdicts_of[row.id])) for row in rows]


def counts(connection: Connection, sealed: Collection[str]) -> Counts:
    by_status = connection.execute(select(episodes.c.status, func.count()).group_by(episodes.c.status))
    by_outcome = connection.execute(select(verdicts.c.outcome, func.count()).group_by(verdicts.c.outcome))
    mean_reward = select(func.avg(verdicts.c.reward))
    if sealed:
        mean_reward = mean_reward.join(episodes, episodes.c.id == verdicts.c.episode_id).where(
            episodes.c.split.not_in(sealed)
        )
    return Counts(
        episodes={row[0]: row[1] for row in by_status},
        verdicts={row[0]: row[1] for row in by_outcome},
        mean_reward=connection.execute(mean_reward).scalar(),
    )
