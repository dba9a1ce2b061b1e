"""Who holds which open link: a lease with a number (the epoch) that grows with each holder.

Times are those of the process that asks; the epoch, not the time, keeps an old holder from writing.
"""

from collections.abc import Collection

import sqlalchemy as sa
from msgspec import Struct

from switchhook.store.inserts import insert_into
from switchhook.store.tables.connections import connections
from switchhook.store.tables.links import links


class LinkLease(Struct, frozen=True, kw_only=True):
    """How it stands with one link."""

    account_id: int
    connection_id: str
    owner: str  # of the process; empty: given back
    epoch: int
    until_ms: int  # then anyone may take it
    what: str | None = None  # what works
    reason: str | None = None  # why nothing does
    since_ms: int | None = None  # of either

    def works(self, now_ms: int) -> str | None:
        """Give what works just now; None: nobody holds the link, or nothing does."""
        return self.what if self.until_ms > now_ms else None


_EPOCHS = (
    sa.select(links.c.connection_id, links.c.epoch)
    .where(links.c.connection_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(links.c.connection_id)
    # Whoever takes a link over waits for the transactions of the holder before.
    .with_for_update(read=True)
)


def take_link(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    owner: str,
    *,
    now_ms: int,
    until_ms: int,
    is_forced: bool = False,
) -> int | None:
    """Take a link that nobody holds, or by force any; give its new epoch.

    None: another holds it, or there is no such connection in the account.
    """
    existing = sa.select(
        connections.c.id,
        connections.c.account_id,
        sa.literal(owner, sa.Text),
        sa.literal(1, sa.BigInteger),
        sa.literal(until_ms, sa.BigInteger),
    ).where(connections.c.account_id == account_id, connections.c.id == connection_id)
    names = ["connection_id", "account_id", "owner", "epoch", "until_ms"]
    taken = insert_into(tx, links).from_select(names, existing)
    upsert = taken.on_conflict_do_update(
        index_elements=["connection_id"],
        set_={
            "owner": owner,
            "epoch": links.c.epoch + 1,
            "until_ms": until_ms,
            "what": None,
            "reason": None,
            "since_ms": None,
        },
        where=None if is_forced else links.c.until_ms <= now_ms,
    )
    epoch: int | None = tx.execute(upsert.returning(links.c.epoch)).scalar()
    return epoch


def renew_links(tx: sa.Connection, owner: str, *, until_ms: int) -> dict[str, int]:
    """Of all accounts: keep what this process holds until then; give the epochs of just that."""
    mine = sa.update(links).where(links.c.owner == owner).values(until_ms=until_ms)
    renewed = tx.execute(mine.returning(links.c.connection_id, links.c.epoch))
    return {row.connection_id: row.epoch for row in renewed}


def renew_link(tx: sa.Connection, account_id: int, connection_id: str, *, epoch: int, until_ms: int) -> bool:
    """Keep one link until then; False when another has taken it."""
    return _update(tx, account_id, connection_id, epoch, until_ms=until_ms)


def give_back_link(tx: sa.Connection, account_id: int, connection_id: str, *, epoch: int) -> None:
    """Let anyone take the link at once; does nothing when another already has."""
    _update(tx, account_id, connection_id, epoch, owner="", until_ms=0, what=None, reason=None, since_ms=None)


def give_back_links(tx: sa.Connection) -> None:
    """Of all accounts: let anyone take any link, on a store that nobody but the starting process works on.

    Should a holder be alive after all, the epoch of whoever takes its link keeps it from writing.
    """
    nobody = {"owner": "", "until_ms": 0, "what": None, "reason": None, "since_ms": None}
    tx.execute(sa.update(links).values(nobody))


def describe_link(
    tx: sa.Connection,
    account_id: int,
    connection_id: str,
    *,
    epoch: int,
    what: str | None,
    reason: str | None,
    at_ms: int,
) -> bool:
    """Say how the link does; False when another holds it by now."""
    return _update(tx, account_id, connection_id, epoch, what=what, reason=reason, since_ms=at_ms)


def get_link(tx: sa.Connection, account_id: int, connection_id: str) -> LinkLease | None:
    """Give the lease of one link; None when it never had one."""
    found = sa.select(links).where(links.c.account_id == account_id, links.c.connection_id == connection_id)
    row = tx.execute(found).first()
    return None if row is None else LinkLease(**row._mapping)


def list_links(tx: sa.Connection, account_id: int) -> dict[str, LinkLease]:
    """Give the leases of an account by connection, those that are over too."""
    found = sa.select(links).where(links.c.account_id == account_id)
    return {row.connection_id: LinkLease(**row._mapping) for row in tx.execute(found)}


def free_links(tx: sa.Connection, connection_ids: Collection[str], *, now_ms: int) -> list[str]:
    """Of all accounts: say which of these links nobody holds; a hint, without locks."""
    held = sa.select(links.c.connection_id).where(
        links.c.connection_id.in_(list(connection_ids)), links.c.until_ms > now_ms
    )
    taken = set(tx.execute(held).scalars())
    return [one for one in connection_ids if one not in taken]


def link_epochs(tx: sa.Connection, connection_ids: Collection[str]) -> dict[str, int]:
    """Of all accounts: give the epochs of these links; they stay so until the transaction ends."""
    return {row.connection_id: row.epoch for row in tx.execute(_EPOCHS, {"ids": list(connection_ids)})}


def _update(tx: sa.Connection, account_id: int, connection_id: str, epoch: int, **values: object) -> bool:
    mine = links.c.account_id == account_id, links.c.connection_id == connection_id, links.c.epoch == epoch
    return tx.execute(sa.update(links).where(*mine).values(**values)).rowcount == 1
