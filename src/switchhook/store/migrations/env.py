"""What Alembic runs: migrations over the connection it is given, or for a developer at the shell."""

import asyncio
import os

import sqlalchemy as sa
from alembic import context

from switchhook.store.tables import load_tables


def migrate(connection: sa.Connection) -> None:
    context.configure(connection=connection, target_metadata=load_tables(), compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_from_shell() -> None:
    from switchhook.store import postgres

    engine = postgres.open_engine(os.environ["SWITCHHOOK_DATABASE_URL"], size=1, is_writer=True)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(migrate_from_shell())
else:
    migrate(given)
