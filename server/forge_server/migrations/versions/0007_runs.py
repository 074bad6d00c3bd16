"""Training runs that their trainers report."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("request", sa.String(64)),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("reported", sa.Float),
    )
    op.create_index("runs_of", "runs", ["owner", "created"])
    op.create_table(
        "run_points",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("phase", sa.String(64), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("numbers", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
