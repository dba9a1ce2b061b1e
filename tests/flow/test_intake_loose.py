"""News without an id, or with another one, find their call by number, direction and time."""

import asyncio
from datetime import timedelta

from switchhook.core.call import CallReport, Direction, Disposition, Tick
from tests.flow.exchange import NUMBER, Exchange, answered, ended, ringing

SPELLED_OTHERWISE = "8 (910) 123-45-67"


def report(exchange: Exchange, call_id: str, *, minutes_ago: float = 0, number: str = NUMBER) -> CallReport:
    return CallReport(
        call_id=call_id,
        direction=Direction.INBOUND,
        number=number,
        started_at=exchange.clock.now() - timedelta(minutes=minutes_ago),
        disposition=Disposition.ANSWERED,
        extension="101",
        talk_seconds=40,
        may_match_loosely=True,
    )


async def test_events_without_an_id_join_the_open_call_of_their_number(exchange: Exchange) -> None:
    await asyncio.gather(
        exchange.accept(ringing("")), exchange.accept(ringing("", "102", number=SPELLED_OTHERWISE))
    )
    await exchange.accept(answered("", "102"))

    (call,) = await exchange.calls()
    assert call.rung == ("101", "102")
    assert (call.call_id, call.shared_id) == (call.id, call.id)


async def test_another_number_or_direction_is_another_call(exchange: Exchange) -> None:
    await exchange.accept(ringing(""))

    await exchange.accept(ringing("", number="+79100000000"), ringing("", direction=Direction.OUTBOUND))

    assert len(await exchange.calls()) == 3


async def test_who_calls_again_while_the_first_end_settles_is_a_new_call(exchange: Exchange) -> None:
    await exchange.accept(ringing(""), ended("", disposition=Disposition.MISSED))
    await exchange.accept(ringing(""))

    first, second = await exchange.calls()
    assert (len(first.legs), len(second.legs)) == (1, 1)


async def test_another_connection_is_never_joined(exchange: Exchange) -> None:
    other = await exchange.connect_pbx()
    await exchange.accept(ringing(""))

    await exchange.accept(ringing(""), connection_id=other)

    assert len(await exchange.calls()) == 2


async def test_a_report_with_another_id_joins_the_call_of_its_events(exchange: Exchange) -> None:
    await exchange.accept(ringing(""), answered(""))
    exchange.clock.pass_time(60)

    await exchange.accept(report(exchange, "r-1", minutes_ago=1, number=SPELLED_OTHERWISE))

    (call,) = await exchange.calls()
    assert call.is_reported


async def test_the_same_report_again_finds_the_same_call(exchange: Exchange) -> None:
    await exchange.accept(ringing(""), answered(""))
    told = report(exchange, "r-1")
    await exchange.accept(told)

    exchange.clock.pass_time(24 * 3600)
    await exchange.accept(told)
    await exchange.accept(told)

    assert len(await exchange.calls()) == 1


async def test_a_report_joins_the_nearest_unreported_call(exchange: Exchange) -> None:
    for name in ("first", "second"):
        await exchange.accept(ringing(name), answered(name), ended(name))
        exchange.clock.pass_time(300)

    await exchange.accept(report(exchange, "r-2", minutes_ago=5.2), report(exchange, "r-1", minutes_ago=5.2))

    reported = {call.call_id: call.is_reported for call in await exchange.calls()}
    assert reported == {"first": True, "second": True}


async def test_a_report_of_another_time_is_a_call_of_its_own(exchange: Exchange) -> None:
    await exchange.accept(ringing("c-1"), answered("c-1"), ended("c-1"))
    exchange.clock.pass_time(60)
    (over,) = await exchange.calls()
    await exchange.intake.tell(exchange.account_id, over.id, [Tick(call_id="c-1")])

    await exchange.accept(report(exchange, "r-1", minutes_ago=24 * 60))

    assert sorted(call.call_id for call in await exchange.calls() if call.is_reported) == ["r-1"]


async def test_a_report_that_must_match_by_id_does(exchange: Exchange) -> None:
    await exchange.accept(ringing("c-1"), ringing("c-2"))

    await exchange.accept(report(exchange, "c-1"))

    assert [call.is_reported for call in await exchange.calls()] == [True, False]
