"""Leases of lanes that are in hand: kept while an attempt goes on, ended when its process has died."""

import sqlalchemy as sa

from switchhook.store.tables.lanes import IS_LEASED, lanes


def renew(
    tx: sa.Connection, account_id: int, connection_id: str, lane: str, *, epoch: int, until_ms: int
) -> bool:
    """Keep a lane until then; False when another has taken it over meanwhile."""
    mine = (
        lanes.c.account_id == account_id,
        lanes.c.connection_id == connection_id,
        lanes.c.lane == lane,
        lanes.c.epoch == epoch,
        IS_LEASED,
    )
    return tx.execute(sa.update(lanes).where(*mine).values(lease_until_ms=until_ms)).rowcount == 1


def give_back_all(tx: sa.Connection) -> None:
    """Of all accounts: end every lease, on a store that nobody but the starting process works on.

    What was under way when the last process was killed is tried again at once, and no longer counts
    as under way. Should that process be alive after all, its verdicts are refused.
    """
    tx.execute(sa.update(lanes).where(IS_LEASED).values(lease_until_ms=0))
