"""What several ask for at a time is done once, and only so much at a time."""

import asyncio
from collections import Counter

import pytest

from switchhook.core.errors import NotFound
from switchhook.flow.media.jobs import Busy
from switchhook.flow.media.once import Once, Places
from tests.fakes import eventually


async def test_a_thing_that_three_ask_for_is_done_once_and_then_may_be_done_again() -> None:
    once, go, done = Once(), asyncio.Event(), Counter[str]()

    async def work() -> None:
        done["begun"] += 1
        await go.wait()
        done["ended"] += 1

    asked = [asyncio.ensure_future(once.do("a", work)) for _ in range(3)]
    other = asyncio.ensure_future(once.do("b", work))
    await eventually(lambda: done["begun"] == 2)
    go.set()
    await asyncio.gather(*asked, other)
    first = dict(done)
    await once.do("a", work)

    assert first == {"begun": 2, "ended": 2}
    assert done["ended"] == 3


async def test_everybody_hears_why_it_failed() -> None:
    once, go = Once(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        raise NotFound("it is not there")

    asked = [asyncio.ensure_future(once.do("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    heard = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(one) for one in heard] == [NotFound] * 3


async def test_work_goes_on_for_who_still_waits_and_ends_with_the_last_of_them() -> None:
    once, told = Once(), list[str]()

    async def work() -> None:
        told.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            told.append("given up")

    first, last = (asyncio.ensure_future(once.do("a", work)) for _ in range(2))
    await eventually(lambda: told == ["begun"])
    first.cancel()
    await asyncio.wait([first])
    after_the_first = list(told)
    last.cancel()
    await asyncio.wait([last])

    assert after_the_first == ["begun"]
    assert told == ["begun", "given up"]


async def test_who_asks_while_it_is_given_up_has_it_done_anew() -> None:
    once, ended = Once(), list[str]()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            ended.append("slow")

    async def quick() -> None:
        ended.append("quick")

    first = asyncio.ensure_future(once.do("a", slow))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    await once.do("a", quick)
    await asyncio.wait([first])

    assert ended == ["quick", "slow"]


async def test_so_many_work_so_many_wait_and_the_next_is_sent_away() -> None:
    places, go, working = Places(at_once=2, waiting=1, wait_seconds=7.0), asyncio.Event(), Counter[str]()

    async def work() -> None:
        async with places.take():
            working["now"] += 1
            working["most"] = max(working["most"], working["now"])
            await go.wait()
            working["now"] -= 1

    taken = [asyncio.ensure_future(work()) for _ in range(3)]
    await eventually(lambda: working["now"] == 2)
    with pytest.raises(Busy) as caught:
        await work()
    go.set()
    await asyncio.gather(*taken)
    await work()

    assert caught.value.retry_after_seconds == 7.0
    assert (working["most"], working["now"]) == (2, 0)


async def test_nobody_waits_for_long_and_a_place_is_not_lost_by_that() -> None:
    places = Places(at_once=1, waiting=5, wait_seconds=0.02)
    async with places.take():
        for _ in range(2):
            with pytest.raises(Busy):
                async with places.take():
                    pass

    async with places.take():
        pass
