"""Every recorded call comes to what it was, heard over AMI or over ARI."""

from dataclasses import dataclass
from typing import Any

import pytest

from switchhook.core.call import Call, Phase
from tests.core.story import after

from .recordings import CASES, Moment, ami_of, ari_of, outcome, steps, told

CALLER, STRANGER, CLIENT = "79101234567", "79990000000", "79997776655"
OURS = "74950000001"  # what calls to the outside show


@dataclass(frozen=True)
class Expected:
    """How a recorded call is to end. `did` and `group` are what AMI tells."""

    direction: str
    number: str
    legs: tuple[tuple[str, str], ...]
    disposition: str
    extension: str | None
    did: str | None = None
    group: str | None = None
    name: str | None = None
    talk_seconds: int = 0


def inbound(
    last_digit: int, legs: str, disposition: str, extension: str | None, talk: int = 0, **more: Any
) -> Expected:
    return Expected(
        direction="inbound",
        number=more.pop("number", CALLER),
        did=f"7495000000{last_digit}",
        legs=_legs(legs),
        disposition=disposition,
        extension=extension,
        talk_seconds=talk,
        **more,
    )


def outbound(legs: str, disposition: str, talk: int = 0, did: str | None = OURS) -> Expected:
    return Expected(
        direction="outbound",
        number=CLIENT,
        did=did,
        legs=_legs(legs),
        disposition=disposition,
        extension="101",
        talk_seconds=talk,
    )


