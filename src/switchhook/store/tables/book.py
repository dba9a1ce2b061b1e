"""Accounts and their address book: employees, contacts, lines, groups, keys of our own APIs, their orders."""

import sqlalchemy as sa

from switchhook.store.tables import BYTEWISE, ID, MILLIS, account_id, identity, metadata

accounts = sa.Table(
    "accounts",
    metadata,
    identity(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at_ms", MILLIS, nullable=False),
    sa.UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

# Of the whole hub, so without an account: its public address, the revision of what is configured.
hub_settings = sa.Table(
    "hub_settings",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

employees = sa.Table(
    "employees",
    metadata,
    identity(),
    account_id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("extension", sa.Text, nullable=False),
    sa.Column("login", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("availability", sa.Text, nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),  # JSON list
    sa.UniqueConstraint("account_id", "extension"),
    sqlite_autoincrement=True,
)

contacts = sa.Table(
    "contacts",
    metadata,
    identity(),
    account_id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_folded", sa.Text, nullable=False),  # SQLite knows the cases of Latin letters only
    sa.Column("responsible", sa.Text),  # extension
    sa.Column("email", sa.Text),
    # The numbers as written, a JSON list: a contact is shown from this row alone.
    sa.Column("phones", sa.Text, nullable=False),
    # Hash of account, name and numbers: an import finds by it what is here already.
    sa.Column("card", sa.BigInteger, nullable=False),
    sa.Index(None, "account_id", "id"),
    sa.Index(None, "card"),
    sqlite_autoincrement=True,
)

# What callers are looked up by; one row per readable number of a contact.
contact_phones = sa.Table(
    "contact_phones",
    metadata,
    sa.Column("account_id", ID, nullable=False),
    sa.Column(
        "contact_id", ID, sa.ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False, primary_key=True
    ),
    sa.Column("position", sa.SmallInteger, nullable=False, primary_key=True),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("e164", sa.Text),
    sa.Column("reversed_digits", BYTEWISE, nullable=False),
    sa.Index(None, "account_id", "e164"),
    sa.Index(None, "account_id", "reversed_digits"),
)

lines = sa.Table(
    "lines",
    metadata,
    identity(),
    account_id(),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("canonical", sa.Text, nullable=False),  # what spellings of one number have in common
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("site", sa.Text),
    sa.Column("group_name", sa.Text),
    sa.UniqueConstraint("account_id", "canonical"),
    sqlite_autoincrement=True,
)

groups = sa.Table(
    "groups",
    metadata,
    identity(),
    account_id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("extensions", sa.Text, nullable=False),  # JSON list, in order
    sa.UniqueConstraint("account_id", "name"),
    sqlite_autoincrement=True,
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    identity(),
    account_id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("lookup", sa.LargeBinary, nullable=False),  # HMAC of the key; the key itself is not kept
    sa.Column("allow", sa.Text, nullable=False),  # JSON list of networks; empty: from anywhere
    sa.Column("created_at_ms", MILLIS, nullable=False),
    sa.Column("last_used_at_ms", MILLIS),
    sa.Column("revoked_at_ms", MILLIS),
    # JSON list of what it may be used for; keys older than this column may do everything.
    sa.Column("scopes", sa.Text, nullable=False, server_default='["read","write","dial","lookup"]'),
    # First and last four characters, by which its owner knows it again; "": made before this column.
    sa.Column("hint", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("zone", sa.Text, nullable=False, server_default="UTC"),  # IANA name
    # Its own rate, so many requests in so many seconds; none: that of what it opens.
    sa.Column("rate_requests", sa.Integer),
    sa.Column("rate_seconds", sa.Integer),
    sa.UniqueConstraint("lookup"),
    sqlite_autoincrement=True,
)

# Orders that came with a word of the client's own: the same word does not dial a second time.
idempotency = sa.Table(
    "idempotency",
    metadata,
    account_id(is_checked=False),
    sa.Column("key_id", ID, nullable=False),
    sa.Column("idempotency_key", BYTEWISE, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("made_ms", MILLIS, nullable=False),
    sa.PrimaryKeyConstraint("account_id", "key_id", "idempotency_key"),
    sa.Index(None, "made_ms"),
)
