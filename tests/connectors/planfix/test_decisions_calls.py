"""The numbered decisions of docs/connectors/planfix.md: what a PBX tells, and what Planfix is told."""

import asyncio

import pytest

from switchhook.connectors.planfix import as_crm
from switchhook.core.call import Direction, Disposition, Happening
from switchhook.core.connector import Role
from switchhook.core.outcome import NotSent
from tests.connectors.planfix.ask import (
    COMPLETED,
    INCOMING,
    PARAMETERS,
    ask_crm,
    delivered,
    heard,
    told_of,
)
from tests.connectors.planfix.calls import CALLER, ended, rang
from tests.connectors.planfix.calls import call as a_call
from tests.connectors.planfix.hub import ScriptedHub, link_to
from tests.connectors.planfix.sent import to_crm


async def test_04_the_same_step_again_is_the_same_news() -> None:
    assert await heard(**COMPLETED) == await heard(**COMPLETED)


async def test_05_any_step_is_taken_at_any_time() -> None:
    hub = ScriptedHub()
    steps = [
        {"cmd": "record", "callid": "K-1", "record_link": "https://pbx.example.test/1.mp3"},
        COMPLETED,
        INCOMING | {"event": "ACCEPTED"},
        INCOMING,
    ]

    replies = [await ask_crm(to_crm(**step), hub) for step in steps]

    assert [reply.status for reply in replies] == [200] * 4
    assert [event.happening for event in hub.events] == [
        Happening.RECORDED,
        Happening.ENDED,
        Happening.ANSWERED,
        Happening.RINGING,
    ]


@pytest.mark.parametrize("name", ["type", "event", "phone", "callid"])
async def test_06_an_event_needs_these(name: str) -> None:
    hub = ScriptedHub()

    missing = await ask_crm(to_crm(**{k: v for k, v in COMPLETED.items() if k != name}), hub)
    empty = await ask_crm(to_crm(**COMPLETED | {name: ""}), hub)

    assert [(reply.status, reply.body) for reply in (missing, empty)] == [(400, PARAMETERS)] * 2
    assert hub.heard == []


@pytest.mark.parametrize(
    "fields",
    [
        {"cmd": "contact"},
        {"cmd": "record", "callid": "K-1"},
        {"cmd": "record", "record_link": "https://pbx.example.test/1.mp3"},
        {"cmd": "record", "callid": "K-1", "record_link": "javascript:alert(1)"},
    ],
)
async def test_06_contact_and_record_need_theirs(fields: dict[str, str]) -> None:
    reply = await ask_crm(to_crm(**fields))

    assert (reply.status, reply.body) == (400, PARAMETERS)


async def test_06_the_rest_may_miss() -> None:
    event = await heard(cmd="event", type="in", event="COMPLETED", phone=CALLER, callid="K-1")

    assert (event.extension, event.did, event.talk_seconds) == ("", None, None)
    assert (event.disposition, event.disposition_as_sent, event.is_recorded) == (
        Disposition.UNKNOWN,
        None,
        False,
    )


async def test_06_a_link_means_recorded_unless_it_is_denied() -> None:
    bare = {k: v for k, v in COMPLETED.items() if k != "is_recorded"} | {
        "record_link": "https://p.example.test/1"
    }

    events = [await heard(**bare), await heard(**bare, is_recorded="0")]

    assert [event.is_recorded for event in events] == [True, False]


@pytest.mark.parametrize(("name", "value"), [("type", "internal"), ("type", "IN"), ("event", "incoming")])
async def test_07_a_step_outside_the_list_is_refused(name: str, value: str) -> None:
    reply = await ask_crm(to_crm(**INCOMING | {name: value}))

    assert reply.status == 400


@pytest.mark.parametrize(
    ("direction", "status", "disposition"),
    [
        ("in", "success", Disposition.ANSWERED),
        ("in", "MISSED", Disposition.MISSED),
        ("in", "Cancel", Disposition.CANCELLED),
        ("in", "Busy", Disposition.MISSED),
        ("in", "NoAnswer", Disposition.MISSED),
        ("out", "Missed", Disposition.NO_ANSWER),
        ("out", "Cancelled", Disposition.NO_ANSWER),
        ("out", "NotAvaliable", Disposition.UNREACHABLE),
        ("out", "NotFound", Disposition.UNREACHABLE),
        ("out", "no answer", Disposition.NO_ANSWER),
        ("in", "CONGESTION", Disposition.UNKNOWN),
        ("out", "Успешно", Disposition.UNKNOWN),
    ],
)
async def test_07_statuses_are_read_leniently_and_kept_as_sent(
    direction: str, status: str, disposition: Disposition
) -> None:
    event = await heard(**COMPLETED | {"type": direction, "status": status})

    assert (event.disposition, event.disposition_as_sent) == (disposition, status)


