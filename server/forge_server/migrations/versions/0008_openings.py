"""Whether an episode was opened again."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # With a default in the database: a replica of the version before may still open episodes.
    op.add_column("episodes", sa.Column("opening", sa.Integer, nullable=False, server_default="1"))
