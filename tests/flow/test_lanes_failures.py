"""What a peer's answer does to a message, to its lane and to its destination."""

import asyncio
from datetime import timedelta

import pytest

from switchhook.core.call import ChangeKind
from switchhook.core.errors import BadMessage, ForbiddenTarget, HubError, Misconfigured, PeerDown, Unsupported
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, TryAgain
from switchhook.core.schedule import WINDOW_SECONDS
from switchhook.flow.lanes import sweep_deliveries
from switchhook.flow.lanes.attempt import outcome_of_error
from switchhook.store import breaker, delivery_log
from switchhook.store.connections import ConnectionStatus
from switchhook.store.deliveries import State, replay, replay_all
from tests.fakes import START, eventually
from tests.flow.exchange import Exchange, answered, ended, ringing


async def test_every_attempt_is_noted(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.extend([TryAgain("failing", status=503, answer=b"x" * 9000), Delivered("ok", 200, b"done")])
    async with exchange.delivering():
        await exchange.accept(ringing())
        await exchange.clock.pass_until(lambda: len(peer.heard) == 2)

    (delivery,) = await exchange.deliveries()
    tried = await exchange.store.read(delivery_log.attempts_of, exchange.account_id, delivery.id)
    assert (delivery.state, delivery.attempts, delivery.reason) == (State.DELIVERED, 2, "ok")
    assert [(one.outcome, one.status, len(one.answer)) for one in tried] == [
        ("try again", 503, 4096),
        ("delivered", 200, 4),
    ]


async def test_waits_as_long_as_the_peer_asks(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(TryAgain("slower", retry_after_seconds=90, status=429))
    async with exchange.delivering():
        await exchange.accept(ended())
        await exchange.clock.pass_until(lambda: len(peer.heard) == 2, step=1)

    waited = (peer.heard[1].at - peer.heard[0].at).total_seconds()
    assert waited >= 90


async def test_what_a_peer_refuses_for_good_is_a_dead_letter_and_the_lane_goes_on(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(GiveUp("no such field", 422, b"why"))
    async with exchange.delivering():
        await exchange.accept(ringing(), answered())
        await eventually(lambda: len(peer.heard) == 2)

    (dead,) = await exchange.deliveries(State.DEAD)
    assert (dead.kind, dead.reason) == ("leg.ringing", "no such field")


async def test_a_message_for_set_times_waits_for_them_and_the_peer_is_not_to_blame(
    exchange: Exchange,
) -> None:
    later = START + timedelta(minutes=10)
    peer = await exchange.connect_crm(not_before=lambda change, link: later)
    async with exchange.delivering():
        await exchange.accept(ended())
        await exchange.pass_time(300)
        before = list(peer.heard)
        await exchange.clock.pass_until(lambda: len(peer.heard) == 1, step=10)

    standing = await exchange.store.read(breaker.standing, exchange.account_id, exchange.id_of(peer))
    assert before == []
    assert peer.heard[0].at >= later
    assert standing is not None
    assert standing.failures == 0


async def test_what_a_peer_would_drop_is_skipped_with_the_reason(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(NotSent("it knows no such extension"))
    async with exchange.delivering():
        await exchange.accept(ringing(), answered())
        await eventually(lambda: len(peer.heard) == 2)

    (skipped,) = await exchange.deliveries(State.SKIPPED)
    assert skipped.reason == "it knows no such extension"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BadMessage("odd number"), "odd number"),
        (Unsupported("no words"), "no words"),
        (Misconfigured("no url"), "no url"),
        (ForbiddenTarget("private"), "private"),
        (RuntimeError("secret detail"), "internal error: see the log of the hub"),
    ],
)
async def test_an_error_that_repeating_will_not_mend_is_a_dead_letter(
    exchange: Exchange, error: Exception, reason: str
) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(error)
    async with exchange.delivering():
        await exchange.accept(ringing(), answered())
        await eventually(lambda: len(peer.heard) == 2)

    (dead,) = await exchange.deliveries(State.DEAD)
    assert dead.reason == reason


async def test_a_peer_that_is_away_is_tried_again(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(PeerDown("no such name"))
    async with exchange.delivering():
        await exchange.accept(ringing())
        await exchange.clock.pass_until(lambda: len(peer.heard) == 2)

    assert await exchange.states() == {"delivered": 1}


async def test_gives_up_after_seven_days(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answer = TryAgain("asleep", status=429)
    async with exchange.delivering():
        await exchange.accept(ended())
        last = exchange.clock.now()
        while (letter := (await exchange.deliveries())[0]).state is State.WAITING:
            # Not while an attempt is under way, or about to be: its lease would be over.
            await exchange.begin_due()
            is_written = letter.attempts == len(peer.heard)
            await exchange.pass_time(3 * 3600 if is_written else 0)

    took = (exchange.clock.now() - last).total_seconds()
    dead = (await exchange.deliveries())[0]
    assert WINDOW_SECONDS - 13 * 3600 < took < WINDOW_SECONDS + 13 * 3600
    assert (dead.state, dead.reason) == (State.DEAD, "given up after 7 days: asleep")


async def test_a_wrong_key_pauses_the_destination_and_keeps_its_queue(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    other = await exchange.connect_crm("other")
    connection_id = exchange.id_of(peer)
    peer.answer = Locked("the peer refuses our key (401)", 401)
    async with exchange.delivering():
        await exchange.accept(ringing())
        await eventually(lambda: len(peer.heard) == 1 and len(other.heard) == 1)
        # The cache of connections has not seen the pause yet; the store has.
        await exchange.accept(answered())
        exchange.clock.pass_time(5)
        await exchange.accept(ended())
        await eventually(lambda: len(other.heard) == 3)
        while_paused = peer.kinds()

        peer.answer = Delivered()
        await exchange.refresh(connection_id, ConnectionStatus.ACTIVE)
        await exchange.clock.pass_until(lambda: len(peer.heard) == 4)

    assert while_paused == ["leg.ringing 101"]
    assert peer.kinds()[1:] == ["leg.ringing 101", "leg.answered 101", "leg.ended 101"]


async def test_a_dead_peer_is_probed_by_one_message_at_a_time(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answer = PeerDown("refused")
    async with exchange.delivering():
        await asyncio.gather(*(exchange.accept(ended(f"c-{n}")) for n in range(30)))
        await eventually(lambda: len(peer.heard) >= 5 and peer.at_once == 0)
        await asyncio.sleep(0.05)
        peer.gate = asyncio.Event()
        await exchange.clock.pass_until(lambda: peer.at_once == 1, step=1)
        for _ in range(20):
            exchange.clock.pass_time(1)
            await asyncio.sleep(0.004)
        probing = peer.at_once
        peer.answer = Delivered()
        peer.gate.set()  # this probe still fails: it was judged on arrival
        while "waiting" in await exchange.states():
            await exchange.pass_time(5)

    assert probing == 1
    assert await exchange.states() == {"delivered": 30}


async def test_when_a_dead_peer_is_back_all_that_waits_goes_at_once(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answer = PeerDown("refused")
    async with exchange.delivering():
        for n in range(6):
            await exchange.accept(ended(f"c-{n}"))
        await eventually(lambda: len(peer.heard) >= 5 and peer.at_once == 0)
        async with asyncio.timeout(10):
            while True:
                stands = await exchange.store.read(
                    breaker.standing, exchange.account_id, exchange.id_of(peer)
                )
                if stands and stands.opened_at:
                    break
        for _ in range(12):
            await exchange.pass_time(300)
        peer.answer = Delivered()
        count = len(peer.heard)
        while len(peer.heard) < count + 6:
            await exchange.pass_time(20)
        await exchange.pass_time(0)

    # By their own schedules they would have come back one by one, over an hour.
    first, last = peer.heard[-6], peer.heard[-1]
    assert stands is not None
    assert (stands.opened_at, stands.failures) == (START, 5)
    assert await exchange.states() == {"delivered": 6}
    assert (last.at - first.at).total_seconds() <= 60


async def test_a_peer_that_comes_back_after_hours_of_silence_is_found_within_two_minutes(
    exchange: Exchange,
) -> None:
    peer = await exchange.connect_crm()
    peer.answer = PeerDown("refused")
    async with exchange.delivering():
        for n in range(5):
            await exchange.accept(ended(f"c-{n}"))
        await eventually(lambda: len(peer.heard) >= 5 and peer.at_once == 0)
        # By its own schedule the next attempt would by then be hours away.
        for _ in range(60):
            await exchange.pass_time(120)
        peer.answer = Delivered()
        came_back_at = exchange.clock.now()
        while "waiting" in await exchange.states():
            await exchange.pass_time(5)

    assert (exchange.clock.now() - came_back_at).total_seconds() <= 120


async def test_a_card_that_is_late_gives_way_to_what_follows(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers_of_call = {"c-1": TryAgain("slow", status=429)}
    async with exchange.delivering():
        await exchange.accept(ringing())
        await eventually(lambda: len(peer.heard) == 1)
        # Four failures: the next attempt would come two minutes later.
        await exchange.clock.pass_until(lambda: len(peer.heard) == 4, step=0.5)
        await eventually(lambda: peer.at_once == 0)
        await exchange.accept(answered(), ended())
        accepted_at = exchange.clock.now()
        peer.answers_of_call = {}
        await exchange.clock.pass_until(lambda: peer.count(ChangeKind.LEG_ENDED) == 1, step=2)

    waited = (peer.heard[-1].at - accepted_at).total_seconds()
    (superseded,) = await exchange.deliveries(State.SUPERSEDED)
    assert waited <= 60
    assert superseded.kind == "leg.ringing"
    assert superseded.reason is not None
    assert "later news of the call were waiting" in superseded.reason
    assert peer.kinds()[-2:] == ["leg.answered 101", "leg.ended 101"]


async def test_a_card_too_late_for_this_peer_is_never_sent(exchange: Exchange) -> None:
    peer = await exchange.connect_crm(live_seconds=10)
    await exchange.accept(ringing())
    exchange.clock.pass_time(11)
    await exchange.accept(ringing("c-2"))
    async with exchange.delivering():
        await eventually(lambda: len(peer.heard) == 1)

    assert peer.heard[0].call_id == "c-2"
    assert [one.kind for one in await exchange.deliveries(State.SUPERSEDED)] == ["leg.ringing"]


async def test_the_end_of_a_call_is_told_however_late(exchange: Exchange) -> None:
    peer = await exchange.connect_crm(live_seconds=10)
    await exchange.accept(ringing(), answered(), ended())
    exchange.clock.pass_time(5 * 24 * 3600)
    async with exchange.delivering():
        await eventually(lambda: len(peer.heard) == 1)

    assert peer.kinds() == ["leg.ended 101"]


async def test_a_dead_letter_sent_again_goes_before_what_waits(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(GiveUp("refused", 400))
    async with exchange.delivering() as lanes:
        await exchange.accept(ringing())
        await eventually(lambda: len(peer.heard) == 1)
    (dead,) = await exchange.deliveries(State.DEAD)
    await exchange.accept(answered(), ended())

    was_there = await exchange.store.write(replay, exchange.account_id, dead.id, at=exchange.clock.now())
    async with exchange.delivering() as lanes:
        lanes.wake(exchange.id_of(peer))
        await eventually(lambda: len(peer.heard) == 4)

    assert was_there
    assert peer.kinds()[1:] == ["leg.ringing 101", "leg.answered 101", "leg.ended 101"]
    assert await exchange.states() == {"delivered": 3}


async def test_all_dead_letters_are_sent_again_in_their_order(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    other = await exchange.connect_crm("other")
    for one in (peer, other):
        one.answer = GiveUp("refused", 400)
    async with exchange.delivering():
        await exchange.accept(ringing(), answered(), ended())
        await eventually(lambda: len(peer.heard) == 3 and len(other.heard) == 3)
    for one in (peer, other):
        one.answer = Delivered()
        one.heard.clear()

    count = await exchange.store.write(
        replay_all, exchange.account_id, connection_id=exchange.id_of(peer), at=exchange.clock.now()
    )
    async with exchange.delivering():
        await eventually(lambda: len(peer.heard) == 3)

    assert count == 3
    assert peer.kinds() == ["leg.ringing 101", "leg.answered 101", "leg.ended 101"]
    assert other.kinds() == []


async def test_another_account_cannot_send_our_letters_again(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answer = GiveUp("refused", 400)
    async with exchange.delivering():
        await exchange.accept(ringing())
        await eventually(lambda: len(peer.heard) == 1)
    (dead,) = await exchange.deliveries(State.DEAD)

    was_there = await exchange.store.write(replay, exchange.account_id + 1, dead.id, at=START)

    assert not was_there


async def test_old_deliveries_are_swept_and_dead_letters_stay(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    peer.answers.append(GiveUp("refused", 400))
    async with exchange.delivering():
        await exchange.accept(ringing(), answered())
        await eventually(lambda: len(peer.heard) == 2 and peer.at_once == 0)
    exchange.clock.pass_time(40 * 24 * 3600)
    await exchange.accept(ended())

    swept = await sweep_deliveries(exchange.store, clock=exchange.clock, keep=timedelta(days=30))

    assert swept == 1
    assert await exchange.states() == {"dead": 1, "waiting": 1}


async def test_counts_what_waits(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()
    await exchange.accept(ringing(), answered())
    store, account_id = exchange.store, exchange.account_id

    assert await store.read(delivery_log.count, account_id, State.WAITING) == 2
    assert await store.read(delivery_log.count, account_id, State.DEAD) == 0
    assert await store.read(delivery_log.oldest_waiting_at, account_id, exchange.id_of(peer)) == START


def test_every_error_of_ours_has_a_reading() -> None:
    assert isinstance(outcome_of_error(HubError("whatever")), GiveUp)
