"""Read what a store has recorded without disturbing the server that writes to it: page by page, never for long, and
without a right to write."""

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
from forge_server.schema import REVISIONS, connect_to_postgres, episodes, payloads, revision_of, verdicts

PAGE = 512


class ArchiveError(ForgeArenaError, ValueError):
    """What was named is not the store of an arena, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One attempt as it was graded. `submitted` and `components` are JSON."""

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
    """An episode with some of its attempts; `payload` is None where the episode was deleted."""

    id: str
    key: str
    payload: bytes | None
    attempts: tuple[Recorded, ...]


class Archive:
    """The verdicts in a store that were given from `since` (seconds since 1970) on.

    Raises:
        ArchiveError: there is no store at `url` (a file, or a URL as `serve --store` takes it), or not of an arena.
    """

    def __init__(self, url: str, *, since: float | None = None) -> None:
        self._engine = _open_read_only(url)
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
        """How many verdicts there are."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(verdicts).where(*self._conditions)).scalar_one()

    def episodes(self, limit: int | None = None) -> Iterator[RecordedEpisode]:
        """The episodes of the first `limit` verdicts, in the order of their random ids; one may come in two parts."""
        after: tuple[str, int] | None = None
        left = limit
        while left is None or left > 0:
            rows = self._page(after, PAGE if left is None else min(PAGE, left))
            if not rows:
                return
            after = (rows[-1].episode_id, rows[-1].attempt)
            left = None if left is None else left - len(rows)
            known = self._known({row.episode_id for row in rows})
            for episode_id, made in groupby(rows, key=lambda row: row.episode_id):
                key, payload = known.get(episode_id, ("", None))
                yield RecordedEpisode(episode_id, key, payload, tuple(Recorded(*row[1:]) for row in made))

    def close(self) -> None:
        self._engine.dispose()

    def _page(self, after: tuple[str, int] | None, size: int) -> list[Any]:
        # By key and not by offset or cursor: each page is a short read, so that the server can go on tidying its log.
        here = tuple_(verdicts.c.episode_id, verdicts.c.attempt)
        columns = [verdicts.c.episode_id, *(verdicts.c[name] for name in Recorded.__slots__)]
        asked = select(*columns).where(*self._conditions).order_by(verdicts.c.episode_id, verdicts.c.attempt)
        if after is not None:
            asked = asked.where(here > after)
        with self._engine.connect() as connection:
            return list(connection.execute(asked.limit(size)))

    def _known(self, ids: set[str]) -> dict[str, tuple[str, bytes | None]]:
        asked = (
            select(episodes.c.id, episodes.c.key, payloads.c.episode)
            .outerjoin(payloads, payloads.c.episode_id == episodes.c.id)
            .where(episodes.c.id.in_(ids))
        )
        with self._engine.connect() as connection:
            return {row.id: (row.key, row.episode) for row in connection.execute(asked)}


def _open_read_only(url: str) -> Engine:
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
    if not path.is_file():
        raise ArchiveError(f"{path}: there is no such file")
    place = f"file:{quote(str(path.absolute()))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(place, uri=True, timeout=10, check_same_thread=False)
    )


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or type(error).__name__)
