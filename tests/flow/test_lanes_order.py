"""Per destination and call one after another; destinations and calls apart from each other."""

import asyncio
import random
from collections.abc import Callable

import pytest

from switchhook.core.call import CallReport, ChangeKind, Direction, Disposition
from switchhook.core.directory import Availability
from switchhook.core.outcome import TryAgain
from switchhook.flow.clock import SystemClock
from switchhook.flow.lanes import lanes as polling
from switchhook.store import Store
from switchhook.store.deliveries import State, enqueue_presence
from switchhook.store.secrets import SecretBox
from tests.fakes import ScriptedPeer, eventually
from tests.flow.exchange import NUMBER, Exchange, answered, ended, ringing

ANSWERED_CALL = ["leg.ringing 101", "leg.answered 101", "leg.ended 101"]


def all_told(peer: ScriptedPeer, calls: int) -> bool:
    return peer.count(ChangeKind.LEG_ENDED) == calls and peer.at_once == 0


async def test_every_call_is_told_in_order_though_many_go_on_at_once(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    async with exchange.delivering():
        await asyncio.gather(*(exchange.accept(ringing(f"c-{n}")) for n in range(25)))
        await asyncio.gather(*(exchange.accept(answered(f"c-{n}")) for n in range(25)))
        await asyncio.gather(*(exchange.accept(ended(f"c-{n}")) for n in range(25)))
        await eventually(lambda: all_told(peer, 25))

    assert all(peer.kinds(f"c-{n}") == ANSWERED_CALL for n in range(25))
    assert peer.most_at_once > 1


async def test_what_is_tried_again_comes_before_what_follows(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.extend([TryAgain("away"), TryAgain("away")])
    async with exchange.delivering():
        await exchange.accept(ringing(), answered(), ended())
        await exchange.clock.pass_until(lambda: all_told(peer, 1))

    assert peer.kinds() == ["leg.ringing 101", "leg.ringing 101", *ANSWERED_CALL]


async def test_a_peer_that_hangs_delays_nobody_else(exchange: Exchange) -> None:
    hanging = await exchange.connect_crm("hanging")
    hanging.gate = asyncio.Event()
    sound = await exchange.connect_crm("sound")
    async with exchange.delivering():
        for n in range(3):
            await exchange.accept(ringing(f"c-{n}"), answered(f"c-{n}"), ended(f"c-{n}"))
        await eventually(lambda: all_told(sound, 3))

        assert hanging.at_once == 3
        assert [kind for kind in hanging.kinds() if kind != "leg.ringing 101"] == []
        hanging.gate.set()


async def test_a_call_that_is_stuck_delays_no_other_call(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers_of_call = {"stuck": TryAgain("not this one", status=429)}
    async with exchange.delivering():
        await exchange.accept(ringing("stuck"), answered("stuck"), ended("stuck"))
        await exchange.accept(ringing("free"), answered("free"), ended("free"))
        await eventually(lambda: len(peer.kinds("free")) == 3)

    assert set(peer.kinds("stuck")) == {"leg.ringing 101"}


async def test_never_more_at_once_than_the_peer_takes(exchange: Exchange) -> None:
    peer = await exchange.connect_crm(at_once=3)
    peer.gate = asyncio.Event()
    async with exchange.delivering(), exchange.delivering():
        await asyncio.gather(*(exchange.accept(ringing(f"c-{n}")) for n in range(10)))
        await eventually(lambda: peer.at_once == 3)
        exchange.clock.pass_time(1.5)
        await asyncio.sleep(0.05)
        held = peer.at_once
        peer.gate.set()
        await exchange.clock.pass_until(lambda: len(peer.heard) == 10)

    assert held == 3
    assert peer.most_at_once == 3


async def test_never_faster_than_the_peer_takes(exchange: Exchange) -> None:
    peer = await exchange.connect_crm(rate_per_second=2.0)
    async with exchange.delivering():
        await asyncio.gather(*(exchange.accept(ringing(f"c-{n}")) for n in range(10)))
        await exchange.clock.pass_until(lambda: len(peer.heard) == 10, step=0.1)

    took = (peer.heard[-1].at - peer.heard[0].at).total_seconds()
    assert took >= 3.5


async def test_what_two_processes_deliver_is_in_order_and_said_once(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    async with exchange.delivering(), exchange.delivering():
        for news in (ringing, answered, ended):
            await asyncio.gather(*(exchange.accept(news(f"c-{n}")) for n in range(20)))
        await eventually(lambda: all_told(peer, 20))

    assert all(peer.kinds(f"c-{n}") == ANSWERED_CALL for n in range(20))


@pytest.mark.parametrize("at_once", [1, 2, 64])
async def test_nothing_that_is_known_here_waits_for_the_poll(
    store: Store, account_id: int, box: SecretBox, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Whatever comes while something else is under way is seen in time, and not a poll later."""
    monkeypatch.setattr(polling, "POLL_SECONDS", 60)
    exchange = Exchange(store, account_id, box, SystemClock())  # type: ignore[arg-type]  # nobody turns it here
    await exchange.connect_pbx()
    peers = [await exchange.connect_crm(name, at_once=at_once) for name in ("quick", "slow")]
    peers[1].seconds = 0.004
    chance = random.Random(at_once)

    async def play(call_id: str) -> None:
        for news in (ringing, answered, ended):
            await exchange.accept(news(call_id))
            await asyncio.sleep(chance.choice((0, 0.001, 0.005)))

    async with exchange.delivering():
        for first in range(0, 20, 5):
            await asyncio.gather(*(play(f"c-{n}") for n in range(first, first + 5)))
            await asyncio.sleep(chance.choice((0, 0.02)))
        await eventually(lambda: all(all_told(peer, 20) for peer in peers))

    for peer in peers:
        assert [peer.kinds(f"c-{n}")[:3] for n in range(20)] == [ANSWERED_CALL] * 20


async def test_what_another_process_queued_is_found_by_the_poll(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    await exchange.accept(ringing())
    async with exchange.delivering():
        await eventually(lambda: peer.kinds() == ["leg.ringing 101"])
        exchange.stop_listening()
        await exchange.accept(answered())
        await exchange.clock.pass_until(lambda: len(peer.heard) == 2)

    assert peer.kinds() == ["leg.ringing 101", "leg.answered 101"]


async def test_what_finds_its_peer_idle_is_claimed_with_the_very_commit_that_stores_it(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[str] = []
    take = exchange.store.take

    def noting(verb: Callable[..., object], item: object, *, is_last: bool = False) -> object:
        handed.append(verb.__name__)
        return take(verb, item, is_last=is_last)  # type: ignore[arg-type]

    peer = await exchange.connect_crm()
    async with exchange.delivering():
        await exchange.accept(ringing())
        await exchange.settled()
        monkeypatch.setattr(exchange.store, "take", noting)
        peer.gate = asyncio.Event()
        await exchange.accept(answered())
        await eventually(lambda: peer.at_once == 1)
        at_the_peer = list(handed)
        peer.gate.set()
        await exchange.settled()

    # The second is asked for before the first is stored, and nothing is asked after.
    assert at_the_peer == ["_take_all", "claim"]
    assert handed == [*at_the_peer, "finish"]


async def test_a_report_of_many_calls_is_told_whole(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    reports = [
        CallReport(
            call_id=f"r-{n}",
            direction=Direction.INBOUND,
            number=NUMBER,
            started_at=exchange.clock.now(),
            disposition=Disposition.ANSWERED,
            extension="101",
            talk_seconds=5,
        )
        for n in range(50)
    ]
    async with exchange.delivering():
        await exchange.accept(*reports)
        await eventually(lambda: len({one.call_id for one in peer.heard}) == 50)

    assert len(await exchange.calls()) == 50


async def test_of_several_statuses_that_wait_only_the_newest_is_told(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(TryAgain("away", status=503))
    connection_id = exchange.id_of(peer)
    async with exchange.delivering() as lanes:
        for availability in (Availability.BUSY, Availability.DINNER, Availability.FREE):
            await exchange.store.write(
                enqueue_presence,
                exchange.account_id,
                connection_id,
                "101",
                availability,
                at=exchange.clock.now(),
            )
            lanes.wake(connection_id)
            await eventually(lambda: bool(peer.statuses))
        await exchange.clock.pass_until(lambda: len(peer.statuses) > 1)
        await exchange.clock.pass_until(lambda: peer.statuses[-1][1] is Availability.FREE)

    assert (peer.statuses[0], peer.statuses[-1]) == (("101", Availability.BUSY), ("101", Availability.FREE))
    superseded = await exchange.deliveries(State.SUPERSEDED)
    assert {one.reason for one in superseded} == {"a newer status of the employee was waiting"}
