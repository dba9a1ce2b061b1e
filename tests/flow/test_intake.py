"""News taken in are stored, folded and queued, all of them or none."""

import asyncio
from collections.abc import Sequence

import pytest

from switchhook.core.call import (
    Call,
    CallEvent,
    Change,
    ChangeKind,
    Direction,
    Disposition,
    Happening,
    Phase,
    RecordingKept,
    Tick,
)
from switchhook.store import calls, delivery_log, events
from switchhook.store.deliveries import State
from tests.flow.exchange import Exchange, answered, ended, ringing


async def test_keeps_every_word_in_the_ledger(exchange: Exchange) -> None:
    await exchange.accept(ringing(as_sent={"cmd": "event"}))
    await exchange.accept(answered())

    (call,) = await exchange.calls()
    told = await exchange.store.read(events.of_call, exchange.account_id, call.id)

    assert [(one.seq, one.kind, one.extension) for one in told] == [
        (1, "ringing", "101"),
        (2, "answered", "101"),
    ]
    assert told[0].news == ringing(as_sent={"cmd": "event"})


async def test_queues_one_message_per_change_and_interested_destination(exchange: Exchange) -> None:
    await exchange.connect_crm("first")
    await exchange.connect_crm("second", hears=lambda change: change.kind is ChangeKind.LEG_ANSWERED)

    await exchange.accept(ringing(), answered())

    queued = await exchange.deliveries(State.WAITING)
    assert [(one.kind, list(exchange.outlets).index(one.connection_id)) for one in queued] == [
        ("leg.ringing", 0),
        ("leg.answered", 0),
        ("leg.answered", 1),
    ]


async def test_what_one_message_told_is_offered_to_a_connector_together(exchange: Exchange) -> None:
    steps: list[list[str]] = []

    def merge(changes: Sequence[Change], call: Call) -> Sequence[Change]:
        steps.append([f"{change.kind} {change.extension}" for change in changes])
        return changes

    await exchange.connect_crm(merge=merge)

    await exchange.accept(ringing(extension="101"), ringing(extension="102"))

    assert steps == [["leg.ringing 101", "leg.ringing 102"]]


async def test_a_message_carries_the_call_as_it_then_was(exchange: Exchange) -> None:
    await exchange.connect_crm()

    await exchange.accept(ringing(extension="101"))
    await exchange.accept(ringing(extension="102"))

    first, second = await exchange.deliveries()
    letters = [
        await exchange.store.read(delivery_log.find, exchange.account_id, one.id) for one in (first, second)
    ]
    assert [letter.call.rung for letter in letters if letter.call] == [("101",), ("101", "102")]


async def test_repeated_news_are_noted_and_told_nobody(exchange: Exchange) -> None:
    await exchange.connect_crm()
    await exchange.accept(ringing())

    await exchange.accept(ringing())
    await exchange.accept(ringing())

    assert len(await exchange.deliveries()) == 1


async def test_never_tells_the_connection_that_told(exchange: Exchange) -> None:
    peer = await exchange.connect_crm()

    await exchange.accept(ringing(), connection_id=exchange.id_of(peer))

    assert await exchange.deliveries() == []


async def test_tells_only_of_the_connections_chosen(exchange: Exchange) -> None:
    other = await exchange.connect_pbx()
    peer = await exchange.connect_crm()
    exchange.told_only_of[exchange.id_of(peer)] = frozenset({other})

    await exchange.accept(ringing("a"))
    await exchange.accept(ringing("b"), connection_id=other)

    (queued,) = await exchange.deliveries()
    (_, second) = await exchange.calls()
    assert queued.call_row == second.id


async def test_events_that_arrive_together_see_each_other(exchange: Exchange) -> None:
    await asyncio.gather(
        exchange.accept(ringing(extension="101")),
        exchange.accept(ringing(extension="102")),
        exchange.accept(ringing(extension="103")),
        *(exchange.accept(ringing(f"other-{number}")) for number in range(20)),
    )

    found = await exchange.calls()
    assert len(found) == 21
    assert {call.call_id: len(call.rung) for call in found}["c-1"] == 3


async def test_news_that_cannot_be_taken_fail_alone(exchange: Exchange) -> None:
    broken = CallEvent(call_id="c-1", happening="sideways", extension="101")  # type: ignore[arg-type]

    results = await asyncio.gather(
        exchange.accept(ringing(extension="101")),
        exchange.accept(ringing("new"), ringing(extension="102"), broken),
        exchange.accept(ringing(extension="103")),
        return_exceptions=True,
    )

    (call,) = await exchange.calls()
    assert [type(result) for result in results] == [type(None), KeyError, type(None)]
    assert call.rung == ("101", "103")
    told = await exchange.store.read(events.of_call, exchange.account_id, call.id)
    assert [one.seq for one in told] == [1, 2]


