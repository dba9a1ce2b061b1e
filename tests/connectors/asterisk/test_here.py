"""The dialplan is told that the hub is here, and that it goes."""

import asyncio

from switchhook.connectors.asterisk.link.here import LASTS_SECONDS, SAY_EVERY_SECONDS, keep_saying
from switchhook.connectors.asterisk.link.requests import RestAnswer
from switchhook.connectors.asterisk.wire.rest import RestRequest
from tests.fakes import FakeClock, eventually

from .holding import MemoryHub, running

VARIABLE = "SWITCHHOOK_HERE_UNTIL"


class Pbx:
    """Has a clock of its own, and variables."""

    def __init__(self, epoch: str = "1000") -> None:
        self.epoch = epoch
        self.said: list[str] = []

    async def send(self, request: RestRequest) -> RestAnswer:
        assert request.uri == "asterisk/variable"
        if request.method == "GET":
            assert request.query == {"variable": "EPOCH"}
            return RestAnswer(status=200, body=b'{"value":"%s"}' % self.epoch.encode())
        assert request.query["variable"] == VARIABLE
        self.said.append(request.query["value"])
        return RestAnswer(status=204)

    async def tell(self, request: RestRequest) -> None:
        await self.send(request)


async def test_it_is_said_again_by_the_clock_of_the_pbx_and_taken_back_at_the_end() -> None:
    pbx, clock = Pbx(), FakeClock()
    async with running(keep_saying(pbx, VARIABLE, clock, MemoryHub())):
        await eventually(lambda: len(pbx.said) == 1)
        pbx.epoch = "1003"
        clock.pass_time(SAY_EVERY_SECONDS)
        await eventually(lambda: len(pbx.said) == 2)

    assert pbx.said == [str(1000 + LASTS_SECONDS), str(1003 + LASTS_SECONDS), "0"]


async def test_whoever_lost_the_link_takes_nothing_back() -> None:
    pbx = Pbx()
    async with running(keep_saying(pbx, VARIABLE, FakeClock(), MemoryHub(held=False))):
        await eventually(lambda: bool(pbx.said))

    assert pbx.said == [str(1000 + LASTS_SECONDS)]


async def test_a_pbx_that_does_not_tell_its_time_is_asked_again() -> None:
    pbx, clock = Pbx(epoch=""), FakeClock()
    async with running(keep_saying(pbx, VARIABLE, clock, MemoryHub(held=False))):
        await eventually(lambda: bool(clock._sleepers))
        assert pbx.said == []
        pbx.epoch = "1000"
        clock.pass_time(SAY_EVERY_SECONDS)
        await eventually(lambda: bool(pbx.said))

    assert pbx.said == [str(1000 + LASTS_SECONDS)]


async def test_before_the_process_ends_it_is_taken_back_once_and_said_no_more() -> None:
    """The socket may be closed by the time when the link ends."""
    pbx, clock, hub = Pbx(), FakeClock(), MemoryHub()
    async with running(keep_saying(pbx, VARIABLE, clock, hub)):
        await eventually(lambda: len(pbx.said) == 1)
        for farewell in hub.farewells:
            await farewell()
        for _ in range(3):
            clock.pass_time(SAY_EVERY_SECONDS)
            await asyncio.sleep(0.01)

    assert pbx.said == [str(1000 + LASTS_SECONDS), "0"]


async def test_a_pbx_that_hangs_does_not_keep_the_link_from_ending() -> None:
    """It ends because nothing answers: to wait for one more answer would put off its being opened anew."""

    class Hanging(Pbx):
        async def tell(self, request: RestRequest) -> None:
            await asyncio.Event().wait()

    pbx = Hanging()
    saying = asyncio.create_task(keep_saying(pbx, VARIABLE, FakeClock(), MemoryHub()))
    await eventually(lambda: bool(pbx.said))
    saying.cancel()
    done, _ = await asyncio.wait([saying], timeout=5)

    assert done == {saying}
    assert saying.cancelled()
