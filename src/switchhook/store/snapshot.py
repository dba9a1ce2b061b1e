"""All that a running hub keeps in memory of what is configured, as of one moment."""

import sqlalchemy as sa

from switchhook.store.connections import ConnectionRow, all_connections
from switchhook.store.hub_settings import PUBLIC_URL, get_setting, revision
from switchhook.store.secrets import SecretBox


def read_snapshot(tx: sa.Connection, box: SecretBox) -> tuple[int, str | None, list[ConnectionRow]]:
    """Give the revision, the hub's public address and the connections of all accounts."""
    return revision(tx), get_setting(tx, PUBLIC_URL), all_connections(tx, box)
