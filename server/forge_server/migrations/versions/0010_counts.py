"""Counts that the database keeps itself, and indexes for lists and for names.

The counts are kept by triggers. So they are right whoever writes: several processes, replicas, and a replica of the
version before, which knows nothing of them.
"""

import time

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import OperationalError

from forge_server.names import appearance

revision = "0010"
down_revision = "0009"

# How long the migration waits for tables that a running replica writes to, again and again: each time for less than the
# second after which Postgres looks for deadlocks.
PATIENCE = 0.2
TRIES = 300
LOCKED = ("episodes", "verdicts", "submissions", "curricula", "runs", "run_points")

# For each row that is written. There is one writer at a time, so one row for each count is enough.
SQLITE = (
    """
    CREATE TRIGGER count_opened AFTER INSERT ON episodes BEGIN
        INSERT INTO counts (kind, name, change, number, total) VALUES ('episodes', NEW.status, 0, 1, 0.0)
            ON CONFLICT (kind, name, change) DO UPDATE SET number = number + 1;
        INSERT INTO counts (kind, name, change, number, total) SELECT 'reopened', '', 0, 1, 0.0 WHERE NEW.opening > 1
            ON CONFLICT (kind, name, change) DO UPDATE SET number = number + 1;
    END
    """,
    """
    CREATE TRIGGER count_moved AFTER UPDATE OF status ON episodes WHEN OLD.status <> NEW.status BEGIN
        UPDATE counts SET number = number - 1 WHERE kind = 'episodes' AND name = OLD.status AND change = 0;
        INSERT INTO counts (kind, name, change, number, total) VALUES ('episodes', NEW.status, 0, 1, 0.0)
            ON CONFLICT (kind, name, change) DO UPDATE SET number = number + 1;
    END
    """,
    """
    CREATE TRIGGER count_removed AFTER DELETE ON episodes BEGIN
        UPDATE counts SET number = number - 1 WHERE kind = 'episodes' AND name = OLD.status AND change = 0;
        UPDATE counts SET number = number - 1 WHERE kind = 'reopened' AND name = '' AND change = 0 AND OLD.opening > 1;
    END
    """,
    """
    CREATE TRIGGER count_judged AFTER INSERT ON verdicts BEGIN
        INSERT INTO counts (kind, name, change, number, total) VALUES ('verdicts', NEW.outcome, 0, 1, 0.0)
            ON CONFLICT (kind, name, change) DO UPDATE SET number = number + 1;
        INSERT INTO counts (kind, name, change, number, total)
            SELECT 'rewards', split, 0, 1, NEW.reward FROM episodes
            WHERE id = NEW.episode_id AND opening = 1 AND NEW.reward IS NOT NULL
            ON CONFLICT (kind, name, change) DO UPDATE SET number = number + 1, total = total + excluded.total;
    END
    """,
    """
    CREATE TRIGGER count_unjudged AFTER DELETE ON verdicts BEGIN
        UPDATE counts SET number = number - 1 WHERE kind = 'verdicts' AND name = OLD.outcome AND change = 0;
        UPDATE counts SET number = number - 1, total = total - OLD.reward
            WHERE kind = 'rewards' AND change = 0 AND OLD.reward IS NOT NULL
            AND name = (SELECT split FROM episodes WHERE id = OLD.episode_id AND opening = 1);
    END
    """,
    """
    CREATE TRIGGER count_reported AFTER INSERT ON run_points BEGIN
        UPDATE runs SET points = points + 1 WHERE id = NEW.run_id;
    END
    """,
    """
    CREATE TRIGGER count_unreported AFTER DELETE ON run_points BEGIN
        UPDATE runs SET points = points - 1 WHERE id = OLD.run_id;
    END
    """,
)

