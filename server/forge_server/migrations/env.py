"""Run the migrations on the connection of a server, inside its transaction. `alembic revision` has none and opens one:

alembic -x url=sqlite:///arena.db revision --autogenerate --rev-id 0006 -m "what it adds"
"""

from alembic import context
from sqlalchemy import Connection, create_engine

from forge_server.schema import tables


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=tables)
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    _run(connection)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as opened:
        _run(opened)
