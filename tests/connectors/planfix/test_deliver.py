"""What a Planfix account is told: the vendor's scenarios to the byte, and what is not sent and why."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from switchhook.connectors.planfix.deliver import deliver, hears, messages, why_not
from switchhook.core.call import Call, Change, ChangeKind, Direction, Disposition, Leg, LegState, Recording
from switchhook.core.connector import Role
from switchhook.core.directory import Employee
from switchhook.core.edge import Reply
from switchhook.core.outcome import Delivered, GiveUp, NotSent
from tests.connectors.planfix.ask import to_account
from tests.connectors.planfix.calls import (
    AT,
    answered,
    call,
    cancelled_leg,
    ended,
    missed,
    missed_call,
    rang,
    recorded,
)
from tests.connectors.planfix.hub import ScriptedHub, link_to, real_net
from tests.connectors.planfix.peer import listening, says, says_in_turn
from tests.connectors.planfix.sent import PLANFIX_KEY

LINK = "https://hub.example.test/r/f3a9"
KEPT = Recording(url="https://pbx.example.test/1.mp3", is_ready=True, is_kept=True)
COMING = Recording(url="https://pbx.example.test/1.mp3")
STAFF = (Employee(id=1, name="Anna", extension="101", numbers=("+79035550101",)),)


async def bodies(steps: Sequence[tuple[Change, Call]]) -> list[str]:
    async with listening(says()) as peer, real_net() as net:
        link = to_account(peer.url + "/tel/api", net)
        for change, at_that_time in steps:
            outcome = await deliver(change, at_that_time, link, ScriptedHub())
            assert isinstance(outcome, Delivered)
    assert {request.path for request in peer.requests} == {"/tel/api"}
    return [body.removesuffix(f"&planfix_token={PLANFIX_KEY}") for body in peer.bodies]


async def test_a_group_that_rings_at_once_is_told_as_the_vendor_describes_it() -> None:
    k = call(is_recorded=True, custom={"utm_source": "site.example.test"})
    done = replace(k, recordings=(KEPT,))

    said = await bodies(
        [
            (rang("101"), k),
            (rang("102"), k),
            (answered("102"), k),
            (ended("101", Disposition.CANCELLED), k),
            (ended("102", Disposition.ANSWERED, 124), k),
            (recorded(), done),
        ]
    )

    who = "phone=79165550142&diversion=74951234567"
    talk = "duration=124&is_recorded=1&status=Success&data_utm_source=site.example.test"
    assert said == [
        f"cmd=event&type=in&event=INCOMING&{who}&ext=101&callid=K-77",
        f"cmd=event&type=in&event=INCOMING&{who}&ext=102&callid=K-77",
        f"cmd=event&type=in&event=ACCEPTED&{who}&ext=102&callid=K-77",
        f"cmd=event&type=in&event=COMPLETED&{who}&ext=101&callid=K-77&duration=0&is_recorded=0&status=Cancelled",
        f"cmd=event&type=in&event=COMPLETED&{who}&ext=102&callid=K-77&{talk}",
        "cmd=record&callid=K-77&record_link=https%3A%2F%2Fhub.example.test%2Fr%2Ff3a9&is_temp=0",
    ]


async def test_an_outgoing_call_is_told_as_the_vendor_describes_it() -> None:
    k = call(direction=Direction.OUTBOUND, number="89165550199", shared_id="K-78")

    said = await bodies([(rang("102"), k), (ended("102", Disposition.BUSY), k)])

    who = "phone=79165550199&diversion=74951234567&ext=102&callid=K-78"
    assert said == [
        f"cmd=event&type=out&event=OUTGOING&{who}",
        f"cmd=event&type=out&event=COMPLETED&{who}&duration=0&is_recorded=0&status=Busy",
    ]


async def test_a_hunt_that_nobody_answered_ends_as_one_missed_call() -> None:
    k = replace(missed_call(cancelled_leg("101"), cancelled_leg("102")), extension="102")

    said = await bodies([(missed("102"), k)])

    who = "phone=79165550142&diversion=74951234567&ext=102&callid=K-77"
    assert said == [f"cmd=event&type=in&event=COMPLETED&{who}&duration=0&is_recorded=0&status=Missed"]


async def test_a_ready_recording_goes_with_the_end_of_the_talk() -> None:
    (said,) = await bodies([(ended("102", Disposition.ANSWERED, 5), call(recordings=[KEPT]))])

    assert "record_link=https%3A%2F%2Fhub.example.test%2Fr%2Ff3a9" in said


@pytest.mark.parametrize(
    ("change", "is_heard"),
    [
        (rang("101"), True),
        (answered("101"), True),
        (ended("101", Disposition.CANCELLED), True),
        (missed("101"), True),
        (missed("101", was_said=True), False),
        (replace(missed("101"), disposition=Disposition.ANSWERED), False),
        (replace(missed("101"), disposition=Disposition.UNKNOWN), False),
        (recorded(), True),
        (recorded(was_said=True), False),
        (Change(kind=ChangeKind.RECORDING_HEARD, at=AT, recording=0), False),
        (Change(kind=ChangeKind.CALL_FINAL, at=AT), False),
        (Change(kind=ChangeKind.CORRECTED, at=AT, note="x"), False),
    ],
)
def test_hears_what_it_has_words_for(change: Change, is_heard: bool) -> None:
    assert hears(change) is is_heard


TALKING = Leg(extension="105", state=LegState.TALKING)


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (ended("102", Disposition.ANSWERED, 5), call(recordings=[COMING])),
        (ended("101", Disposition.CANCELLED), call(recordings=[KEPT])),
        (ended("102", Disposition.ANSWERED, 5), call(recordings=[KEPT], legs=[TALKING])),
    ],
    ids=["not here yet", "a loser's end", "somebody still talks"],
)
def test_no_link_goes_along_before_the_recording_is_told(change: Change, then: Call) -> None:
    (form,) = messages(change, then, link_to(Role.CRM))

    assert "record_link" not in form


def test_a_second_recording_has_a_link_of_its_own() -> None:
    (form,) = messages(recorded(1), call(recordings=[KEPT, KEPT]), link_to(Role.CRM))

    assert form == {"cmd": "record", "callid": "K-77", "record_link": f"{LINK}/2", "is_temp": "0"}


@pytest.mark.parametrize(
    ("direction", "told"),
    [
        (
            Direction.INBOUND,
            {"answered": "Success", "cancelled": "Cancelled", "missed": "Missed", "abandoned": "Missed"},
        ),
        (
            Direction.OUTBOUND,
            {
                "answered": "Success",
                "busy": "Busy",
                "no_answer": "NoAnswer",
                "unreachable": "NotAvailable",
                "forbidden": "NotAllowed",
            },
        ),
    ],
)
def test_every_disposition_has_a_nearest_status(direction: Direction, told: dict[str, str]) -> None:
    rest = "Missed" if direction is Direction.INBOUND else "NoAnswer"
    for disposition in Disposition:
        (form,) = messages(ended("101", disposition, 3), call(direction=direction), link_to(Role.CRM))
        assert form["status"] == told.get(disposition.value, rest)


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (call(direction=Direction.INTERNAL), "between employees"),
        (call(direction=Direction.UNKNOWN), "came in or went out"),
        (call(number="anonymous"), "withheld"),
        (call(number=""), "withheld"),
        (call(number="8 903 555-01-01"), "Anna's own"),
        (call(number="101"), "Anna's own"),
    ],
)
def test_says_why_a_call_is_not_sent(then: Call, reason: str) -> None:
    said = why_not(rang("102"), then, link_to(Role.CRM), STAFF)

    assert said is not None
    assert reason in said


async def test_an_account_that_is_not_set_up_is_sent_nothing() -> None:
    outcome = await deliver(rang("101"), call(), link_to(Role.CRM), ScriptedHub())

    assert outcome == NotSent("the Planfix address and key are not set yet")


def nobody() -> tuple[Change, Call]:
    """The caller hung up in a voice menu."""
    leg = Leg(extension="", state=LegState.ENDED, ended_at=AT, disposition=Disposition.MISSED)
    return ended("", Disposition.MISSED), missed_call(leg)


def test_a_call_that_reached_nobody_is_sent_only_to_a_catch_all() -> None:
    change, then = nobody()

    reason = why_not(change, then, link_to(Role.CRM), ())

    assert reason == "no employee took part and no catch-all extension is set"


def test_the_catch_all_sees_the_call_start_and_end() -> None:
    change, then = nobody()
    link = link_to(Role.CRM, {"catch_all_extension": "100"})

    said = messages(change, then, link)

    assert why_not(change, then, link, ()) is None
    assert [(form["event"], form["ext"]) for form in said] == [("INCOMING", "100"), ("COMPLETED", "100")]
    assert said[1]["status"] == "Missed"


async def test_after_a_refusal_nothing_more_of_the_change_is_sent() -> None:
    refusal = Reply(status=400, body=b'{ error: "Invalid parameters" }')
    change, then = nobody()
    async with listening(says_in_turn([refusal])) as peer, real_net() as net:
        link = to_account(peer.url, net, {"catch_all_extension": "100"})
        outcome = await deliver(change, then, link, ScriptedHub())

    assert outcome == GiveUp("Planfix refuses this message (400): Invalid parameters", 400, refusal.body)


def test_feature_codes_are_not_numbers() -> None:
    (form,) = messages(rang("101"), call(number="*98", did=None), link_to(Role.CRM))

    assert form["phone"] == "*98"
    assert "diversion" not in form


def test_numbers_without_a_code_are_read_by_the_country_of_the_connection() -> None:
    (form,) = messages(rang("101"), call(number="030 123456"), link_to(Role.CRM, {"region": "DE"}))

    assert form["phone"] == "4930123456"
