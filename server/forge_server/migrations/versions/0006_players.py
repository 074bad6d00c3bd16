"""Whose an episode is, and which person plays it on the page."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # With a default in the database: a replica of the version before may still open episodes.
    op.add_column("episodes", sa.Column("owner", sa.String(64), nullable=False, server_default=""))
    op.add_column("episodes", sa.Column("player", sa.String(64), nullable=False, server_default=""))
    played = sa.text("player != ''")
    op.create_index("episodes_of_player", "episodes", ["player"], sqlite_where=played, postgresql_where=played)
