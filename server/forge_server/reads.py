"""The queries of a store."""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from forge_server import schema
from forge_server.access import Caller
from forge_server.names import appearance
from forge_server.rows import Counts, Finished, Play, StoredEpisode, StoredSubmission, StoredToolUse, StoredVerdict
from forge_server.schema import (
    curricula,
    episodes,
    has_owner,
    has_player,
    is_finished,
    payloads,
    streams,
    submissions,
    tool_uses,
    verdicts,
)

# The most entries for the leaderboard in one list.
LISTED = 100
_FINISHED = (
    select(func.count())
    .select_from(schema.entered.join(episodes, episodes.c.id == schema.entered.c.episode_id))
    .where(schema.entered.c.submission_id == submissions.c.id, episodes.c.status == "finished")
    .scalar_subquery()
)
_VERDICT_COLUMNS = [verdicts.c[name] for name in StoredVerdict.__slots__]
_SUBMISSION_COLUMNS = [submissions.c[name] for name in StoredSubmission.__slots__]
_TOOL_USE_COLUMNS = [tool_uses.c[name] for name in StoredToolUse.__slots__]


def read_verdicts(connection: Connection, ids: Iterable[str]) -> list[StoredVerdict]:
    rows = connection.execute(
        select(*_VERDICT_COLUMNS)
        .where(verdicts.c.episode_id.in_(set(ids)))
        .order_by(verdicts.c.episode_id, verdicts.c.attempt)
    )
    return [StoredVerdict(*row) for row in rows]


def read_tool_uses(connection: Connection, ids: Iterable[str]) -> list[StoredToolUse]:
    rows = connection.execute(
        select(*_TOOL_USE_COLUMNS)
        .where(tool_uses.c.episode_id.in_(set(ids)))
        .order_by(tool_uses.c.episode_id, tool_uses.c.attempt, tool_uses.c.number)
    )
    return [StoredToolUse(*row) for row in rows]


def load(connection: Connection, ids: set[str]) -> dict[str, StoredEpisode]:
    verdicts_of: dict[str, list[StoredVerdict]] = defaultdict(list)
    for verdict in read_verdicts(connection, ids):
        verdicts_of[verdict.episode_id].append(verdict)
    uses_of: dict[str, list[StoredToolUse]] = defaultdict(list)
    for use in read_tool_uses(connection, ids):
        uses_of[use.episode_id].append(use)
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
            episodes.c.opening,
            episodes.c.view,
        )
        .outerjoin(payloads, payloads.c.episode_id == episodes.c.id)
        .where(episodes.c.id.in_(ids))
    )
    loaded: dict[str, StoredEpisode] = {}
    for row in rows:
        columns: list[Any] = [*row, tuple(verdicts_of[row[0]]), tuple(uses_of[row[0]])]
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
    row = connection.execute(select(*_SUBMISSION_COLUMNS).where(submissions.c.id == id)).one_or_none()
    return None if row is None else StoredSubmission(*row)


def episodes_of_submission(connection: Connection, submission_id: str) -> dict[int, tuple[str, str]]:
    rows = connection.execute(
        select(schema.entered.c.number, schema.entered.c.episode_id, episodes.c.status)
        .join(episodes, episodes.c.id == schema.entered.c.episode_id)
        .where(schema.entered.c.submission_id == submission_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def finished_submissions(connection: Connection, suite: str) -> list[StoredSubmission]:
    # Looks at the episodes of an entry only once all of them are opened, and then up to the first that is unfinished.
    opened = select(func.count()).where(schema.entered.c.submission_id == submissions.c.id).scalar_subquery()
    unfinished = (
        select(schema.entered.c.number)
        .join(episodes, episodes.c.id == schema.entered.c.episode_id)
        .where(schema.entered.c.submission_id == submissions.c.id, episodes.c.status != "finished")
        .exists()
    )
    finished = submissions.c.scorecard.is_not(None) | ((submissions.c.episodes <= opened) & ~unfinished)
    rows = connection.execute(
        select(*_SUBMISSION_COLUMNS).where(submissions.c.suite == suite, finished).order_by(submissions.c.created)
    )
    return [StoredSubmission(*row) for row in rows]


def submissions_of(
    connection: Connection, suite: str, caller: Caller, alike: str | None
) -> list[tuple[StoredSubmission, int]]:
    query = select(submissions.c.id, submissions.c.overseer).where(submissions.c.suite == suite)
    if not caller.admin:
        query = query.where(submissions.c.owner == caller.owner)
    newest_first = (submissions.c.created.desc(), submissions.c.id)
    if alike is None:
        ids = [id for id, _ in connection.execute(query.order_by(*newest_first).limit(LISTED))]
    else:
        # A replica of schema 9 enters overseers without it.
        query = query.where(submissions.c.appearance.in_((appearance(alike), "")))
        entries = connection.execute(query.order_by(*newest_first))
        ids = [id for id, overseer in entries if appearance(overseer) == appearance(alike)][:LISTED]
    rows = connection.execute(
        select(*_SUBMISSION_COLUMNS, _FINISHED).where(submissions.c.id.in_(ids)).order_by(*newest_first)
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
        .where(episodes.c.player == player, has_player)
        .order_by(episodes.c.created)
    )
    return [Play(*row) for row in rows]


def finished_episodes(
    connection: Connection,
    *,
    owner: str | None,
    splits: Collection[str],
    before: tuple[float, str] | None,
    limit: int,
) -> list[Finished]:
    newest: list[tuple[float, str]] = []
    # Split by split, because an index has the newest of one split together, and not those of several.
    for split in splits:
        query = select(episodes.c.created, episodes.c.id).where(is_finished, episodes.c.split == split)
        if owner is not None:
            query = query.where(episodes.c.owner == owner)
        if owner:
            query = query.where(has_owner)
        if before is not None:
            query = query.where(tuple_(episodes.c.created, episodes.c.id) < before)
        places = connection.execute(query.order_by(episodes.c.created.desc(), episodes.c.id.desc()).limit(limit))
        newest += [(created, id) for created, id in places]
    ids = [id for _, id in heapq.nlargest(limit, newest)]
    rows = connection.execute(
        select(episodes.c.id, episodes.c.key, episodes.c.split, episodes.c.created, payloads.c.episode)
        .join(payloads, payloads.c.episode_id == episodes.c.id)
        .where(episodes.c.id.in_(ids))
        .order_by(episodes.c.created.desc(), episodes.c.id.desc())
    ).all()
    verdicts_of: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for verdict in read_verdicts(connection, ids):
        verdicts_of[verdict.episode_id].append((verdict.outcome, verdict.reward))
    return [Finished(*row, verdicts=tuple(verdicts_of[row.id])) for row in rows]


def counts(connection: Connection, sealed: Collection[str]) -> Counts:
    sums = connection.execute(
        select(
            schema.counts.c.kind,
            schema.counts.c.name,
            func.sum(schema.counts.c.number),
            func.sum(schema.counts.c.total),
        )
        .group_by(schema.counts.c.kind, schema.counts.c.name)
        .order_by(schema.counts.c.kind, schema.counts.c.name)
    )
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    totals: dict[str, float] = {}
    for kind, name, number, total in sums:
        if number:
            numbers[kind][name] = int(number)
        if kind == "rewards" and name not in sealed:
            totals[name] = total
    rewards = sum(number for split, number in numbers["rewards"].items() if split not in sealed)
    return Counts(
        episodes=numbers["episodes"],
        verdicts=numbers["verdicts"],
        mean_reward=sum(totals.values()) / rewards if rewards else None,
        reopened=numbers["reopened"].get("", 0),
    )