async def test_07_a_link_that_is_none_does_not_cost_the_call() -> None:
    event = await heard(**COMPLETED | {"record_link": "file:///etc/passwd"})

    assert event.recording_url is None
    assert event.as_sent["record_link"] == "file:///etc/passwd"


@pytest.mark.parametrize(
    ("name", "kind", "direction"),
    [("INCOMING", "out", Direction.OUTBOUND), ("OUTGOING", "in", Direction.INBOUND)],
)
async def test_08_the_type_beats_the_name_of_the_event(name: str, kind: str, direction: Direction) -> None:
    event = await heard(**INCOMING | {"event": name, "type": kind})

    assert (event.happening, event.direction) == (Happening.RINGING, direction)


@pytest.mark.parametrize("number", ["+79165550142", "89165550142", "8 (916) 555-01-42", "79165550142"])
async def test_11_numbers_are_taken_raw_and_told_as_international_digits(number: str) -> None:
    event = await heard(**INCOMING | {"phone": number})
    told = await told_of(rang("101"), a_call(number=number))

    assert event.number == number
    assert told["phone"] == "79165550142"


@pytest.mark.parametrize("number", ["anonymous", "Private", "Unknown"])
async def test_12_withheld_numbers_are_taken_and_told_only_when_switched_on(number: str) -> None:
    event = await heard(**INCOMING | {"phone": number})
    off = await delivered(rang("101"), a_call(number=number))
    told = await told_of(rang("101"), a_call(number=number), send_withheld="true")

    assert event.number == number
    assert isinstance(off, NotSent)
    assert told["phone"] == number


async def test_14_the_duration_is_the_talk_and_believed_of_a_talk_only() -> None:
    talk = await heard(**COMPLETED)
    ring = await heard(**COMPLETED | {"status": "Missed", "duration": "24"})
    none = await heard(**COMPLETED | {"duration": ""})
    odd = await heard(**COMPLETED | {"duration": "-1"})

    assert [event.talk_seconds for event in (talk, ring, none, odd)] == [124, None, None, None]


async def test_14_our_duration_is_the_talk_and_0_without_one() -> None:
    talk = await told_of(ended("101", Disposition.ANSWERED, 124))
    none = await told_of(ended("101", Disposition.MISSED, 24))

    assert (talk["duration"], none["duration"]) == ("124", "0")


async def test_18_a_promised_recording_holds_nothing_up() -> None:
    event = await heard(**COMPLETED | {"is_recorded": "1"})

    assert (event.is_recorded, event.recording_url) == (True, None)


@pytest.mark.parametrize(
    ("sent", "is_temp"), [({}, False), ({"is_temp": "0"}, False), ({"is_temp": "1"}, True)]
)
async def test_19_a_link_for_one_download_is_marked(sent: dict[str, str], is_temp: bool) -> None:
    event = await heard(cmd="record", callid="K-77", record_link="https://pbx.example.test/1.mp3", **sent)

    assert event.recording_is_temp is is_temp


async def test_20_a_link_on_completed_is_permanent() -> None:
    event = await heard(**COMPLETED | {"record_link": "https://pbx.example.test/1.mp3", "is_temp": "1"})

    assert event.recording_is_temp is False


async def test_23_a_call_id_is_any_text_of_up_to_200_characters() -> None:
    odd = "D12D-É/?&=+ %" + "x" * 187

    event = await heard(**INCOMING | {"callid": odd})
    too_long = await ask_crm(to_crm(**INCOMING | {"callid": odd + "x"}))

    assert event.call_id == odd
    assert too_long.status == 400


async def test_24_requests_of_one_call_may_come_at_the_same_moment() -> None:
    hub = ScriptedHub()
    link = link_to(Role.PBX)

    await asyncio.gather(*(as_crm.serve(to_crm(**INCOMING | {"ext": str(n)}), link, hub) for n in range(50)))

    assert {event.extension for event in hub.events} == {str(n) for n in range(50)}
