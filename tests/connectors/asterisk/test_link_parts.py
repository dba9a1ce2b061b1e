"""The small parts of the link: closing what vanished, settings, the door, addresses of recordings, inbox."""

import asyncio
import base64
from datetime import timedelta

import pytest

from switchhook.connectors.asterisk.as_crm import SIDE, admit
from switchhook.connectors.asterisk.link.inbox import LARGEST_BATCH, Inbox
from switchhook.connectors.asterisk.link.recordings import headers_of, url_of
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.link.vanished import closing_news
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.settings import EXTENSION, NUMBER, check_dial_string, read_settings
from switchhook.core.call import Call, Direction, Leg, LegState
from switchhook.core.edge import Request
from switchhook.core.errors import BadMessage, Misconfigured, PeerDown, Refused
from tests.core.story import START

from .holding import make_link
from .recordings import steps

RINGS = Leg(extension="102", ringing_at=START, began_at=START)
TALKS = Leg(extension="101", state=LegState.TALKING, answered_at=START, began_at=START)
GONE = Leg(extension="103", state=LegState.ENDED, ended_at=START)


def call(*legs: Leg, call_id: str = "1.1") -> Call:
    return Call(
        id="c",
        connection_id="c-1",
        call_id=call_id,
        shared_id=call_id,
        recording_token="t",
        started_at=START,
        direction=Direction.INBOUND,
        number="79101234567",
        legs=legs,
    )


@pytest.mark.parametrize(
    ("legs", "going_on", "expected"),
    [
        ((TALKS, GONE), {}, ["ended 101 answered"]),
        ((RINGS,), {}, ["ended 102 unknown", "ended unknown"]),
        ((TALKS, RINGS), {"1.1": {"101"}}, ["ended 102 cancelled"]),
        ((TALKS, RINGS), {"1.1": {"101", "102"}}, []),
        ((TALKS,), {"2.2": {"101"}}, ["ended 101 answered"]),
        ((RINGS,), {"1.1": set()}, ["ended 102 cancelled"]),
        ((), {}, []),
    ],
)
def test_what_is_closed_of_calls_that_the_pbx_has_no_more(
    legs: tuple[Leg, ...], going_on: dict[str, set[str]], expected: list[str]
) -> None:
    news = closing_news([call(*legs)], going_on)

    assert steps(news) == expected
    assert {one.leg_began_at for one in news if getattr(one, "extension", None)} <= {START}  # type: ignore[union-attr]


def settings(**given: str) -> dict[str, str]:
    base = {"mode": "ari", "url": "http://pbx:8088", "user": "hub", "password": "secret"}
    return dict(make_link(base | given).settings)


