"""Settings of the whole hub, and the revision that tells a running hub to look again.

They belong to no account.
"""

import sqlalchemy as sa

from switchhook.core.errors import Misconfigured
from switchhook.store.inserts import insert_into
from switchhook.store.many import Find
from switchhook.store.secrets import SecretBox
from switchhook.store.tables.book import hub_settings

# Names of settings that more than one room knows.
PUBLIC_URL = "public_url"

REVISION = "revision"
KEY_ID = "key_id"

FIND = sa.select(hub_settings.c.value).where(hub_settings.c.name == sa.bindparam("wanted"))
_FIND_OFTEN = Find(FIND, "wanted")
NEXT = sa.cast(sa.cast(hub_settings.c.value, sa.BigInteger) + 1, sa.Text)
BUMP = sa.update(hub_settings).where(hub_settings.c.name == REVISION).values(value=NEXT)


def get_setting(tx: sa.Connection, name: str) -> str | None:
    return tx.execute(FIND, {"wanted": name}).scalar()


def set_setting(tx: sa.Connection, name: str, value: str) -> None:
    """Store a setting; a running hub sees it by the revision."""
    if get_setting(tx, name) == value:
        return
    put(tx, name, value)
    bump(tx)


def remove_setting(tx: sa.Connection, name: str) -> None:
    if tx.execute(sa.delete(hub_settings).where(hub_settings.c.name == name)).rowcount:
        bump(tx)


def revision(tx: sa.Connection) -> int:
    """Say how often connections, books and settings have changed: one cheap read."""
    found = _FIND_OFTEN.rows(tx, REVISION)
    return int(found[0][0]) if found else 0


def bump(tx: sa.Connection) -> None:
    """Count a change of what a running hub keeps in memory."""
    if not tx.execute(BUMP).rowcount:
        # Two processes may be the first at once: the later one counts on.
        first = insert_into(tx, hub_settings).values(name=REVISION, value="1")
        tx.execute(first.on_conflict_do_update(index_elements=["name"], set_={"value": NEXT}))


def check_key(tx: sa.Connection, box: SecretBox) -> None:
    """Remember which key file this database goes with; refuse another.

    Raises:
        Misconfigured: the key file was lost or belongs to another hub. Going on would make
            secrets that the rightful file cannot open.
    """
    stored = get_setting(tx, KEY_ID)
    if stored is None or bytes.fromhex(stored) in box.key_ids:
        if stored != box.key_id.hex():
            put(tx, KEY_ID, box.key_id.hex())
        return
    raise Misconfigured("the key file does not fit this database: put back the one made with it")


def put(tx: sa.Connection, name: str, value: str) -> None:
    insert = insert_into(tx, hub_settings).values(name=name, value=value)
    tx.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
