"""Processes that die, freeze or meet each other: order is kept, nothing is lost, old owners are refused."""

import asyncio
from dataclasses import replace

from switchhook.core.outcome import Delivered
from switchhook.flow.lanes.attempt import LEASE_MS, PROBE_MS, verdict_of
from switchhook.store import claims, delivery_log, lanes
from switchhook.store.claims import Claim, ClaimRequest
from switchhook.store.deliveries import State
from switchhook.store.times import to_millis
from tests.fakes import NumberedIds, eventually
from tests.flow.exchange import Exchange, answered, ended, ringing

LEASE_SECONDS = LEASE_MS / 1000


async def claim(exchange: Exchange) -> tuple[Claim, ...]:
    (outlet,) = exchange.outlets.values()
    request = ClaimRequest(
        account_id=exchange.account_id,
        connection_id=outlet.connection_id,
        now_ms=to_millis(exchange.clock.now()),
        lease_ms=LEASE_MS,
        probe_ms=PROBE_MS,
        limit=10,
        at_once=10,
        rate_per_second=100,
        live_ms=None,
    )
    return (await exchange.store.take(claims.claim, request)).claims


async def finish(exchange: Exchange, claimed: Claim) -> bool:
    now = exchange.clock.now()
    verdict = verdict_of(Delivered(), claimed, began=now, ended=now, jitter=0.5)
    return (await exchange.store.take(lanes.finish, verdict)).is_kept


async def test_a_lane_is_lent_to_one_at_a_time(exchange: Exchange) -> None:
    await exchange.connect_crm()
    await exchange.accept(ringing(), answered())

    first, *_ = await claim(exchange)
    meanwhile = await claim(exchange)
    await finish(exchange, first)
    (second,) = await claim(exchange)

    assert (first.kind, meanwhile, second.kind) == ("leg.ringing", (), "leg.answered")


async def test_the_lane_of_a_dead_process_comes_back_after_its_lease(exchange: Exchange) -> None:
    await exchange.connect_crm()
    await exchange.accept(ringing(), answered())
    (lost,) = await claim(exchange)

    exchange.clock.pass_time(LEASE_SECONDS - 1)
    too_early = await claim(exchange)
    exchange.clock.pass_time(2)
    (again,) = await claim(exchange)

    assert too_early == ()
    assert (again.delivery_id, again.payload) == (lost.delivery_id, lost.payload)


async def test_a_lane_is_kept_while_its_attempt_takes_long(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.gate = asyncio.Event()
    async with exchange.delivering(lease_ms=LEASE_MS):
        await exchange.accept(ringing(), answered())
        await eventually(lambda: len(peer.heard) == 1)
        taken_over: list[Claim] = []
        for _ in range(10):
            exchange.clock.pass_time(LEASE_SECONDS / 2)
            await asyncio.sleep(0.05)  # for the lease to be kept
            taken_over += await claim(exchange)
        peer.gate.set()
        await eventually(lambda: len(peer.heard) == 2)

    assert taken_over == []
    assert peer.kinds("c-1") == ["leg.ringing 101", "leg.answered 101"]


async def test_a_process_that_was_frozen_is_refused(exchange: Exchange) -> None:
    await exchange.connect_crm()
    await exchange.accept(ringing(), answered())
    (frozen,) = await claim(exchange)
    exchange.clock.pass_time(LEASE_SECONDS + 1)
    (owner,) = await claim(exchange)

    assert not await finish(exchange, frozen)
    waiting = await exchange.deliveries(State.WAITING)
    assert len(waiting) == 2
    assert await finish(exchange, owner)
    assert await exchange.store.read(delivery_log.attempts_of, exchange.account_id, owner.delivery_id)


async def test_a_process_that_was_frozen_is_refused_when_the_lane_was_closed_and_opened_again(
    exchange: Exchange,
) -> None:
    await exchange.connect_crm()
    await exchange.accept(ringing())
    (frozen,) = await claim(exchange)
    exchange.clock.pass_time(LEASE_SECONDS + 1)
    (owner,) = await claim(exchange)
    await finish(exchange, owner)
    await exchange.accept(answered())
    (next_owner,) = await claim(exchange)

    assert not await finish(exchange, frozen)
    assert await claim(exchange) == ()
    assert await finish(exchange, next_owner)


async def test_a_crash_between_the_post_and_the_commit_repeats_only_what_was_under_way(
    exchange: Exchange,
) -> None:
    peer = await exchange.connect_crm(at_once=4)
    peer.gate = asyncio.Event()
    async with exchange.delivering(lease_ms=LEASE_MS):
        for n in range(12):
            await exchange.accept(*(ended(f"c-{n}", extension) for extension in ("101", "102", "103")))
        await eventually(lambda: peer.at_once == 4)
        # Stopped with four requests received by the peer and none of them noted by us.
    under_way = [one.call_id for one in peer.heard]
    peer.gate = None

    async with exchange.delivering(lease_ms=LEASE_MS):
        exchange.clock.pass_time(LEASE_SECONDS + 1)
        await exchange.clock.pass_until(lambda: len(peer.heard) == 4 + 36)

    assert len(under_way) == 4
    for n in range(12):
        once = ["leg.ended 101", "leg.ended 102", "leg.ended 103"]
        repeated = ["leg.ended 101"] if f"c-{n}" in under_way else []
        assert peer.kinds(f"c-{n}") == repeated + once


async def test_two_processes_that_hear_of_a_call_at_once_make_one_call(exchange: Exchange) -> None:
    await exchange.connect_crm()
    twin = replace(exchange, ids=NumberedIds("twin"))

    await asyncio.gather(
        *(
            process.accept(ringing(f"c-{n}", extension))
            for n in range(20)
            for extension, process in (("101", exchange), ("102", twin), ("103", exchange), ("104", twin))
        )
    )

    found = await exchange.calls()
    assert sorted(call.call_id for call in found) == sorted(f"c-{n}" for n in range(20))
    assert {frozenset(call.rung) for call in found} == {frozenset({"101", "102", "103", "104"})}
    assert len(await exchange.deliveries()) == 80
