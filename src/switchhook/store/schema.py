"""Brings the tables of a database up to date by its migrations."""

from pathlib import Path

import sqlalchemy as sa
import structlog

from switchhook.core.errors import Misconfigured

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent / "migrations"
# Nodes that start together on one PostgreSQL take turns. Any number that nobody else uses.
LOCK = 0x5717C4


def bring_up_to_date(tx: sa.Connection) -> None:
    """Run what migrations this database lacks, all in the transaction that is open.

    Raises:
        Misconfigured: a newer version of the program has changed the tables.
    """
    if stored_revision(tx) == newest_revision():
        return
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    stored = stored_revision(tx)
    if stored == newest_revision():
        return
    if stored is not None and stored > newest_revision():
        raise Misconfigured(
            f"the database was changed by a newer version ({stored}; this one knows {newest_revision()})"
        )
    log.info("changing the tables", revision_before=stored, revision=newest_revision())
    run(tx, "upgrade", "head")


def newest_revision() -> str:
    # From the names of the files: importing Alembic takes longer than all else that opening a store does.
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def stored_revision(tx: sa.Connection) -> str | None:
    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def run(tx: sa.Connection, command: str, revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` over a connection."""
    from alembic import command as commands
    from alembic.config import Config

    config = Config(attributes={"connection": tx})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    {"upgrade": commands.upgrade, "downgrade": commands.downgrade}[command](config, revision)
