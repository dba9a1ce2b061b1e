"""Connections are kept, found by what peers present, and counted as changed."""

import pytest

from switchhook.core.connector import Role
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store import Store
from switchhook.store.connections import (
    ConnectionRow,
    ConnectionStatus,
    add_connection,
    all_connections,
    find_by_presented_key,
    find_by_url_key,
    get_connection,
    list_connections,
    remove_connection,
    rename_connection,
    set_keys,
    set_settings,
    set_state,
    set_status,
)
from switchhook.store.hub_settings import revision
from switchhook.store.secrets import SecretBox
from tests.store.times import NOW


async def add(
    store: Store,
    account_id: int,
    box: SecretBox,
    *,
    kind: str = "planfix",
    role: Role = Role.PBX,
    keys: dict[str, str] | None = None,
) -> ConnectionRow:
    return await store.write(
        add_connection,
        account_id,
        box,
        kind=kind,
        role=role,
        name="Office",
        at=NOW,
        settings={"pbx_url": "https://pbx.example", "pbx_token": "secret"},
        secret_names=["pbx_token"],
        keys=keys or {},
    )


async def test_gives_back_what_was_added(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, keys={"planfix_token": "k1"})

    assert await store.read(get_connection, account_id, box, made.id) == made
    assert made.settings == {"pbx_url": "https://pbx.example", "pbx_token": "secret"}
    assert (made.kind, made.role, made.status, made.created_at) == (
        "planfix",
        Role.PBX,
        ConnectionStatus.ACTIVE,
        NOW,
    )
    assert made.id.startswith("c-")
    assert len(made.id) == 12
    assert len(made.url_key) == 32


async def test_lists_by_role_and_kind(store: Store, box: SecretBox, account_id: int) -> None:
    pbx = await add(store, account_id, box)
    crm = await add(store, account_id, box, role=Role.CRM)
    other = await add(store, account_id, box, kind="webhook", role=Role.CRM)

    assert {c.id for c in await store.read(list_connections, account_id, box)} == {pbx.id, crm.id, other.id}
    assert await store.read(list_connections, account_id, box, role=Role.PBX) == [pbx]
    assert await store.read(list_connections, account_id, box, role=Role.CRM, kind="planfix") == [crm]
    assert len(await store.read(all_connections, box)) == 3


async def test_is_found_by_its_address(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box)

    assert await store.read(find_by_url_key, box, made.url_key) == made
    assert await store.read(find_by_url_key, box, "x" * 32) is None


async def test_is_found_by_any_key_of_its_kind(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, keys={"one": "k1", "two": "k2", "empty": ""})

    assert await store.read(find_by_presented_key, box, "planfix", "k1") == made
    assert await store.read(find_by_presented_key, box, "planfix", "k2") == made
    assert await store.read(find_by_presented_key, box, "retailcrm", "k1") is None
    assert await store.read(find_by_presented_key, box, "planfix", "") is None


async def test_a_replaced_key_opens_no_more(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, keys={"one": "k1", "two": "k2"})
    changed = await store.write(set_keys, account_id, box, made.id, {"one": "k9"})

    assert changed.keys == {"one": "k9", "two": "k2"}
    assert await store.read(find_by_presented_key, box, "planfix", "k1") is None
    assert await store.read(find_by_presented_key, box, "planfix", "k9") == changed
    assert await store.read(find_by_presented_key, box, "planfix", "k2") == changed


async def test_refuses_a_key_that_another_connection_has(
    store: Store, box: SecretBox, account_id: int
) -> None:
    await add(store, account_id, box, keys={"one": "k1"})
    second = await add(store, account_id, box)

    with pytest.raises(BadMessage) as caught:
        await store.write(set_keys, account_id, box, second.id, {"one": "k1"})

    assert caught.value.field == "one"
    assert (await store.read(get_connection, account_id, box, second.id)).keys == {}


async def test_merges_settings_and_keeps_what_became_secret_secret(
    store: Store, box: SecretBox, account_id: int
) -> None:
    made = await add(store, account_id, box)
    await store.write(set_settings, account_id, box, made.id, {"a": "1"}, secret_names=["pbx_token"])
    changed = await store.write(
        set_settings, account_id, box, made.id, {"pbx_token": "new", "b": "2"}, secret_names=["pbx_token"]
    )

    assert changed.settings == {"pbx_url": "https://pbx.example", "pbx_token": "new", "a": "1", "b": "2"}
    assert await store.read(get_connection, account_id, box, made.id) == changed


async def test_remembers_what_the_connector_learnt(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box)
    await store.write(set_state, account_id, box, made.id, {"cursor": 7, "map": {"101": [1, None]}})
    changed = await store.write(set_state, account_id, box, made.id, {"cursor": 8})

    assert changed.state == {"cursor": 8, "map": {"101": [1, None]}}
    assert await store.read(get_connection, account_id, box, made.id) == changed


async def test_pauses_with_a_reason_and_renames(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box)
    await store.write(set_status, account_id, made.id, ConnectionStatus.PAUSED, reason="the key is refused")
    await store.write(rename_connection, account_id, made.id, "Warehouse")
    paused = await store.read(get_connection, account_id, box, made.id)
    await store.write(set_status, account_id, made.id, ConnectionStatus.ACTIVE)
    resumed = await store.read(get_connection, account_id, box, made.id)

    assert (paused.status, paused.status_reason, paused.name) == (
        ConnectionStatus.PAUSED,
        "the key is refused",
        "Warehouse",
    )
    assert (resumed.status, resumed.status_reason) == (ConnectionStatus.ACTIVE, None)


async def test_a_removed_connection_is_found_no_more(store: Store, box: SecretBox, account_id: int) -> None:
    made = await add(store, account_id, box, keys={"one": "k1"})
    await store.write(remove_connection, account_id, made.id)

    with pytest.raises(NotFound):
        await store.read(get_connection, account_id, box, made.id)
    assert await store.read(find_by_presented_key, box, "planfix", "k1") is None
    assert await store.read(find_by_url_key, box, made.url_key) is None
    await add(store, account_id, box, keys={"one": "k1"})


async def test_every_change_is_counted_and_no_change_is_not(
    store: Store, box: SecretBox, account_id: int
) -> None:
    made = await add(store, account_id, box)
    revisions = [await store.read(revision)]
    await store.write(set_state, account_id, box, made.id, {"cursor": 1})
    revisions.append(await store.read(revision))
    await store.write(set_state, account_id, box, made.id, {"cursor": 1})
    revisions.append(await store.read(revision))
    await store.write(set_status, account_id, made.id, ConnectionStatus.PAUSED)
    revisions.append(await store.read(revision))

    assert revisions == [1, 2, 2, 3]
