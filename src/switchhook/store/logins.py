"""One-time links that have been used: each opens once, on whichever node."""

from datetime import datetime

import sqlalchemy as sa

from switchhook.store.inserts import insert_into
from switchhook.store.tables.book import hub_settings
from switchhook.store.times import to_millis

PREFIX = "used_link:"
# Milliseconds with leading zeros, so that texts compare as numbers do.
WIDTH = 15


def use_link(tx: sa.Connection, nonce: str, *, expires_at: datetime, now: datetime) -> bool:
    """Use a link up. False: it had been. Links too old to open by themselves are forgotten.

    They belong to no account. A running hub keeps nothing of them in memory, so the revision stays.
    """
    is_link = hub_settings.c.name.startswith(PREFIX, autoescape=True)
    is_old = hub_settings.c.value < f"{to_millis(now):0{WIDTH}}"
    tx.execute(sa.delete(hub_settings).where(is_link & is_old))
    insert = insert_into(tx, hub_settings).values(
        name=PREFIX + nonce, value=f"{to_millis(expires_at):0{WIDTH}}"
    )
    return bool(tx.execute(insert.on_conflict_do_nothing(index_elements=["name"])).rowcount)
