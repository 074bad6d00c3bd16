"""What the train stream follows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "curricula",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("suite", sa.String(128), nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("created", sa.Float, nullable=False),
    )
