"""Brings the tables of a database up to date: a new one at once, any other by its migrations."""

from pathlib import Path

import sqlalchemy as sa
import structlog

from switchhook.core.errors import Misconfigured
from switchhook.store.tables import load_tables

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent / "migrations"
# Nodes that start together on one PostgreSQL take turns. Any number that nobody else uses.
LOCK = 0x5717C4
# As Alembic makes it; it finds a database that was made without it at this revision.
VERSION = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def bring_up_to_date(tx: sa.Connection) -> None:
    """Make the tables of an empty database, or run what migrations another lacks; in the open transaction.

    Raises:
        Misconfigured: a newer version of the program has changed the tables.
    """
    if stored_revision(tx) == newest_revision():
        return
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    if not sa.inspect(tx).get_table_names():
        make_tables(tx)
        return
    stored = stored_revision(tx)
    if stored == newest_revision():
        return
    if stored is not None and stored > newest_revision():
        raise Misconfigured(
            f"the database was changed by a newer version ({stored}; this one knows {newest_revision()})"
        )
    log.info("changing the tables", revision_before=stored, revision=newest_revision())
    run(tx, "upgrade", "head")


def make_tables(tx: sa.Connection) -> None:
    """Make every table in an empty database: the same as by all migrations, and in a tenth of the time."""
    log.info("making the tables", revision=newest_revision())
    load_tables().create_all(tx, checkfirst=False)
    VERSION.create(tx)
    tx.execute(VERSION.insert().values(version_num=newest_revision()))


def newest_revision() -> str:
    # From the names of the files: importing Alembic takes longer than all else that opening a store does.
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def stored_revision(tx: sa.Connection) -> str | None:
    if not sa.inspect(tx).has_table(VERSION.name):
        return None
    return tx.execute(sa.select(VERSION.c.version_num)).scalar()


def run(tx: sa.Connection, command: str, revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` over a connection."""
    from alembic import command as commands
    from alembic.config import Config

    config = Config(attributes={"connection": tx})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    {"upgrade": commands.upgrade, "downgrade": commands.downgrade}[command](config, revision)
