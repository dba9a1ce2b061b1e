"""The ARI link against an Asterisk that misbehaves: open sockets without registration, junk, floods."""

import asyncio
import json

import pytest

from switchhook.connectors.asterisk.link.requests import SocketAsker
from switchhook.connectors.asterisk.link.run import run
from switchhook.connectors.asterisk.wire import rest
from switchhook.connectors.asterisk.wire.ari import RESTResponse
from switchhook.core.errors import LinkLost, Misconfigured, PeerDown, Refused

from .holding import MemoryHub, link_to, running, until
from .played_ari import PlayedAri, playing

HUNG_UP = {"type": "ChannelDestroyed", "cause": 16}


def settings(ari: PlayedAri) -> dict[str, str]:
    return {"mode": "ari", "url": ari.url, "user": "hub", "password": "secret"}


def channel(number: int, name: str, state: str, exten: str = "74950000006") -> dict[str, object]:
    return {
        "id": f"{number}.{name}",
        "name": f"PJSIP/{name}-{number:08x}",
        "state": state,
        "caller": {"number": f"7910{number:07}", "name": ""},
        "dialplan": {"exten": exten, "context": "did"},
        "channelvars": {"CHANNEL(linkedid)": f"{number}.trunk"},
    }


def missed_call(number: int) -> list[str]:
    """A call that rings one phone and is given up."""
    trunk, phone = channel(number, "trunk", "Ring"), channel(number, "101", "Ringing")
    return [
        json.dumps(one)
        for one in (
            {"type": "ChannelCreated", "channel": trunk},
            {"type": "Dial", "caller": trunk, "peer": phone, "dialstatus": ""},
            {"type": "ChannelHangupRequest", "channel": trunk, "cause": 127},
            HUNG_UP | {"channel": phone},
            HUNG_UP | {"channel": trunk, "cause": 127},
        )
    ]


async def test_an_open_socket_without_its_registration_is_opened_anew() -> None:
    hub = MemoryHub()
    async with playing(PlayedAri(lost_registrations=2)) as ari, link_to(**settings(ari)) as link:
        async with running(run(link, hub)):
            await until(lambda: bool(hub.ups))

        assert len(ari.sockets) == 3
        assert hub.ups == ["Asterisk 22.10.1 by ARI"]


async def test_a_registration_that_is_lost_soon_after_is_found_out() -> None:
    hub = MemoryHub()
    async with playing(PlayedAri()) as ari, link_to(**settings(ari)) as link, running(run(link, hub)):
        await until(lambda: bool(hub.ups))
        ari.lost_registrations = 1
        await until(lambda: len(hub.ups) == 2)

        assert len(ari.sockets) == 2


async def test_after_some_tries_it_is_the_hubs_to_wait() -> None:
    async with playing(PlayedAri(lost_registrations=99)) as ari, link_to(**settings(ari)) as link:
        with pytest.raises(PeerDown, match="lost the registration of application switchhook"):
            await run(link, MemoryHub())

        assert len(ari.sockets) == 4


async def test_junk_and_unknown_events_are_kept_out_of_the_way() -> None:
    hub = MemoryHub()
    junk = ("", "{", "[]", '{"type": 5}', '{"type": "Nonsense"}', '{"type": "Dial"}', "\ud7ff", '"x"' * 1000)
    async with (
        playing(PlayedAri(greeting=junk)) as ari,
        link_to(**settings(ari)) as link,
        running(run(link, hub)),
    ):
        await until(lambda: bool(hub.ups))
        await ari.tell(*junk, *missed_call(1), *junk)
        await until(lambda: len(hub.told()) == 2)

        assert hub.told() == ["ringing 101", "ended 101 abandoned"]
        assert len(ari.sockets) == 1


async def test_a_flood_is_folded_in_batches_and_nothing_of_it_is_lost() -> None:
    hub = MemoryHub()
    async with playing(PlayedAri()) as ari, link_to(**settings(ari)) as link, running(run(link, hub)):
        await until(lambda: bool(hub.ups))
        for number in range(1, 1001):
            await ari.tell(*missed_call(number))
        await until(lambda: len(hub.told()) >= 2000, 30)

    assert hub.told().count("ended 101 abandoned") == 1000
    assert len(hub.batches) < 500
    assert all(call.direction == "inbound" for call in hub.calls.values())


