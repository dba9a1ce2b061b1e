"""Open links to peers: which process holds which, and what is asked of it by others."""

import sqlalchemy as sa

from switchhook.store.tables import BYTEWISE, MILLIS, account_id, metadata

# A row per connection that was ever linked; it stays for its epoch.
links = sa.Table(
    "links",
    metadata,
    sa.Column(
        "connection_id",
        sa.Text,
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    account_id(),
    sa.Column("owner", sa.Text, nullable=False),  # the process; empty: given back
    # One more with each holder. Who comes back with an old one is refused.
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("until_ms", MILLIS, nullable=False),  # then anyone may take it
    # What works, or why nothing does; both empty while the link is being made.
    sa.Column("what", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("since_ms", MILLIS),
)

link_orders = sa.Table(
    "link_orders",
    metadata,
    sa.Column("id", BYTEWISE, primary_key=True),  # begins with the time
    account_id(),
    sa.Column("connection_id", sa.Text, sa.ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # JSON
    sa.Column("asked_ms", MILLIS, nullable=False),
    sa.Column("until_ms", MILLIS, nullable=False),  # not begun after that
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger),  # of whoever has it in hand
    sa.Column("error_id", sa.Text),
    sa.Column("reason", sa.Text),
)
# Written out rather than bound: a query may use a partial index only if it says the same words.
IS_WAITING = sa.text("state = 'waiting'")
sa.Index(
    "ix_link_orders_waiting",
    link_orders.c.connection_id,
    link_orders.c.id,
    sqlite_where=IS_WAITING,
    postgresql_where=IS_WAITING,
)
