"""Read the verdicts of a store without disturbing the server that writes to it: read-only, in short pages."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Engine, create_engine, func, select, tuple_
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from forge_arena.errors import ForgeArenaError
from forge_server.schema import PROFILE, REVISIONS, connect_to_postgres, episodes, meta, payloads, revision_of, verdicts

# Verdicts in one page.
PAGE = 512


class ArchiveError(ForgeArenaError, ValueError):
    """There is no readable store of an arena at this place."""


@dataclass(frozen=True, slots=True)
class RecordedVerdict:
    """One attempt as it was graded then. `submitted` and `components` are JSON."""

    attempt: int
    submitted: str
    outcome: str
    reward: float | None
    components: str | None
    reason: str | None
    created: float
    grader: str


@dataclass(frozen=True, slots=True)
class RecordedEpisode:
    """An episode with some of its attempts. `payload` is None if the episode was deleted."""

    id: str
    key: str
    payload: bytes | None
    attempts: tuple[RecordedVerdict, ...]


class Archive:
    """The verdicts of a store, from the time `since` on (in seconds since 1970).

    Raises:
        ArchiveError: there is no store of an arena at `url` (a file, or a URL as `serve --store` takes it).
    """

    def __init__(self, url: str, *, since: float | None = None) -> None:
        self._engine = open_read_only(url)
        self._conditions: list[ColumnElement[bool]] = []
        if since is not None:
            self._conditions.append(verdicts.c.created >= since)
        try:
            with self._engine.connect() as connection:
                schema = revision_of(connection)
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise ArchiveError(f"{url}: not the store of an arena, or not readable ({_cause(error)})") from None
        if schema not in REVISIONS:
            self._engine.dispose()
            trouble = f"its schema is {schema}, not one of {', '.join(REVISIONS)}" if schema else "it has no schema"
            raise ArchiveError(f"{url}: not the store of an arena, or of another version ({trouble})")

    def count(self) -> int:
        """The number of verdicts."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(verdicts).where(*self._conditions)).scalar_one()

    def profiles(self) -> dict[str, dict[str, float]]:
        """The weights of the reward profiles by which verdicts of this store were paid, by label."""
        query = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(PROFILE))
        with self._engine.connect() as connection:
            return {row.name.removeprefix(PROFILE): json.loads(row.value) for row in connection.execute(query)}

    def episodes(self, limit: int | None = None) -> Iterator[RecordedEpisode]:
        """The episodes of the first `limit` verdicts, in the order of their random ids. An episode may come in two
        parts, each with some of its attempts."""
        after: tuple[str, int] | None = None
        left = limit
        while left is None or left > 0:
            rows = self._page(after, PAGE if left is None else min(PAGE, left))
            if not rows:
                return
            after = (rows[-1].episode_id, rows[-1].attempt)
            left = None if left is None else left - len(rows)
            stored = self._keys_and_payloads({row.episode_id for row in rows})
            for episode_id, verdict_rows in groupby(rows, key=lambda row: row.episode_id):
                key, payload = stored.get(episode_id, ("", None))
                yield RecordedEpisode(
                    episode_id, key, payload, tuple(RecordedVerdict(*row[1:]) for row in verdict_rows)
                )

    def close(self) -> None:
        self._engine.dispose()

    def _page(self, after: tuple[str, int] | None, size: int) -> list[Any]:
        # Pages are found by key, not by a cursor that stays open. So each page is a short read, and the server can
        # still shorten its write-ahead log.
        position = tuple_(verdicts.c.episode_id, verdicts.c.attempt)
        columns = [verdicts.c.episode_id, *(verdicts.c[name] for name in RecordedVerdict.__slots__)]
        query = select(*columns).where(*self._conditions).order_by(verdicts.c.episode_id, verdicts.c.attempt)
        if after is not None:
            query = query.where(position > after)
        with self._engine.connect() as connection:
            return list(connection.execute(query.limit(size)))

    def _keys_and_payloads(self, ids: set[str]) -> dict[str, tuple[str, bytes | None]]:
        query = (
            select(episodes.c.id, episodes.c.key, payloads.c.episode)
            .outerjoin(payloads, payloads.c.episode_id == episodes.c.id)
            .where(episodes.c.id.in_(ids))
        )
        with self._engine.connect() as connection:
            return {row.id: (row.key, row.episode) for row in connection.execute(query)}


def open_read_only(url: str) -> Engine:
    """An engine whose connections can read the store and not write to it. Raises `ArchiveError`."""
    if "://" not in url:
        return _sqlite(Path(url))
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(Path(parsed.database or ""))
        return connect_to_postgres(parsed).execution_options(postgresql_readonly=True)
    except (ArgumentError, ValueError) as error:
        raise ArchiveError(f"not a store that can be opened: {error}") from None


def _sqlite(path: Path) -> Engine:
    if path.is_dir():
        raise ArchiveError(f"{path} is a folder, and a store is a file: give the file that serve --store writes")
    if not path.is_file():
        raise ArchiveError(f"{path}: there is no such file")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, timeout=10, check_same_thread=False)
    )


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or type(error).__name__)
