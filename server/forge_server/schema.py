"""The tables of a store. Older stores are brought up to date by the migrations beside this module (alembic).

If you change the tables, add a file to `migrations/versions` and change `HEAD`. A test checks that the two agree.
"""

import secrets
from collections.abc import Collection
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
    and_,
    create_engine,
    inspect,
    literal,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

HEAD = "0010"
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", HEAD)
# The number of the advisory lock. Any number will do that nothing else in the database uses.
_LOCK = 0x464F524745
# Otherwise a database that was made without an encoding (SQL_ASCII) would give back bytes for text.
POSTGRES = {"client_encoding": "utf8"}

tables = MetaData()
# What begins the name of a row of `meta` that holds a reward profile; its label follows.
PROFILE = "profile "
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
    # 1, and one more each time that the episode was opened again.
    Column("opening", Integer, nullable=False, server_default="1"),
    Column("view", String(16), nullable=False, server_default="full"),
    sqlite_with_rowid=False,
)
# Conditions of partial indexes. A query must hold them as text and not as parameters, because a database that plans
# before it knows the parameters cannot use the index.
is_open = episodes.c.status == literal("open", literal_execute=True)
is_finished = episodes.c.status == literal("finished", literal_execute=True)
has_player = episodes.c.player != literal("", literal_execute=True)
has_owner = episodes.c.owner != literal("", literal_execute=True)
Index("episodes_open", episodes.c.expires, sqlite_where=is_open, postgresql_where=is_open)
Index("episodes_of_player", episodes.c.player, sqlite_where=has_player, postgresql_where=has_player)
# For the list of finished episodes: those of a split, the newest first. The second one is for tokens that see only
# their own, and costs a server without tokens nothing.
Index(
    "episodes_finished",
    episodes.c.split,
    episodes.c.created,
    episodes.c.id,
    sqlite_where=is_finished,
    postgresql_where=is_finished,
)
Index(
    "episodes_finished_of_owner",
    episodes.c.owner,
    episodes.c.split,
    episodes.c.created,
    episodes.c.id,
    sqlite_where=and_(is_finished, has_owner),
    postgresql_where=and_(is_finished, has_owner),
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
# How many episodes and verdicts there are, so that nobody has to count all of them. Triggers keep the counts (migration
# 0010), so they are right whoever writes. A count is the sum of its rows. SQLite keeps one row for each count. Postgres
# adds a row for each statement, because otherwise the transactions of all replicas would wait for each other.
#   kind        name        number                                     total
#   episodes    a status    episodes with that status
#   reopened    (empty)     episodes that were opened again
#   verdicts    an outcome  verdicts with that outcome
#   rewards     a split     rewards on episodes that were opened once  their sum
counts = Table(
    "counts",
    tables,
    Column("kind", String(8), primary_key=True),
    Column("name", String(16), primary_key=True),
    Column("change", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("total", Float, nullable=False),
    sqlite_with_rowid=False,
)
# `number` counts the uses of an attempt from 0. `used` is JSON, because any text must survive any database.
tool_uses = Table(
    "tool_uses",
    tables,
    Column("episode_id", String(64), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("used", Text, nullable=False),
    Column("created", Float, nullable=False),
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
Index("curricula_of", curricula.c.suite, curricula.c.revision)


# `suite` is the hash of all that a score depends on: another hash is another leaderboard, with a budget of its own.
# `owner` names the token that entered, and is empty if the server had no tokens. `request` is the client's own name for
# its request. `appearance` is equal for names that look alike (`names.appearance`), and empty if a replica of schema 9
# made the entry.
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
    Column("appearance", String(64), nullable=False, server_default=""),
)
Index("submissions_alike", submissions.c.suite, submissions.c.appearance, submissions.c.created)
Index("submissions_of_owner", submissions.c.suite, submissions.c.owner, submissions.c.created)
Index("submissions_entered", submissions.c.suite, submissions.c.created)
entered = Table(
    "entered",
    tables,
    Column("submission_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("episode_id", String(64), nullable=False),
)

# Training runs that a trainer reports. `owner` names its token, and is empty if the server had no tokens. Triggers keep
# `points`, how many points a run has (migration 0010).
runs = Table(
    "runs",
    tables,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("request", String(64)),
    Column("created", Float, nullable=False),
    Column("reported", Float),
    Column("points", Integer, nullable=False, server_default="0"),
)
Index("runs_of", runs.c.owner, runs.c.created)
Index("runs_begun", runs.c.created)
run_points = Table(
    "run_points",
    tables,
    Column("run_id", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("phase", String(64), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("numbers", Text, nullable=False),
    sqlite_with_rowid=False,
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


def replace_known(connection: Connection, table: Table, columns: Collection[str]) -> Any:
    """An insert that replaces these columns of rows whose primary key exists already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    new = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=new)
