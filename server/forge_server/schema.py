"""The tables of a store. Older stores are brought up to date by the migrations beside this module (alembic).

If you change the tables, add a file to `migrations/versions` and change `HEAD`. A test checks that the two agree.
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
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

HEAD = "0006"
REVISIONS = ("0001", "0002", "0003", "0004", "0005", HEAD)
# The number of the advisory lock. Any number will do that nothing else in the database uses.
_LOCK = 0x464F524745
# Otherwise a database that was made without an encoding (SQL_ASCII) would give back bytes for text.
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
    # The token that opened the episode, empty without tokens. `player` is empty unless a person plays it on the page.
    Column("owner", String(64), nullable=False, server_default=""),
    Column("player", String(64), nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
Index(
    "episodes_open",
    episodes.c.expires,
    sqlite_where=episodes.c.status == "open",
    postgresql_where=episodes.c.status == "open",
)
Index(
    "episodes_of_player",
    episodes.c.player,
    sqlite_where=episodes.c.player != "",
    postgresql_where=episodes.c.player != "",
)
# Not in `episodes`, because SQLite writes a whole row again when its status changes.
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
# Rows are only added. The last row of a suite is in force; if its body is null, none is.
curricula = Table(
    "curricula",
    tables,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("suite", String(128), nullable=False),
    Column("body", Text),
    Column("created", Float, nullable=False),
)


# `suite` is the hash of all that a score depends on: another hash is another leaderboard, with a budget of its own.
# `owner` names the token that entered, and is empty if the server had no tokens. `request` is the client's own name for
# its request.
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
    """An engine for a database other than SQLite.

    Raises:
        ValueError: its driver is not installed.
    """
    if url.drivername == "postgresql":
        # Without the driver's name SQLAlchemy 2.0 would take psycopg2.
        url = url.set(drivername="postgresql+psycopg")
    try:
        return create_engine(url, connect_args=POSTGRES, **options)
    except ModuleNotFoundError as error:
        hint = "pip install 'forge-arena[postgres]'" if error.name == "psycopg" else "use postgresql+psycopg://…"
        raise ValueError(f"{error.name} is missing, which {url.drivername} needs: {hint}") from None


def bring_up_to_date(engine: Engine) -> None:
    """Make the tables, or migrate those of an older version. Servers that start together take turns here.

    Raises:
        ValueError: the store has a schema that this server does not know.
    """
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        revision = revision_of(connection)
        if revision not in (None, *REVISIONS):
            raise ValueError(f"the store has schema {revision}, this server knows {REVISIONS[0]} to {HEAD}: update it")
        if revision != HEAD:
            _migrate(connection)
        connection.execute(ignore_known(connection, meta), [{"name": "secret", "value": secrets.token_hex(32)}])


def revision_of(connection: Connection) -> str | None:
    """The revision of a store's tables, None if there are none."""
    # Not by alembic's MigrationContext, whose import takes half a second.
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    # Imported here for the same reason: a store that is up to date does not need alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "forge_server:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def ignore_known(connection: Connection, table: Table) -> Any:
    """An insert that skips rows whose primary key exists already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
