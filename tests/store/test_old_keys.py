"""A key that was replaced is kept beside the new one, sealed, and for its time only."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.core.connector import Role
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store import Store
from switchhook.store.accounts import ensure_account
from switchhook.store.connections import (
    ConnectionRow,
    add_connection,
    all_connections,
    find_by_presented_key,
    get_connection,
    reseal_connections,
    rotate_key,
    set_keys,
)
from switchhook.store.hub_settings import revision
from switchhook.store.secrets import SecretBox, read_key_file, rotate_key_file
from switchhook.store.tables.connections import connections
from tests.store.times import NOW

DAY = timedelta(days=1)


async def add(store: Store, account_id: int, box: SecretBox, **keys: str) -> ConnectionRow:
    return await store.write(
        add_connection, account_id, box, kind="planfix", role=Role.PBX, name="PBX", at=NOW, keys=keys
    )


def held(row: ConnectionRow) -> dict[str, tuple[str, object]]:
    return {name: (old.key, row.old_keys_until[name]) for name, old in row.old_keys.items()}


async def test_the_key_before_is_kept_until_its_time(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, one="k1", two="k2")
    before = await store.read(revision)
    rotated = await store.write(rotate_key, account_id, box, made.id, "one", "k9", at=NOW, until=NOW + DAY)

    assert rotated.keys == {"one": "k9", "two": "k2"}
    assert held(rotated) == {"one": ("k1", NOW + DAY)}
    assert await store.read(get_connection, account_id, box, made.id) == rotated
    assert await store.read(all_connections, box) == [rotated]
    assert await store.read(find_by_presented_key, box, "planfix", "k9") == rotated
    assert await store.read(revision) == before + 1


async def test_each_key_has_a_time_of_its_own(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, one="k1", two="k2")
    await store.write(rotate_key, account_id, box, made.id, "one", "k3", at=NOW, until=NOW + DAY)
    both = await store.write(rotate_key, account_id, box, made.id, "two", "k4", at=NOW, until=NOW + 2 * DAY)
    later = await store.write(
        rotate_key, account_id, box, made.id, "two", "k5", at=NOW + DAY, until=NOW + 3 * DAY
    )

    assert held(both) == {"one": ("k1", NOW + DAY), "two": ("k2", NOW + 2 * DAY)}
    assert held(later) == {"two": ("k4", NOW + 3 * DAY)}


async def test_without_an_overlap_nothing_is_kept(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, one="k1")
    await store.write(rotate_key, account_id, box, made.id, "one", "k2", at=NOW, until=NOW + DAY)
    ended = await store.write(rotate_key, account_id, box, made.id, "one", "k3", at=NOW, until=NOW)

    assert (ended.keys, ended.old_keys) == ({"one": "k3"}, {})
    assert await columns(store) == (None, None)


async def test_a_key_that_is_set_by_hand_ends_the_one_before(
    store: Store, box: SecretBox, account_id: int
) -> None:
    made = await add(store, account_id, box, one="k1", two="k2")
    await store.write(rotate_key, account_id, box, made.id, "one", "k3", at=NOW, until=NOW + DAY)
    await store.write(rotate_key, account_id, box, made.id, "two", "k4", at=NOW, until=NOW + DAY)
    changed = await store.write(set_keys, account_id, box, made.id, {"one": "k5"})

    assert (changed.keys, held(changed)) == ({"one": "k5", "two": "k4"}, {"two": ("k2", NOW + DAY)})


async def test_an_old_key_does_not_lie_open(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, one="canary-canary")
    await store.write(rotate_key, account_id, box, made.id, "one", "k2", at=NOW, until=NOW + DAY)
    sealed, until_ms = await columns(store)

    assert isinstance(sealed, bytes)
    assert b"canary" not in sealed
    assert until_ms == int((NOW + DAY).timestamp() * 1000)


async def test_an_old_key_is_sealed_anew_with_the_rest(
    store: Store, box: SecretBox, account_id: int, tmp_path: Path
) -> None:
    made = await add(store, account_id, box, one="k1")
    rotated = await store.write(rotate_key, account_id, box, made.id, "one", "k2", at=NOW, until=NOW + DAY)
    rotate_key_file(tmp_path / "key")
    both = SecretBox.load(tmp_path)
    resealed = [await store.write(reseal_connections, both) for _ in range(2)]
    newest = SecretBox(dict(list(read_key_file(tmp_path / "key").items())[:1]))

    assert resealed == [1, 0]
    assert await store.read(get_connection, account_id, newest, made.id) == rotated


async def test_a_key_of_another_connection_or_account_is_left_alone(
    store: Store, box: SecretBox, account_id: int
) -> None:
    one = await add(store, account_id, box, one="k1")
    two = await add(store, account_id, box, one="k2")
    other = await store.write(ensure_account, "other", at=NOW)

    with pytest.raises(BadMessage):
        await store.write(rotate_key, account_id, box, one.id, "one", "k2", at=NOW, until=NOW + DAY)
    with pytest.raises(NotFound):
        await store.write(rotate_key, other.id, box, two.id, "one", "k3", at=NOW, until=NOW + DAY)
    assert await store.read(get_connection, account_id, box, one.id) == one
    assert await store.read(get_connection, account_id, box, two.id) == two


async def columns(store: Store) -> tuple[object, object]:
    def read(tx: sa.Connection) -> tuple[object, object]:
        found = tx.execute(sa.select(connections.c.old_keys, connections.c.old_keys_until_ms)).one()
        return found[0], found[1]

    return await store.read(read)
