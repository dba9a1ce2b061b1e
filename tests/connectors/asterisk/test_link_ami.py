"""The manager connection: answers to who asked, events to the inbox, strangers told by name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.connectors.asterisk.wire import actions
from switchhook.core.errors import PeerDown, Refused
from switchhook.core.sockets import Stream

from .holding import until

BANNER = "Asterisk Call Manager/11.0.0\r\n"


class Wire:
    """A `Stream` whose other end is the test."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._coming: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, text: str) -> None:
        self._coming.put_nowait(text.replace("|", "\r\n").encode())

    async def read(self) -> bytes:
        data = await self._coming.get()
        if not data:
            raise PeerDown("the peer closed it")
        return data

    async def write(self, data: bytes) -> None:
        self.written.append(data)

    async def close(self) -> None: ...


@asynccontextmanager
async def reading(wire: Stream, **more: float) -> AsyncIterator[tuple[AmiClient, asyncio.Task[None]]]:
    client = AmiClient(wire, SystemClock(), **more)
    task = asyncio.create_task(client.read())
    try:
        yield client, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class BusyClock(SystemClock):
    """That of a hub that had no processor for some seconds."""

    late = timedelta()

    def now(self) -> datetime:
        return super().now() + self.late


async def test_an_event_that_comes_late_has_the_time_when_it_happened() -> None:
    """Where manager.conf has `timestampevents`; the PBX's clock is months off."""
    wire, clock = Wire(), BusyClock()
    client = AmiClient(wire, clock)
    reading = asyncio.create_task(client.read())
    wire.say(BANNER)
    wire.say("Event: BridgeEnter|Uniqueid: 1.1|Timestamp: 1795254807.282490||")
    ((_, answered_at),) = await client.inbox.take()
    clock.late = timedelta(seconds=3)
    wire.say("Event: Hangup|Uniqueid: 1.1|Timestamp: 1795254808.482490||Event: Hangup|Uniqueid: 2.1||")
    first = await client.inbox.take()
    (_, ended_at), (_, without_at) = first if len(first) == 2 else [*first, *await client.inbox.take()]
    reading.cancel()

    assert ended_at - answered_at == timedelta(seconds=1.2)
    assert timedelta(seconds=3) <= without_at - answered_at


async def test_an_answer_finds_who_asked_and_events_between_go_their_way() -> None:
    wire = Wire()
    wire.say(BANNER)
    async with reading(wire) as (client, _):
        asked = asyncio.create_task(client.ask(lambda one: actions.ping(action_id=one)))
        await until(lambda: bool(wire.written))
        wire.say("Event: Newchannel|Uniqueid: 1.1||Response: Success|ActionID: a1|Ping: Pong||")

        assert (await asked).raw("Ping") == "Pong"
        ((frame, _),) = await client.inbox.take()
        assert frame.event == "Newchannel"


async def test_the_event_that_tells_of_an_originate_is_no_answer_to_it() -> None:
    wire = Wire()
    wire.say(BANNER)
    async with reading(wire) as (client, _):
        asked = asyncio.create_task(client.ask(lambda one: actions.ping(action_id=one)))
        await until(lambda: bool(wire.written))
        wire.say("Event: OriginateResponse|ActionID: a1|Response: Failure||")
        await client.inbox.take()
        assert not asked.done()
        wire.say("Response: Success|ActionID: a1|Message: queued||")

        assert (await asked).raw("Message") == "queued"


async def test_a_list_is_its_response_and_the_rows_after_it() -> None:
    wire = Wire()
    wire.say(BANNER)
    async with reading(wire) as (client, _):
        asked = asyncio.create_task(client.ask_list(lambda one: actions.show_channels(action_id=one)))
        await until(lambda: bool(wire.written))
        wire.say("Response: Success|ActionID: a1|EventList: start||")
        wire.say("Event: CoreShowChannel|ActionID: a1|Uniqueid: 1.1||Event: Newstate|Uniqueid: 9.9||")
        wire.say("Event: CoreShowChannel|ActionID: a1|Uniqueid: 1.2||")
        wire.say("Event: CoreShowChannelsComplete|ActionID: a1|EventList: Complete|ListItems: 2||")

        response, rows = await asked
        assert response.is_success
        assert [row.raw("Uniqueid") for row in rows] == ["1.1", "1.2"]


async def test_a_list_that_is_refused_is_no_list() -> None:
    wire = Wire()
    wire.say(BANNER)
    async with reading(wire) as (client, _):
        asked = asyncio.create_task(client.ask_list(lambda one: actions.show_channels(action_id=one)))
        await until(lambda: bool(wire.written))
        wire.say("Response: Error|ActionID: a1|Message: Permission denied||")

        response, rows = await asked
        assert not response.is_success
        assert rows == []


async def test_silence_ends_a_question() -> None:
    wire = Wire()
    wire.say(BANNER)
    async with reading(wire, seconds=0.05) as (client, _):
        with pytest.raises(PeerDown, match="did not answer"):
            await client.ask(lambda one: actions.ping(action_id=one))


async def test_a_wrong_password_is_refused_and_not_repeated_in_the_words() -> None:
    wire = Wire()
    wire.say(BANNER)
    async with reading(wire) as (client, _):
        asked = asyncio.create_task(client.login("hub", "canary-secret", events="off"))
        await until(lambda: bool(wire.written))
        wire.say("Response: Error|ActionID: a1|Message: Authentication failed||")

        with pytest.raises(Refused) as caught:
            await asked
        assert "canary" not in caught.value.reason


@pytest.mark.parametrize("said", ["SSH-2.0-OpenSSH_9\r\n" * 90, "HTTP/1.1 400 Bad Request||x||"])
async def test_what_is_no_manager_interface_is_told_by_name(said: str) -> None:
    wire = Wire()
    wire.say(said)
    async with reading(wire) as (_, task):
        with pytest.raises(PeerDown, match="no manager interface"):
            await asyncio.wait_for(task, 5)


async def test_the_end_of_the_connection_ends_the_reading() -> None:
    wire = Wire()
    wire.say(BANNER)
    wire.say("")
    async with reading(wire) as (_, task):
        with pytest.raises(PeerDown):
            await asyncio.wait_for(task, 5)