@pytest.mark.parametrize(
    ("entered", "read"),
    [
        ("http://pbx:8088", "http://pbx:8088/ari"),
        ("http://pbx:8088/ari/", "http://pbx:8088/ari"),
        ("https://pbx/asterisk", "https://pbx/asterisk/ari"),
        ("ws://pbx:8088/ari/events?app=x", "http://pbx:8088/ari"),
        ("wss://pbx", "https://pbx/ari"),
    ],
)
def test_the_address_of_ari_is_read_as_people_write_it(entered: str, read: str) -> None:
    assert read_settings(settings(url=entered)).url == read


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": ""}, "url"),
        ({"password": ""}, "password"),
        ({"mode": "ami"}, "host"),
        ({"port": "0"}, "port"),
        ({"port": "99999"}, "port"),
        ({"ring_seconds": "1"}, "ring_seconds"),
        ({"queue_seconds": "1.5"}, "queue_seconds"),
        ({"phones": "101=x y"}, "phones"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings(settings(**given))

    assert caught.value.field == field
    assert "secret" not in caught.value.reason


def test_phones_of_one_extension_ring_together() -> None:
    read = read_settings(settings(phones="anna=101, anna-mobile=101, 2??", phone="SIP/{extension}"))

    assert read.drive.endpoints_of("101") == ("SIP/anna", "SIP/anna-mobile")
    assert read.drive.endpoints_of("201") == ("SIP/201",)
    assert SIDE.extensions is not None
    assert SIDE.extensions(make_link(settings(phones="anna=101, 2??, 105"))) == ["101", "105"]


@pytest.mark.parametrize("text", ["PJSIP/{number}@trunk", "Local/{number}@from-internal", "DAHDI/9{number}"])
def test_a_dial_string(text: str) -> None:
    check_dial_string(NUMBER)(text)


@pytest.mark.parametrize(
    "text",
    [
        "{number}",
        "PJSIP/trunk",
        "PJSIP/{number}{number}",
        "PJSIP/{number}@trunk,30,tT",
        "PJSIP/{number}@trunk&SIP/1",
        "PJSIP/a@{number}",
        "PJSIP/{number}@${X}",
        "P JSIP/{number}",
    ],
)
def test_a_dial_string_that_would_mean_more_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        check_dial_string(NUMBER)(text)
    with pytest.raises(BadMessage):
        check_dial_string(EXTENSION)(text)


def asks(user: str = "switchhook", password: str = "hub-made-key", **headers: str) -> Request:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    given = {"authorization": f"Basic {token}", "sec-websocket-protocol": "ari"} | headers
    return Request(method="GET", path="/ari", headers={key: value for key, value in given.items() if value})


INBOUND = make_link({"mode": "ari-inbound"})


def test_the_pbx_is_let_in_by_user_and_key() -> None:
    assert admit(asks(), INBOUND) == "ari"
    assert admit(asks(**{"sec-websocket-protocol": "media, ari"}), INBOUND) == "ari"


def test_a_key_that_was_replaced_holds_as_long_as_old_keys_do() -> None:
    link = make_link(
        {"mode": "ari-inbound"}, keys={"password": "new-key-1"}, old_keys={"password": "old-key-1"}
    )

    assert admit(asks(password="old-key-1"), link) == "ari"


@pytest.mark.parametrize(
    ("request_", "words", "is_missing"),
    [
        (asks(password="wrong"), "user or the password", False),
        (asks(password=""), "user or the password", False),
        (asks(user="other"), "user or the password", False),
        (asks(authorization=""), "expected user and password", True),
        (asks(authorization="Bearer x"), "expected user and password", True),
        (asks(authorization="Basic %%%"), "base64", False),
        (asks(authorization="Basic /w=="), "base64", False),
        (asks(**{"sec-websocket-protocol": ""}), "subprotocol", False),
    ],
)
def test_who_is_not_let_in(request_: Request, words: str, is_missing: bool) -> None:
    with pytest.raises(Refused, match=words) as caught:
        admit(request_, INBOUND)

    assert caught.value.is_missing is is_missing


def test_nobody_is_let_in_where_the_hub_connects_itself() -> None:
    with pytest.raises(Refused, match="ari-inbound"):
        admit(asks(), make_link({"mode": "ari", "password": "hub-made-key"}))


OFFERED = {
    "recordings_url": "https://files.example.com/rec/",
    "recordings_folder": "/var/spool/asterisk/monitor",
    "recordings_user": "files",
    "recordings_password": "file-secret",
}


@pytest.mark.parametrize(
    ("name", "is_stored", "expected"),
    [
        ("switchhook-1.1", True, "http://pbx:8088/ari/recordings/stored/switchhook-1.1/file"),
        ("a/b c", True, "http://pbx:8088/ari/recordings/stored/a%2Fb%20c/file"),
        ("/var/spool/asterisk/monitor/2026/1.1.wav", False, "https://files.example.com/rec/2026/1.1.wav"),
        ("/var/spool/asterisk/monitor/a b#1.wav", False, "https://files.example.com/rec/a%20b%231.wav"),
        ("/var/spool/asterisk/monitor/../voicemail/1.wav", False, None),
        ("/etc/passwd", False, None),
    ],
)
def test_where_a_recording_can_be_had(name: str, is_stored: bool, expected: str | None) -> None:
    recording = Recording(call_id="1.1", name=name, is_stored=is_stored)

    assert url_of(recording, read_settings(settings(**OFFERED))) == expected


def test_a_recording_that_nobody_offers_has_no_address() -> None:
    file = Recording(call_id="1.1", name="/var/spool/asterisk/monitor/1.wav", is_stored=False)
    stored = Recording(call_id="1.1", name="switchhook-1.1", is_stored=True)

    assert url_of(file, read_settings(settings())) is None
    assert url_of(stored, read_settings(dict(INBOUND.settings))) is None


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("http://pbx:8088/ari/recordings/stored/x/file", "hub:secret"),
        ("https://files.example.com/rec/1.wav", "files:file-secret"),
        ("http://pbx:8088/elsewhere", None),
        ("http://pbx:8088/ari/recordings/../../x", None),
        ("http://pbx:8088.evil.example/ari/recordings/stored/x/file", None),
        ("http://pbx:9/ari/recordings/stored/x/file", None),
        ("https://pbx:8088/ari/recordings/stored/x/file", None),
        ("https://files.example.com/other/1.wav", None),
        ("https://evil.example/rec/1.wav", None),
    ],
)
def test_a_password_goes_to_its_own_server_only(url: str, user: str | None) -> None:
    sent = headers_of(url, read_settings(settings(**OFFERED)))

    expected = {} if user is None else {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    assert dict(sent) == expected


async def test_a_full_inbox_makes_its_filler_wait_and_loses_nothing() -> None:
    inbox: Inbox[int] = Inbox(most_items=3)
    filling = asyncio.create_task(_fill(inbox, 10))
    await asyncio.sleep(0.01)
    assert not filling.done()
    taken: list[int] = []
    while len(taken) < 10:
        batch = await inbox.take()
        assert len(batch) <= 3
        taken += batch

    await filling
    assert taken == list(range(10))


async def test_an_inbox_counts_bytes_too_but_takes_what_is_larger_than_all_of_it() -> None:
    inbox: Inbox[int] = Inbox(most_bytes=100)
    await inbox.put(1, 5_000)
    waiting = asyncio.create_task(inbox.put(2, 1))
    await asyncio.sleep(0.01)
    assert not waiting.done()

    assert await inbox.take() == [1]
    await waiting
    assert await inbox.take() == [2]


async def test_a_batch_is_not_larger_than_one_transaction_should_be() -> None:
    inbox: Inbox[int] = Inbox()
    await _fill(inbox, LARGEST_BATCH + 1)

    assert len(await inbox.take()) == LARGEST_BATCH
    assert len(await inbox.take()) == 1


async def test_the_first_that_fails_ends_the_others_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def other() -> None:
        try:
            await asyncio.sleep(timedelta(hours=1).total_seconds())
        finally:
            ended.append("other")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise PeerDown("gone")

    with pytest.raises(PeerDown, match="gone"):
        await together(other(), fails())
    assert ended == ["other"]


async def _fill(inbox: Inbox[int], count: int) -> None:
    for number in range(count):
        await inbox.put(number, 1)
