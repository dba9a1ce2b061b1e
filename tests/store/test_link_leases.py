"""Leases of links: one holder at a time, each with an epoch of its own."""

import asyncio
import threading

import pytest
import pytest_asyncio
import sqlalchemy as sa

from switchhook.core.connector import Role
from switchhook.store import Store
from switchhook.store.accounts import ensure_account
from switchhook.store.connections import add_connection, remove_connection
from switchhook.store.hub_settings import get_setting, set_setting
from switchhook.store.link_leases import (
    LinkLease,
    describe_link,
    free_links,
    get_link,
    give_back_link,
    give_back_links,
    link_epochs,
    list_links,
    renew_links,
    take_link,
)
from switchhook.store.secrets import SecretBox
from tests.store.times import NOW

LEASE_MS = 3000


@pytest_asyncio.fixture(loop_scope="session")
async def pbx(store: Store, account_id: int, box: SecretBox) -> str:
    return await add(store, account_id, box)


async def add(store: Store, account_id: int, box: SecretBox) -> str:
    row = await store.write(add_connection, account_id, box, kind="played", role=Role.PBX, name="PBX", at=NOW)
    return row.id


async def take(
    store: Store, account_id: int, pbx: str, owner: str, at_ms: int, *, is_forced: bool = False
) -> int | None:
    return await store.write(
        take_link, account_id, pbx, owner, now_ms=at_ms, until_ms=at_ms + LEASE_MS, is_forced=is_forced
    )


async def test_only_what_is_over_can_be_taken(store: Store, account_id: int, pbx: str) -> None:
    taken = [
        await take(store, account_id, pbx, owner, at_ms)
        for owner, at_ms in (("a", 0), ("b", 1), ("a", 1), ("b", LEASE_MS - 1), ("b", LEASE_MS), ("a", 9999))
    ]

    assert taken == [1, None, None, None, 2, 3]


async def test_by_force_any_can_be_taken(store: Store, account_id: int, pbx: str) -> None:
    taken = [await take(store, account_id, pbx, owner, 0, is_forced=True) for owner in ("a", "b", "b")]
    lease = await store.read(get_link, account_id, pbx)

    assert taken == [1, 2, 3]
    assert lease == LinkLease(account_id=account_id, connection_id=pbx, owner="b", epoch=3, until_ms=LEASE_MS)


async def test_of_many_takers_one_is_first(store: Store, account_id: int, pbx: str) -> None:
    epochs = await asyncio.gather(*(take(store, account_id, pbx, f"p{n}", 0) for n in range(20)))

    assert sorted(epochs, key=str) == [1] + [None] * 19


async def test_nothing_is_taken_of_another_account(
    store: Store, account_id: int, pbx: str, box: SecretBox
) -> None:
    other = (await store.write(ensure_account, "other", at=NOW)).id
    taken = await take(store, other, pbx, "a", 0, is_forced=True)

    assert taken is None
    assert await store.read(get_link, account_id, pbx) is None


async def test_renewing_keeps_what_is_ones_own(
    store: Store, account_id: int, pbx: str, box: SecretBox
) -> None:
    second = await add(store, account_id, box)
    await take(store, account_id, pbx, "a", 0)
    await take(store, account_id, second, "b", 0)
    mine = await store.write(renew_links, "a", until_ms=7000)
    leases = await store.read(list_links, account_id)

    assert mine == {pbx: 1}
    assert {one: lease.until_ms for one, lease in leases.items()} == {pbx: 7000, second: LEASE_MS}


async def test_what_another_has_taken_is_not_renewed(store: Store, account_id: int, pbx: str) -> None:
    await take(store, account_id, pbx, "a", 0)
    await take(store, account_id, pbx, "b", LEASE_MS)

    assert await store.write(renew_links, "a", until_ms=9000) == {}
    assert await store.read(free_links, [pbx], now_ms=2 * LEASE_MS - 1) == []


