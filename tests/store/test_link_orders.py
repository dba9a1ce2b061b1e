"""Orders for a link's holder: begun at most once, answered once, withdrawn in time."""

import asyncio

import pytest_asyncio

from switchhook.core.connector import Role
from switchhook.core.link_hub import LinkOrder
from switchhook.store import Store
from switchhook.store.connections import add_connection, remove_connection
from switchhook.store.link_leases import take_link
from switchhook.store.link_orders import (
    MOST_AT_ONCE,
    AskedOrder,
    LinkAnswer,
    LinkOrderState,
    add_link_order,
    answer_link_order,
    begin_link_order,
    link_answer,
    sweep_link_orders,
    waiting_link_orders,
    withdraw_link_order,
)
from switchhook.store.secrets import SecretBox
from switchhook.store.times import from_millis
from tests.store.times import NOW

BODY = {"extension": "101", "devices": ["a", {"b": None}], "n": 1.5}


@pytest_asyncio.fixture(loop_scope="session")
async def pbx(store: Store, account_id: int, box: SecretBox) -> str:
    """A connection whose link is held with epoch 1."""
    row = await store.write(add_connection, account_id, box, kind="played", role=Role.PBX, name="PBX", at=NOW)
    await store.write(take_link, account_id, row.id, "a", now_ms=0, until_ms=3000)
    return row.id


async def add(store: Store, account_id: int, pbx: str, order_id: str = "o1") -> AskedOrder:
    order = LinkOrder(id=order_id, verb="dial", body=BODY)
    asked = AskedOrder(account_id=account_id, connection_id=pbx, order=order, asked_ms=0, until_ms=1000)
    await store.write(add_link_order, account_id, asked)
    return asked


async def begin(
    store: Store, account_id: int, pbx: str, order_id: str = "o1", *, epoch: int = 1, now_ms: int = 1
) -> bool:
    return await store.write(begin_link_order, account_id, pbx, order_id, epoch=epoch, now_ms=now_ms)


async def test_what_waits_is_given_oldest_first_and_as_it_was_asked(
    store: Store, account_id: int, pbx: str
) -> None:
    second = await add(store, account_id, pbx, "o2")
    first = await add(store, account_id, pbx, "o1")

    assert await store.read(waiting_link_orders, [pbx, "c-other"], now_ms=999) == [first, second]
    assert await store.read(waiting_link_orders, ["c-other"], now_ms=999) == []


async def test_what_is_too_late_is_not_given(store: Store, account_id: int, pbx: str) -> None:
    await add(store, account_id, pbx)

    assert await store.read(waiting_link_orders, [pbx], now_ms=1000) == []
    assert not await begin(store, account_id, pbx, now_ms=1000)


async def test_not_all_are_given_at_once(store: Store, account_id: int, pbx: str) -> None:
    for number in range(MOST_AT_ONCE + 1):
        await add(store, account_id, pbx, f"o{number:03}")
    found = await store.read(waiting_link_orders, [pbx], now_ms=1)

    assert [one.order.id for one in found] == [f"o{number:03}" for number in range(MOST_AT_ONCE)]


async def test_an_order_is_begun_once(store: Store, account_id: int, pbx: str) -> None:
    await add(store, account_id, pbx)
    begun = await asyncio.gather(*(begin(store, account_id, pbx) for _ in range(10)))

    assert sorted(begun) == [False] * 9 + [True]
    assert await store.read(waiting_link_orders, [pbx], now_ms=1) == []


async def test_only_the_holder_begins_it(store: Store, account_id: int, pbx: str) -> None:
    await add(store, account_id, pbx)
    await store.write(take_link, account_id, pbx, "b", now_ms=3000, until_ms=6000)
    old = await begin(store, account_id, pbx, epoch=1)
    new = await begin(store, account_id, pbx, epoch=2)

    assert (old, new) == (False, True)


async def test_it_is_answered_once_by_whoever_began_it(store: Store, account_id: int, pbx: str) -> None:
    await add(store, account_id, pbx)
    early = await store.write(answer_link_order, account_id, "o1", epoch=1)
    await begin(store, account_id, pbx)
    foreign = await store.write(answer_link_order, account_id, "o1", epoch=2)
    before = await store.read(link_answer, account_id, "o1")
    ours = await store.write(
        answer_link_order, account_id, "o1", epoch=1, error_id="not_found", reason="no such phone"
    )
    again = await store.write(answer_link_order, account_id, "o1", epoch=1)
    after = await store.read(link_answer, account_id, "o1")

    assert (early, foreign, ours, again) == (False, False, True, False)
    assert before == LinkAnswer(state=LinkOrderState.BEGUN)
    assert after == LinkAnswer(state=LinkOrderState.FAILED, error_id="not_found", reason="no such phone")


async def test_what_is_withdrawn_tells_how_far_it_was_and_is_not_begun(
    store: Store, account_id: int, pbx: str
) -> None:
    for order_id in ("waits", "begun", "done"):
        await add(store, account_id, pbx, order_id)
    for order_id in ("begun", "done"):
        await begin(store, account_id, pbx, order_id)
    await store.write(answer_link_order, account_id, "done", epoch=1)
    names = ("waits", "begun", "done", "unknown", "waits")
    found = [await store.write(withdraw_link_order, account_id, name) for name in names]

    assert [one and one.state for one in found] == [
        LinkOrderState.WAITING,
        LinkOrderState.BEGUN,
        LinkOrderState.DONE,
        None,
        None,
    ]
    assert not await begin(store, account_id, pbx, "waits")


async def test_beginning_and_withdrawing_at_once_agree(store: Store, account_id: int, pbx: str) -> None:
    for number in range(20):
        order_id = f"o{number}"
        await add(store, account_id, pbx, order_id)
        is_begun, left = await asyncio.gather(
            begin(store, account_id, pbx, order_id),
            store.write(withdraw_link_order, account_id, order_id),
        )

        assert left is not None
        assert left.state is (LinkOrderState.BEGUN if is_begun else LinkOrderState.WAITING)


async def test_what_nobody_took_away_is_swept(store: Store, account_id: int, pbx: str) -> None:
    await add(store, account_id, pbx)
    await store.write(sweep_link_orders, before=from_millis(1000))
    kept = await store.read(link_answer, account_id, "o1")
    await store.write(sweep_link_orders, before=from_millis(1001))

    assert kept is not None
    assert await store.read(link_answer, account_id, "o1") is None


async def test_orders_go_with_their_connection(store: Store, account_id: int, pbx: str) -> None:
    await add(store, account_id, pbx)
    await store.write(remove_connection, account_id, pbx)

    assert await store.read(link_answer, account_id, "o1") is None
