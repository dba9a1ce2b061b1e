"""Configured connections, the keys their peers present, and how delivery to them stands."""

import sqlalchemy as sa

from switchhook.store.tables import MILLIS, account_id, metadata

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    account_id(),
    # The unguessable part of the address where the peer reaches us: its hash, and itself encrypted.
    sa.Column("url_lookup", sa.LargeBinary, nullable=False),
    sa.Column("url_key", sa.LargeBinary, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),  # JSON object, without the secret fields
    sa.Column("secret_settings", sa.LargeBinary, nullable=False),  # encrypted JSON object
    sa.Column("keys", sa.LargeBinary, nullable=False),  # encrypted JSON object
    sa.Column("state", sa.LargeBinary, nullable=False),  # encrypted JSON object
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_reason", sa.Text),
    sa.Column("created_at_ms", MILLIS, nullable=False),
    # The keys before the last rotation, encrypted as `keys` are, and until when they open too.
    sa.Column("old_keys", sa.LargeBinary),
    sa.Column("old_keys_until_ms", MILLIS),
    sa.UniqueConstraint("url_lookup"),
    sa.Index(None, "account_id", "role", "kind"),
)

# A presented key finds its connection without being stored in clear.
connection_keys = sa.Table(
    "connection_keys",
    metadata,
    sa.Column(
        "connection_id",
        sa.Text,
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("name", sa.Text, primary_key=True),
    account_id(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("lookup", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("kind", "lookup"),
)

# How delivery to a connection stands; store/breaker.py reads and writes it.
destinations = sa.Table(
    "destinations",
    metadata,
    sa.Column(
        "connection_id",
        sa.Text,
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    account_id(),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("opened_at_ms", MILLIS),  # the breaker tripped
    sa.Column("open_until_ms", MILLIS, nullable=False, server_default="0"),
    sa.Column("tokens", sa.Double, nullable=False, server_default="0"),
    sa.Column("tokens_at_ms", MILLIS, nullable=False, server_default="0"),
    sa.Column("paused_reason", sa.Text),
)
