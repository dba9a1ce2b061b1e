"""The newest calls of a connection by the peer's own ids."""

from collections.abc import Sequence

import sqlalchemy as sa

from switchhook.core.call import Call
from switchhook.store.call_rows import decode_call, peer_key
from switchhook.store.tables.calls import calls


def newest_by_call_ids(
    tx: sa.Connection, account_id: int, connection_id: str, call_ids: Sequence[str]
) -> dict[str, Call]:
    """Give each id's newest call, for those that have one; a report's own id finds its call too."""
    found: dict[str, Call] = {}
    wanted = {peer_key(connection_id, call_id): call_id for call_id in call_ids}
    for column in (calls.c.report_key, calls.c.peer_key):
        rows = sa.select(column, calls.c.snapshot).where(
            calls.c.account_id == account_id, column.in_(list(wanted))
        )
        for key, snapshot in tx.execute(rows):
            found[wanted[key]] = decode_call(snapshot)
    return found
