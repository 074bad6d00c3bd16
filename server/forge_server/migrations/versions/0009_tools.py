"""The view in which an episode was opened, and the uses of tools."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # With a default in the database: a replica of the version before may still open episodes.
    op.add_column("episodes", sa.Column("view", sa.String(16), nullable=False, server_default="full"))
    op.create_table(
        "tool_uses",
        sa.Column("episode_id", sa.String(64), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("used", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
