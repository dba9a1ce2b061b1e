"""A call as outsiders see it: what is known, what is not yet, and what they may not have."""

from datetime import timedelta, timezone

import msgspec
import pytest
from msgspec.structs import replace

from switchhook.core.call import Call, Direction, Disposition, Leg, LegState, Phase, Recording
from switchhook.core.call_view import CallView, EmployeeView, GroupView, NumberView, rfc3339, view_of
from switchhook.core.directory import GroupKind
from tests.core.story import START, after, answers, ends, missed, rings, told

PUBLIC = "https://hub.example"
CALL = Call(
    id="1", connection_id="c-1", call_id="k", shared_id="k", recording_token="t" * 32, started_at=START
)


def view(call: Call, *, public_url: str | None = PUBLIC, region: str = "RU") -> CallView:
    return view_of(call, region=region, public_url=public_url)


def test_of_a_call_that_just_began_little_is_known() -> None:
    shown = view(CALL)

    assert (shown.phase, shown.direction, shown.number) == (
        Phase.OPEN,
        Direction.UNKNOWN,
        NumberView(raw="", e164=None),
    )
    assert (shown.line, shown.group, shown.employee, shown.answered_at, shown.ended_at) == (None,) * 5
    assert (shown.legs, shown.recordings, shown.custom, shown.is_missed) == ((), (), {}, False)


def test_while_somebody_talks_it_is_said_who_and_since_when() -> None:
    first = Leg(extension="101", state=LegState.ENDED, answered_at=after(2), disposition=Disposition.ANSWERED)
    second = Leg(extension="102", state=LegState.TALKING, answered_at=after(9))
    shown = view(replace(CALL, legs=(second, first)))

    assert shown.employee == EmployeeView(extension="102")
    assert shown.answered_at == rfc3339(after(2))


def test_of_a_missed_call_it_is_said_who_is_to_call_back() -> None:
    shown = view(
        told((0, rings("101")), (0, rings("102")), (20, missed("101")), (20, missed("102"))).the_call
    )

    assert (shown.is_missed, shown.disposition, shown.phase) == (True, Disposition.MISSED, Phase.FINAL)
    assert shown.employee == EmployeeView(extension="101")
    assert (shown.ring_seconds, shown.talk_seconds, shown.answered_at) == (20, 0, None)


def test_a_leg_that_nobody_was_named_for_has_no_extension() -> None:
    shown = view(told((0, ends("", Disposition.ABANDONED))).the_call)

    assert [leg.extension for leg in shown.legs] == [None]
    assert shown.employee is None


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("89165550142", "RU", "+79165550142"),
        ("0301234567", "DE", "+49301234567"),
        ("101", "RU", None),
        ("anonymous", "RU", None),
        ("", "RU", None),
    ],
)
def test_a_number_is_shown_as_sent_and_as_understood(raw: str, region: str, e164: str | None) -> None:
    shown = view(replace(CALL, number=raw, did=raw or None), region=region)

    assert shown.number == NumberView(raw=raw, e164=e164)
    assert shown.line == (NumberView(raw=raw, e164=e164) if raw else None)


@pytest.mark.parametrize("kind", [None, *GroupKind])
def test_the_group_that_brought_a_call_is_shown(kind: GroupKind | None) -> None:
    shown = view(replace(CALL, group="Sales", group_kind=kind))

    assert shown.group == GroupView(name="Sales", kind=kind)


RECORDINGS = {
    "not here yet": (Recording(url="https://pbx/1"), f"/r/{'t' * 32}", False),
    "kept": (
        Recording(url="https://pbx/1", is_ready=True, is_kept=True, seconds=5.5),
        f"/r/{'t' * 32}",
        True,
    ),
    "only at the PBX": (Recording(url="https://pbx/1", is_ready=True), "https://pbx/1", True),
    "lost": (Recording(url="https://pbx/1", is_temp=True, is_lost=True), None, False),
}


@pytest.mark.parametrize(("recording", "link", "is_ready"), RECORDINGS.values(), ids=list(RECORDINGS))
def test_a_recording_is_shown_by_its_permanent_link(
    recording: Recording, link: str | None, is_ready: bool
) -> None:
    call = replace(CALL, recordings=(recording,))
    (shown,) = view(call).recordings
    (hidden,) = view(call, public_url=None).recordings

    assert shown.url == (f"{PUBLIC}{link}" if link and link.startswith("/") else link)
    assert (shown.is_ready, shown.seconds) == (is_ready, recording.seconds)
    assert hidden == replace(shown, url=None)


def test_each_recording_has_a_link_of_its_own() -> None:
    call = replace(CALL, recordings=(Recording(url="https://pbx/1"), Recording(url="https://pbx/2")))

    assert [one.url for one in view(call).recordings] == [
        f"{PUBLIC}/r/{'t' * 32}",
        f"{PUBLIC}/r/{'t' * 32}/2",
    ]


def test_whoever_may_not_listen_is_not_shown_how() -> None:
    recordings = (Recording(url="https://pbx/1", is_ready=True), Recording(url="https://pbx/2"))
    text = msgspec.json.encode(view(replace(CALL, recordings=recordings), public_url=None)).decode()

    assert "t" * 32 not in text
    assert "https://pbx" not in text


def test_every_field_is_always_there() -> None:
    full = told(
        (0, rings("101")), (3, answers("101")), (9, ends("101", Disposition.ANSWERED, talk_seconds=6))
    )
    shapes = {tuple(msgspec.to_builtins(view(call))) for call in (CALL, full.the_call)}

    assert len(shapes) == 1


def test_times_are_utc_and_cut_to_milliseconds() -> None:
    there = START.astimezone(timezone(timedelta(hours=3))) + timedelta(microseconds=1999)

    assert rfc3339(there) == "2026-03-04T10:15:30.001Z"
    assert rfc3339(START) == "2026-03-04T10:15:30.000Z"