async def test_a_store_that_is_down_for_a_while_loses_nothing() -> None:
    hub = MemoryHub()
    async with playing(PlayedAri()) as ari, link_to(**settings(ari)) as link, running(run(link, hub)):
        await until(lambda: bool(hub.ups))
        hub.is_store_down = True
        await ari.tell(*missed_call(1))
        await asyncio.sleep(0.2)
        assert hub.told() == []
        hub.is_store_down = False
        await until(lambda: len(hub.told()) == 2)

        assert len(ari.sockets) == 1


async def test_a_link_that_another_process_holds_now_ends() -> None:
    hub = MemoryHub()
    async with playing(PlayedAri()) as ari, link_to(**settings(ari)) as link:
        task = asyncio.create_task(run(link, hub))
        await until(lambda: bool(hub.ups))
        hub.held = False
        await ari.tell(*missed_call(1))
        with pytest.raises(LinkLost):
            await asyncio.wait_for(task, 5)


@pytest.mark.parametrize(("is_held", "error"), [(True, Misconfigured), (False, LinkLost)])
async def test_an_application_that_was_taken_over(is_held: bool, error: type[Exception]) -> None:
    """By another program; or by the process that has the link now, which is no mistake of anybody's."""
    hub = MemoryHub()
    async with playing(PlayedAri()) as ari, link_to(**settings(ari)) as link:
        task = asyncio.create_task(run(link, hub))
        await until(lambda: bool(hub.ups))
        hub.held = is_held
        await ari.tell('{"type":"ApplicationReplaced","application":"switchhook"}')
        with pytest.raises(error):
            await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("version", ["16.28.0~dfsg", "22.10.1"])
async def test_requests_go_by_http_several_at_once(version: str) -> None:
    hub = MemoryHub()
    async with playing(PlayedAri(version=version)) as ari, link_to(**settings(ari)) as link:
        async with running(run(link, hub)):
            await until(lambda: bool(hub.ups))

        assert {way for way, _ in ari.asked} == {"http"}


async def test_a_user_that_may_only_read_is_said_in_words() -> None:
    async with playing(PlayedAri(subscription_status=403)) as ari, link_to(**settings(ari)) as link:
        with pytest.raises(Refused, match="may only read"):
            await run(link, MemoryHub())


async def test_an_application_that_is_told_nothing_any_more_is_found_out() -> None:
    hub = MemoryHub()
    async with playing(PlayedAri()) as ari, link_to(**settings(ari)) as link, running(run(link, hub)):
        await until(lambda: bool(hub.ups))
        ari.is_deaf = True
        await until(lambda: len(ari.sockets) == 2)
        ari.is_deaf = False
        await until(lambda: len(hub.ups) == 2)


async def test_a_wrong_password_is_said_in_words() -> None:
    async with playing(PlayedAri(info_status=401)) as ari, link_to(**settings(ari)) as link:
        with pytest.raises(Refused, match="refuses user and password"):
            await run(link, MemoryHub())


class Silent:
    """A socket that takes everything and says nothing."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def receive(self) -> str:
        raise AssertionError

    async def close(self) -> None: ...


async def test_an_answer_that_does_not_come_is_not_waited_for_longer_than_its_time() -> None:
    asker = SocketAsker(Silent(), seconds=0.05)

    with pytest.raises(PeerDown, match="did not answer"):
        await asker.send(rest.channels())
    asker.take(RESTResponse(request_id="r1", status_code=200))  # too late, and nobody's


async def test_answers_go_to_whoever_asked_in_any_order() -> None:
    socket = Silent()
    asker = SocketAsker(socket, seconds=5)
    first, second = (asyncio.create_task(asker.send(one)) for one in (rest.channels(), rest.bridges()))
    await until(lambda: len(socket.sent) == 2)
    asker.take(RESTResponse(request_id="r2", status_code=200, message_body="[2]"))
    asker.take(RESTResponse(request_id="r1", status_code=404, message_body="[1]"))

    assert [(one.status, one.body) for one in (await first, await second)] == [(404, b"[1]"), (200, b"[2]")]
