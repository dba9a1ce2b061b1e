"""The one thing that both engines can and standard SQL has no words for: insert, or else."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(tx: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an insert that may go on with `on_conflict_do_nothing` or `on_conflict_do_update`."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