# For each statement, and each adds rows of its own. If all changed one row, the transactions of all replicas would wait
# for each other there. `forge_server.writes.FoldCounts` keeps the rows few.
POSTGRES = (
    "CREATE SEQUENCE counts_change",
    """
    CREATE FUNCTION count_episodes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO counts (kind, name, change, number, total)
                SELECT kind, name, nextval('counts_change'), number, 0.0 FROM (
                    SELECT 'episodes' AS kind, status AS name, count(*) AS number FROM added GROUP BY status
                    UNION ALL
                    SELECT 'reopened', '', count(*) FROM added WHERE opening > 1 HAVING count(*) > 0
                ) AS counted;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO counts (kind, name, change, number, total)
                SELECT 'episodes', name, nextval('counts_change'), number, 0.0 FROM (
                    SELECT status AS name, sum(one) AS number FROM (
                        SELECT status, 1 AS one FROM added UNION ALL SELECT status, -1 FROM removed
                    ) AS moved GROUP BY status HAVING sum(one) <> 0
                ) AS counted;
        ELSE
            INSERT INTO counts (kind, name, change, number, total)
                SELECT kind, name, nextval('counts_change'), -number, 0.0 FROM (
                    SELECT 'episodes' AS kind, status AS name, count(*) AS number FROM removed GROUP BY status
                    UNION ALL
                    SELECT 'reopened', '', count(*) FROM removed WHERE opening > 1 HAVING count(*) > 0
                ) AS counted;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION count_verdicts() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        sign integer := CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE -1 END;
    BEGIN
        INSERT INTO counts (kind, name, change, number, total)
            SELECT kind, name, nextval('counts_change'), sign * number, sign * total FROM (
                SELECT 'verdicts' AS kind, outcome AS name, count(*) AS number, 0.0 AS total
                    FROM changed GROUP BY outcome
                UNION ALL
                SELECT 'rewards', split, count(*), sum(reward) FROM changed JOIN episodes ON id = episode_id
                    WHERE reward IS NOT NULL AND opening = 1 GROUP BY split
            ) AS counted;
        RETURN NULL;
    END $$
    """,
    # A report locks its run first, so that here nobody waits.
    """
    CREATE FUNCTION count_points() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        sign integer := CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE -1 END;
    BEGIN
        UPDATE runs SET points = points + sign * number
            FROM (SELECT run_id, count(*) AS number FROM changed GROUP BY run_id) AS counted
            WHERE id = run_id;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER count_opened AFTER INSERT ON episodes REFERENCING NEW TABLE AS added "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_episodes()",
    "CREATE TRIGGER count_moved AFTER UPDATE ON episodes REFERENCING OLD TABLE AS removed NEW TABLE AS added "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_episodes()",
    "CREATE TRIGGER count_removed AFTER DELETE ON episodes REFERENCING OLD TABLE AS removed "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_episodes()",
    "CREATE TRIGGER count_judged AFTER INSERT ON verdicts REFERENCING NEW TABLE AS changed "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_verdicts()",
    "CREATE TRIGGER count_unjudged AFTER DELETE ON verdicts REFERENCING OLD TABLE AS changed "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_verdicts()",
    "CREATE TRIGGER count_reported AFTER INSERT ON run_points REFERENCING NEW TABLE AS changed "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_points()",
    "CREATE TRIGGER count_unreported AFTER DELETE ON run_points REFERENCING OLD TABLE AS changed "
    "FOR EACH STATEMENT EXECUTE FUNCTION count_points()",
)

# What a store holds already. It takes as long as one `/v1/stats` took before.
COUNT = (
    """
    INSERT INTO counts (kind, name, change, number, total)
        SELECT 'episodes', status, 0, count(*), 0.0 FROM episodes GROUP BY status
    """,
    """
    INSERT INTO counts (kind, name, change, number, total)
        SELECT 'reopened', '', 0, count(*), 0.0 FROM episodes WHERE opening > 1 HAVING count(*) > 0
    """,
    """
    INSERT INTO counts (kind, name, change, number, total)
        SELECT 'verdicts', outcome, 0, count(*), 0.0 FROM verdicts GROUP BY outcome
    """,
    """
    INSERT INTO counts (kind, name, change, number, total)
        SELECT 'rewards', split, 0, count(*), sum(reward) FROM verdicts JOIN episodes ON id = episode_id
        WHERE reward IS NOT NULL AND opening = 1 GROUP BY split
    """,
    "UPDATE runs SET points = (SELECT count(*) FROM run_points WHERE run_id = id)",
)


def upgrade() -> None:
    on_postgres = op.get_bind().dialect.name == "postgresql"
    if on_postgres:
        _lock_tables()
    op.create_table(
        "counts",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("change", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("runs", sa.Column("points", sa.Integer, nullable=False, server_default="0"))
    for statement in (*(POSTGRES if on_postgres else SQLITE), *COUNT):
        op.execute(statement)
    finished = sa.text("status = 'finished'")
    op.create_index(
        "episodes_finished",
        "episodes",
        ["split", "created", "id"],
        sqlite_where=finished,
        postgresql_where=finished,
    )
    finished_with_owner = sa.text("status = 'finished' AND owner != ''")
    op.create_index(
        "episodes_finished_of_owner",
        "episodes",
        ["owner", "split", "created", "id"],
        sqlite_where=finished_with_owner,
        postgresql_where=finished_with_owner,
    )
    op.create_index("curricula_of", "curricula", ["suite", "revision"])
    op.create_index("runs_begun", "runs", ["created"])
    _add_appearances()


def _lock_tables() -> None:
    """Keep running replicas from writing until the triggers count. A replica may hold one table and want another,
    so nothing is held while the migration waits."""
    connection = op.get_bind()
    for attempt in range(1, TRIES + 1):
        try:
            with connection.begin_nested():
                op.execute(f"SET LOCAL lock_timeout = '{1000 * PATIENCE:.0f}ms'")
                op.execute(f"LOCK TABLE {', '.join(LOCKED)} IN SHARE ROW EXCLUSIVE MODE")
                op.execute("SET LOCAL lock_timeout TO DEFAULT")
            return
        except OperationalError:
            if attempt == TRIES:
                raise
            time.sleep(PATIENCE / 2)


def _add_appearances() -> None:
    # Empty by default: a replica of the version before may still enter overseers.
    op.add_column("submissions", sa.Column("appearance", sa.String(64), nullable=False, server_default=""))
    submissions = sa.table("submissions", sa.column("overseer", sa.Text), sa.column("appearance", sa.Text))
    connection = op.get_bind()
    for (overseer,) in connection.execute(sa.select(submissions.c.overseer).distinct()).all():
        connection.execute(
            sa.update(submissions).where(submissions.c.overseer == overseer).values(appearance=appearance(overseer))
        )
    op.drop_index("submissions_of", "submissions")
    op.create_index("submissions_alike", "submissions", ["suite", "appearance", "created"])
    op.create_index("submissions_of_owner", "submissions", ["suite", "owner", "created"])
    op.create_index("submissions_entered", "submissions", ["suite", "created"])
