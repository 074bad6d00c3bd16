"""The tables of a store, and how one of any age is brought up to date: by the migrations beside this module (alembic).

A change of the tables is a new file in `migrations/versions`, and `HEAD` here; a test holds the two together.
"""

import secrets
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

HEAD = "0005"
REVISIONS = ("0001", "0002", "0003", "0004", HEAD)
# Any number will do, as long as nothing else in the database takes it.
_LOCK = 0x464F524745
# A database made without an encoding (SQL_ASCII) would give back bytes for text.
POSTGRES = {"client_encoding": "utf8"}

tables = MetaData()
meta = Table("meta", tables, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))
streams = Table(
    "streams", tables, Column("name", String(200), primary_key=True), Column("next", BigInteger, nullable=False)
)
episodes = Table(
    "episodes",
    tables,
    Column("id", String(64), primary_key=True),
    Column("key", String(128), nullable=False),
    Column("split", String(8), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("status", String(8), nullable=False),
    Column("probes_made", Integer, nullable=False),
    Column("probes", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "episodes_open",
    episodes.c.expires,
    sqlite_where=episodes.c.status == "open",
    postgresql_where=episodes.c.status == "open",
)
# Apart from `episodes`, because SQLite writes a whole row again when its status changes.
payloads = Table(
    "payloads",
    tables,
    Column("episode_id", String(64), primary_key=True),
    Column("episode", LargeBinary, nullable=False),
)
verdicts = Table(
    "verdicts",
    tables,
    Column("episode_id", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("submitted", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reward", Float),
    Column("components", Text),
    Column("reason", Text),
    Column("created", Float, nullable=False),
    Column("grader", String(32), nullable=False),
    Column("step", Boolean),
    sqlite_with_rowid=False,
)
# Never changed, only added to: the last row of a suite is in force, none in force where its body is null.
curricula = Table(
    "curricula",
    tables,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("suite", String(128), nullable=False),
    Column("body", Text),
    Column("created", Float, nullable=False),
)


# `suite` is the hash of all that makes a score: another one is another leaderboard, with a budget of its own. `owner` names
# the token that entered, and is empty where the server had none; `request` is the client's own name for its request.
submissions = Table(
    "submissions",
    tables,
    Column("id", String(64), primary_key=True),
    Column("overseer", String(64), nullable=False),
    Column("suite", String(64), nullable=False),
    Column("entry", Integer, nullable=False),
    Column("episodes", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("scorecard", Text),
    Column("owner", String(64), nullable=False, server_default=""),
    Column("request", String(64)),
)
Index("submissions_of", submissions.c.suite, submissions.c.overseer)
entered = Table(
    "entered",
    tables,
    Column("submission_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("episode_id", String(64), nullable=False),
)


def connect_to_postgres(url: URL, **options: Any) -> Engine:
    """An engine for a database that is no SQLite file.

    Raises:
        ValueError: its driver is not installed.
    """
    if url.drivername == "postgresql":
        # SQLAlchemy 2.0 would take another driver.
        url = url.set(drivername="postgresql+psycopg")
    try:
        return create_engine(url, connect_args=POSTGRES, **options)
    except ModuleNotFoundError as error:
        hint = "pip install 'forge-arena[postgres]'" if error.name == "psycopg" else "use postgresql+psycopg://…"
        raise ValueError(f"{error.name} is missing, which {url.drivername} needs: {hint}") from None


def bring_up_to_date(engine: Engine) -> None:
    """Make the tables, or change those of an older version; servers that start together take turns here.

    Raises:
        ValueError: the store is of a version that this server does not know.
    """
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        found = revision_of(connection)
        if found not in (None, *REVISIONS):
            raise ValueError(f"the store has schema {found}, this server knows {REVISIONS[0]} to {HEAD}: update it")
        if found != HEAD:
            _migrate(connection, found)
        connection.execute(ignore_known(connection, meta), [{"name": "secret", "value": secrets.token_hex(32)}])


def revision_of(connection: Connection) -> str | None:
    """The version of a store's tables, None where there are none. Before alembic it stood in `meta`."""
    there = set(inspect(connection).get_table_names())
    if "alembic_version" in there:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if "meta" not in there:
        return None
    numbered = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()
    return None if numbered is None else numbered.zfill(4)


def _migrate(connection: Connection, found: str | None) -> None:
    # Half a second of imports that a store of today does not need.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "forge_server:migrations")
    config.attributes["connection"] = connection
    if found is not None:
        command.stamp(config, found)
    command.upgrade(config, HEAD)


def ignore_known(connection: Connection, table: Table) -> Any:
    """An insert that skips rows whose primary key is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
