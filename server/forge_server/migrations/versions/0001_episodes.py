"""Episodes and verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "meta", sa.Column("name", sa.String(32), primary_key=True), sa.Column("value", sa.Text, nullable=False)
    )
    op.create_table(
        "streams", sa.Column("name", sa.String(200), primary_key=True), sa.Column("next", sa.BigInteger, nullable=False)
    )
    op.create_table(
        "episodes",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("split", sa.String(8), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("probes_made", sa.Integer, nullable=False),
        sa.Column("probes", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    still_open = sa.text("status = 'open'")
    op.create_index("episodes_open", "episodes", ["expires"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "payloads",
        sa.Column("episode_id", sa.String(64), primary_key=True),
        sa.Column("episode", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("episode_id", sa.String(64), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("submitted", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reward", sa.Float),
        sa.Column("components", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("grader", sa.String(32), nullable=False),
        sqlite_with_rowid=False,
    )
