"""Every table of the store in one metadata, and the column types they share.

A module of this folder holds one group of tables; `load_tables` finds them all.
"""

import pkgutil
from importlib import import_module

import sqlalchemy as sa

# Migrations drop and change constraints by name, so none may be left to the engine.
NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

metadata = sa.MetaData(naming_convention=NAMES)

# SQLite gives out numbers by itself only to columns declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Aware UTC datetimes are stored as whole milliseconds since 1970: see store/times.py.
MILLIS = sa.BigInteger()
# Sorted and searched by prefix byte by byte, whatever the language of the database.
BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def identity() -> sa.Column[int]:
    """Make the column `id`, numbered by the database. With it, give the table `sqlite_autoincrement=True`
    where a number that has been given out must never come again.
    """
    return sa.Column("id", ID, sa.Identity(), primary_key=True)


def account_id(*, is_checked: bool = True) -> sa.Column[int]:
    """Make the column that every table has; unchecked where rows come by the thousand."""
    if not is_checked:
        return sa.Column("account_id", ID, nullable=False)
    return sa.Column("account_id", ID, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False)


def load_tables() -> sa.MetaData:
    """Give the metadata with every table of this folder in it."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        import_module(module.name)
    return metadata
