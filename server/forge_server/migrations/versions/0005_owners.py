"""Whose an entry for the leaderboard is, and which request made it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # With a default in the database: a replica of the version before may still enter overseers.
    op.add_column("submissions", sa.Column("owner", sa.String(64), nullable=False, server_default=""))
    op.add_column("submissions", sa.Column("request", sa.String(64)))