def _legs(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (pair.partition(" ") for pair in text.split(", "))
    return tuple((extension.strip("-"), disposition) for extension, _, disposition in pairs)


IVAN = "Ivan Petrov"
TAKEN = "101 answered, 102 cancelled"

EXPECTED: dict[str, Expected] = {
    "ari_click_to_call": outbound("101 answered", "answered", 2),
    "ari_click_to_call_whole": outbound("101 answered", "answered", 2),
    "ari_inbound": inbound(1, TAKEN, "answered", "101", 2, name=IVAN),
    "ari_inbound_abandoned": inbound(1, "101 abandoned", "abandoned", "101", name=IVAN),
    "ari_inbound_busy": inbound(1, "101 busy, 102 no_answer", "no_answer", "101", name=IVAN),
    "ari_inbound_whole": inbound(1, TAKEN, "answered", "101", 2, name=IVAN),
    "attended_transfer_ami": inbound(6, "101 answered, 103 answered", "answered", "103", 9),
    "blind_transfer_ami": inbound(6, "101 answered, 103 answered", "answered", "103", 4),
    "blind_transfer_refer": inbound(6, "101 answered, 103 answered", "answered", "103", 4),
    "blind_transfer_twice": inbound(6, "101 answered, 103 answered, 102 answered", "answered", "102", 4),
    "click_to_call_ami": outbound("101 answered", "answered", 2),
    "click_to_call_ami_manager_busy": outbound("101 busy", "busy", did=None),
    "curl_routing": inbound(5, "103 answered", "answered", "103", 1, name=IVAN),
    "curl_unknown_caller": inbound(5, "101 answered", "answered", "101", 1, number=STRANGER),
    "hunt": inbound(3, "101 no_answer, 102 answered", "answered", "102", 2),
    "inbound_abandoned": inbound(6, "101 abandoned", "abandoned", "101"),
    "inbound_agent_hangs_up": inbound(6, "101 answered", "answered", "101", 2),
    "inbound_answered": inbound(6, "101 answered", "answered", "101", 2),
    "inbound_busy": inbound(6, "101 busy", "busy", "101"),
    "inbound_no_answer": inbound(6, "101 no_answer", "no_answer", "101"),
    "inbound_unregistered": inbound(6, "- unreachable", "unreachable", ""),
    "internal_call": Expected(
        direction="internal",
        number="102",
        legs=(("101", "answered"), ("102", "answered")),
        disposition="answered",
        extension="102",
        talk_seconds=1,
    ),
    "local_members": inbound(9, TAKEN, "answered", "101", 2),
    "outbound_busy": outbound("101 busy", "busy"),
    "outbound_from_phone": outbound("101 answered", "answered", 2),
    "pickup_group": inbound(6, "101 cancelled, 102 answered", "answered", "102", 2),
    "pickup_named": inbound(6, "101 cancelled, 102 answered", "answered", "102", 2),
    "pickup_of_group": inbound(2, "101 cancelled, 102 cancelled, 103 answered", "answered", "103", 2),
    "queue_abandoned": inbound(4, "101 abandoned, 102 abandoned", "abandoned", "101", group="sales"),
    "queue_answered": inbound(4, TAKEN, "answered", "101", 2, group="sales"),
    "queue_answered_whole": inbound(4, TAKEN, "answered", "101", 2, group="sales"),
    "ring_group": inbound(2, TAKEN, "answered", "101", 2),
    "stasis_without_app": inbound(9, "101 answered", "answered", "101", 1),
    "two_calls_joined": inbound(6, "101 answered, 102 answered", "answered", "102", 4),
}
# The written recordings keep no dialplan of ARI's channels, so the number that was called is not in them.
TELLS_DID = {"blind_transfer_twice", "local_members", "two_calls_joined"}
TELLS_DID |= {case for case in CASES if case.startswith("pickup") or case.endswith("whole")}


def main_call(moments: tuple[Moment, ...]) -> Call:
    return next(iter(told(moments).calls.values()))


def test_each_recording_has_its_outcome_written_down() -> None:
    assert set(EXPECTED) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_a_call_heard_over_ami_is_what_it_was(case: str) -> None:
    expected = EXPECTED[case]

    call = main_call(ami_of(case))

    assert outcome(call) == {
        "direction": expected.direction,
        "number": expected.number,
        "did": expected.did,
        "name": expected.name,
        "group": expected.group,
        "legs": list(expected.legs),
        "disposition": expected.disposition,
        "extension": expected.extension,
    }
    assert call.phase is Phase.FINAL
    assert abs((call.talk_seconds or 0) - expected.talk_seconds) <= 1


@pytest.mark.parametrize("case", CASES)
def test_a_call_heard_over_ari_is_the_same(case: str) -> None:
    """Of queues ARI knows nothing, and of the number called only where the dialplan's place came along."""
    by_ami, by_ari = main_call(ami_of(case)), main_call(ari_of(case))

    expected = outcome(by_ami) | {"group": None}
    if expected["direction"] == "inbound" and case not in TELLS_DID:
        expected["did"] = None
    assert outcome(by_ari) == expected
    assert abs((by_ari.talk_seconds or 0) - (by_ami.talk_seconds or 0)) <= 1
    assert abs((by_ari.ring_seconds or 0) - (by_ami.ring_seconds or 0)) <= 1


@pytest.mark.parametrize("case", CASES)
def test_a_listener_forgets_every_call_when_it_is_over(case: str) -> None:
    played = told(ami_of(case))
    last = ami_of(case)[-1][0]
    played.take(played.listener.sweep(after(last + 40)), last + 40)

    assert played.listener.calls == ()
    assert played.listener._homes == {}
    assert played.listener._bridges == {}


def test_all_steps_of_a_group_are_told_as_they_happen() -> None:
    assert steps(told(ami_of("ring_group")).news) == [
        "ringing 101",
        "ringing 102",
        "ended 102 cancelled",
        "answered 101",
        "ended 101 answered",
        "report 101 answered",
    ]


def test_a_caller_who_waits_in_a_queue_is_not_talking() -> None:
    """The PBX picked up at once, and so the caller's channel is up from the start."""
    assert steps(told(ami_of("queue_abandoned")).news) == [
        "ringing 101",
        "ringing 102",
        "ended 102 abandoned",
        "ended 101 abandoned",
        "report abandoned",
    ]


def test_a_transferring_phone_that_hangs_up_does_not_end_the_call() -> None:
    assert steps(told(ami_of("attended_transfer_ami")).news) == [
        "ringing 101",
        "answered 101",
        "ringing 103",
        "answered 103",
        "ended 101 answered",
        "ended 103 answered",
        "report 103 answered",
    ]


def test_a_phone_that_dials_for_a_pickup_begins_no_call_of_its_own() -> None:
    played = told(ami_of("pickup_group"))

    assert set(played.calls) == {"1795254063.0"}
    assert steps(played.news)[:4] == ["ringing 101", "ringing 102", "ended 101 cancelled", "answered 102"]


def test_of_two_calls_that_are_joined_the_younger_ends_and_the_older_goes_on() -> None:
    played = told(ami_of("two_calls_joined"))

    older, younger = played.calls.values()
    assert [(leg.extension, leg.talk_seconds) for leg in older.legs] == [("101", 1), ("102", 3)]
    assert outcome(younger)["legs"] == [("102", "answered"), ("103", "answered")]
    assert younger.ended_at is not None
    assert older.ended_at is not None
    assert younger.ended_at < older.ended_at


def test_a_click_has_the_id_that_we_gave_it() -> None:
    assert set(told(ami_of("click_to_call_ami")).calls) == {"click-1-1795237461"}


def test_what_is_told_of_a_call_with_an_answer_is_certain() -> None:
    """No end is told twice, and nothing has to be corrected."""
    for case in CASES:
        played = told(ami_of(case))

        assert [change for change in played.changes if change.note] == [], case