async def test_two_connections_with_one_id_are_two_calls_with_two_shared_ids(exchange: Exchange) -> None:
    other = await exchange.connect_pbx()

    await asyncio.gather(exchange.accept(ringing("42")), exchange.accept(ringing("42"), connection_id=other))
    await exchange.accept(answered("42"), connection_id=other)

    first, second = sorted(await exchange.calls(), key=lambda call: call.shared_id)
    assert first.shared_id == "42"
    assert second.shared_id == f"42-{second.id[-6:]}"
    assert first.connection_id != second.connection_id


async def test_an_id_used_again_much_later_is_a_new_call(exchange: Exchange) -> None:
    await exchange.accept(ringing(), answered(), ended())
    first = (await exchange.calls())[0]
    exchange.clock.pass_time(60)
    await exchange.intake.tell(exchange.account_id, first.id, [Tick(call_id="c-1")])
    exchange.clock.pass_time(7 * 3600)

    await exchange.accept(ringing())
    await exchange.accept(answered())

    old, new = await exchange.calls()
    assert old.phase is not Phase.OPEN
    assert (new.call_id, new.shared_id) == ("c-1", f"c-1-{new.id[-6:]}")
    assert len(new.legs) == 1


async def test_a_tick_or_a_kept_file_of_an_unknown_call_is_nothing(exchange: Exchange) -> None:
    await exchange.intake.tell(exchange.account_id, "no such call", [Tick(call_id="x")])
    await exchange.accept(RecordingKept(call_id="x", url="https://pbx.test/x.mp3", is_kept=True))

    assert await exchange.calls() == []


async def test_a_call_of_another_account_is_out_of_reach(exchange: Exchange) -> None:
    await exchange.accept(ringing())
    (call,) = await exchange.calls()
    exchange.clock.pass_time(24 * 3600)

    taken = await exchange.intake.tell(exchange.account_id + 1, call.id, [Tick(call_id="c-1")])

    assert taken.told == ()
    assert await exchange.store.read(calls.get, exchange.account_id + 1, call.id) is None


async def test_a_call_is_found_by_its_ids_and_its_token(exchange: Exchange) -> None:
    await exchange.accept(ringing("42"))
    (call,) = await exchange.calls()
    store, account_id = exchange.store, exchange.account_id

    assert await store.read(calls.get, account_id, call.id) == call
    assert await store.read(calls.find_shared, account_id, "42") == call
    assert await store.read(calls.find_by_recording, call.recording_token) == (account_id, call)
    assert await store.read(calls.find_by_recording, "guessed") is None


async def test_pages_through_calls_newest_first(exchange: Exchange) -> None:
    for number in range(7):
        exchange.clock.pass_time(number % 2)  # some begin in the same moment
        await exchange.accept(ringing(f"c-{number}"))

    seen, cursor = [], None
    for _ in range(4):
        page = await exchange.store.read(calls.page, exchange.account_id, after=cursor, limit=2)
        seen += [call.call_id for call in page.calls]
        cursor = page.following

    assert seen == [f"c-{number}" for number in range(6, -1, -1)]
    assert cursor is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (calls.CallFilter(), ["a", "b", "c"]),
        (calls.CallFilter(number="8 (910) 123-45-67"), ["a"]),
        (calls.CallFilter(number="4567"), ["a", "c"]),
        (calls.CallFilter(direction=Direction.OUTBOUND), ["c"]),
        (calls.CallFilter(is_missed=True), ["b"]),
        (calls.CallFilter(is_missed=False), ["a", "c"]),
        (calls.CallFilter(dispositions=(Disposition.ANSWERED,)), ["a"]),
    ],
)
async def test_filters_calls(exchange: Exchange, wanted: calls.CallFilter, found: list[str]) -> None:
    await exchange.accept(ringing("a"), answered("a"), ended("a"))
    await exchange.accept(ringing("b", number="+79160000001"))
    await exchange.accept(ended("b", disposition=Disposition.MISSED))
    await exchange.accept(ringing("c", number="+74950004567", direction=Direction.OUTBOUND))
    exchange.clock.pass_time(60)
    for call in await exchange.calls():
        await exchange.intake.tell(exchange.account_id, call.id, [Tick(call_id=call.call_id)])

    page = await exchange.store.read(calls.page, exchange.account_id, wanted)

    assert sorted(call.call_id for call in page.calls) == found


async def test_lists_what_goes_on_now(exchange: Exchange) -> None:
    await exchange.accept(ringing("over"), answered("over"), ended("over"))
    exchange.clock.pass_time(60)
    for call in await exchange.calls():
        await exchange.intake.tell(exchange.account_id, call.id, [Tick(call_id=call.call_id)])
    await exchange.accept(ringing("now"))

    found = await exchange.store.read(calls.open_calls, exchange.account_id)

    assert [call.call_id for call in found] == ["now"]


async def test_a_recording_that_was_heard_of_is_noted_for_fetching(exchange: Exchange) -> None:
    url = "https://pbx.test/1.mp3"
    await exchange.accept(ringing(), answered())

    taken = await exchange.intake.accept(
        exchange.account_id,
        exchange.pbx,
        [CallEvent(call_id="c-1", happening=Happening.RECORDED, recording_url=url)],
    )

    changes = [change.kind for told in taken.told for change in told.changes]
    assert ChangeKind.RECORDING_HEARD in changes
