"""The clock tells calls what is due, in one process or several."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from switchhook.core.call import ChangeKind, Disposition, News, Phase
from switchhook.core.errors import StoreDown
from switchhook.flow.intake import Intake
from switchhook.flow.reconcile import Reconcile
from switchhook.flow.taking import Taken
from switchhook.store import calls, events
from switchhook.store.call_rows import Tx
from switchhook.store.times import to_millis
from tests.flow.exchange import Exchange, answered, ended, ringing

DUE = calls.due
TELL_EACH = Intake.tell_each


@asynccontextmanager
async def reconciling(exchange: Exchange, *, is_told: bool = True) -> AsyncIterator[None]:
    reconcile = Reconcile(exchange.store, exchange.intake, clock=exchange.clock)
    if is_told:
        exchange.intake.listen(reconcile.note)
    task = asyncio.create_task(reconcile.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def phases(exchange: Exchange) -> dict[str, Phase]:
    return {call.call_id: call.phase for call in await exchange.calls()}


async def pass_until_final(exchange: Exchange, *, step: float = 1) -> None:
    async with asyncio.timeout(20):
        while set((await phases(exchange)).values()) != {Phase.FINAL}:
            exchange.clock.pass_time(step)
            await asyncio.sleep(0.004)


async def test_a_missed_call_is_settled_by_time_alone(exchange: Exchange) -> None:
    async with reconciling(exchange):
        await exchange.accept(ringing(), ended(disposition=Disposition.MISSED))
        await pass_until_final(exchange)

    (call,) = await exchange.calls()
    assert call.is_missed


async def test_a_call_that_never_ends_is_closed_and_says_so(exchange: Exchange) -> None:
    async with reconciling(exchange):
        await exchange.accept(ringing(), answered())
        await pass_until_final(exchange, step=600)

    (call,) = await exchange.calls()
    assert call.ended_because


async def test_what_was_due_while_the_hub_was_down_is_done_at_start(exchange: Exchange) -> None:
    for n in range(30):
        await exchange.accept(ringing(f"c-{n}"), ended(f"c-{n}", disposition=Disposition.MISSED))
    exchange.clock.pass_time(3600)
    async with reconciling(exchange, is_told=False):
        await pass_until_final(exchange)

    assert len(await phases(exchange)) == 30


async def test_two_processes_settle_a_call_once(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    async with reconciling(exchange), reconciling(exchange), exchange.delivering():
        await exchange.accept(ringing(), answered(), ended())
        await pass_until_final(exchange)
        await exchange.clock.pass_until(lambda: peer.count(ChangeKind.CALL_FINAL) > 0)

    assert peer.count(ChangeKind.CALL_ENDED) == 1
    assert peer.count(ChangeKind.CALL_FINAL) == 1


async def test_ticks_that_change_nothing_leave_no_trace(exchange: Exchange) -> None:
    async with reconciling(exchange):
        await exchange.accept(ringing(), answered(), ended())
        await pass_until_final(exchange)
        (call,) = await exchange.calls()
        before = await exchange.store.read(events.of_call, exchange.account_id, call.id)
        for _ in range(50):
            exchange.clock.pass_time(3600)
            await asyncio.sleep(0.002)

    assert await exchange.store.read(events.of_call, exchange.account_id, call.id) == before
    due, following = await exchange.store.read(calls.due, now_ms=to_millis(exchange.clock.now()))
    assert (due, following) == ([], None)


async def test_what_was_taken_in_here_is_settled_on_time_without_asking_the_store(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def counted(tx: Tx, *, now_ms: int, limit: int) -> tuple[list[calls.DueCall], int | None]:
        nonlocal asked
        asked += 1
        return DUE(tx, now_ms=now_ms, limit=limit)

    monkeypatch.setattr(calls, "due", counted)
    async with reconciling(exchange):
        for n in range(20):
            await exchange.accept(ringing(f"c-{n}"), answered(f"c-{n}"), ended(f"c-{n}"))
            exchange.clock.pass_time(0.05)
            await asyncio.sleep(0.002)
        await pass_until_final(exchange, step=0.25)

    # Four seconds and a bit: once at the start, once after five at the latest.
    assert asked <= 2


async def test_a_store_that_is_down_is_not_asked_again_at_once(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0
    is_down = True

    async def failing(about: Sequence[tuple[int, str, News]]) -> list[Taken | Exception]:
        nonlocal tried
        if is_down and about:
            tried += 1
            raise StoreDown("the disk is full")
        return await TELL_EACH(exchange.intake, about)

    monkeypatch.setattr(exchange.intake, "tell_each", failing)
    async with reconciling(exchange):
        for n in range(10):
            await exchange.accept(ringing(f"c-{n}"), answered(f"c-{n}"), ended(f"c-{n}"))
            exchange.clock.pass_time(0.06)  # each is due at a time of its own
        for _ in range(100):
            exchange.clock.pass_time(0.05)
            await asyncio.sleep(0.002)
        assert 1 <= tried <= 4  # in the two seconds and a bit since the first was due
        is_down = False
        await pass_until_final(exchange)