async def test_what_is_given_back_is_free_at_once(store: Store, account_id: int, pbx: str) -> None:
    await take(store, account_id, pbx, "a", 0)
    before = await store.read(free_links, [pbx, "c-unknown"], now_ms=1)
    await store.write(give_back_link, account_id, pbx, epoch=1)
    after = await store.read(free_links, [pbx], now_ms=1)
    epoch = await take(store, account_id, pbx, "b", 1)

    assert (before, after, epoch) == (["c-unknown"], [pbx], 2)


async def test_an_old_holder_gives_nothing_back(store: Store, account_id: int, pbx: str) -> None:
    await take(store, account_id, pbx, "a", 0)
    await take(store, account_id, pbx, "b", LEASE_MS)
    await store.write(give_back_link, account_id, pbx, epoch=1)

    assert await store.read(free_links, [pbx], now_ms=LEASE_MS) == []


async def test_all_are_given_back_for_whoever_starts_alone(store: Store, account_id: int, pbx: str) -> None:
    await take(store, account_id, pbx, "a", 0)
    await store.write(describe_link, account_id, pbx, epoch=1, what="up", reason=None, at_ms=5)
    await store.write(give_back_links)
    lease = await store.read(get_link, account_id, pbx)

    assert lease == LinkLease(account_id=account_id, connection_id=pbx, owner="", epoch=1, until_ms=0)


async def test_only_the_holder_says_how_it_does(store: Store, account_id: int, pbx: str) -> None:
    await take(store, account_id, pbx, "a", 0)
    is_told = await store.write(describe_link, account_id, pbx, epoch=1, what="up", reason=None, at_ms=5)
    is_old = await store.write(describe_link, account_id, pbx, epoch=0, what="down", reason="x", at_ms=6)
    lease = await store.read(get_link, account_id, pbx)

    assert (is_told, is_old) == (True, False)
    assert lease is not None
    assert (lease.what, lease.reason, lease.since_ms) == ("up", None, 5)


async def test_a_new_holder_begins_without_the_word_of_the_old(
    store: Store, account_id: int, pbx: str
) -> None:
    await take(store, account_id, pbx, "a", 0)
    await store.write(describe_link, account_id, pbx, epoch=1, what=None, reason="down", at_ms=5)
    await take(store, account_id, pbx, "b", LEASE_MS)
    lease = await store.read(get_link, account_id, pbx)

    assert lease is not None
    assert (lease.what, lease.reason, lease.since_ms) == (None, None, None)


async def test_a_lease_goes_with_its_connection(store: Store, account_id: int, pbx: str) -> None:
    await take(store, account_id, pbx, "a", 0)
    await store.write(remove_connection, account_id, pbx)

    assert await store.read(get_link, account_id, pbx) is None
    assert await take(store, account_id, pbx, "a", 0) is None


@pytest.mark.parametrize("is_forced", [False, True])
async def test_an_epoch_that_was_looked_at_stands_until_the_transaction_ends(
    store: Store, account_id: int, pbx: str, is_forced: bool
) -> None:
    """Whoever takes a link over waits for what its holder is just writing."""
    await take(store, account_id, pbx, "a", 0)
    seen: list[int] = []
    is_locked = threading.Event()

    def look_twice(tx: sa.Connection) -> None:
        seen.append(link_epochs(tx, [pbx])[pbx])
        set_setting(tx, "looked", "twice")
        is_locked.set()
        if store.dialect == "postgresql":  # SQLite has one writer anyway
            tx.execute(sa.text("SELECT pg_sleep(0.5)"))
        unlocked = sa.text("SELECT epoch FROM links WHERE connection_id = :id")
        seen.append(tx.execute(unlocked, {"id": pbx}).scalar_one())

    looking = asyncio.create_task(store.write(look_twice))
    await asyncio.to_thread(is_locked.wait, 10)
    epoch = await take(store, account_id, pbx, "b", LEASE_MS, is_forced=is_forced)
    # Its task may be told a moment later; that its transaction was over is what counts.
    seen_by_then, written_by_then = list(seen), await store.read(get_setting, "looked")
    await looking

    assert (seen_by_then, written_by_then, epoch) == ([1, 1], "twice", 2)
