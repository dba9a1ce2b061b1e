"""After a silence the list of live channels says what went on meanwhile, and what did not."""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from switchhook.connectors.asterisk.listen import from_ami, from_ari
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.sight import Bridged, LiveChannel, Sight
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.call import CallEvent, Disposition, LegState, Phase
from tests.core.story import after

from .channels import CALL, CALLER, comes_in, dials, enters, gone, leaves, live, rings, seen
from .recordings import Told, ami_of, frame_of, outcome, steps

LIVE = Path(__file__).parent / "golden_wire" / "live_channels"

RINGS: list[Sight] = [comes_in(), dials("101"), rings("101")]
TALKS = [*RINGS, enters("101"), enters("trunk")]
BOTH_TALK = [live("trunk", "up", "b-1", age=20), live("101", "up", "b-1", is_called=True, age=18)]


def heard(*sights: Sight) -> Told:
    played = Told()
    for index, sight in enumerate(sights):
        played.hear(sight, index / 1000)
    return played


def compare(played: Told, *rows: LiveChannel, seconds: float, asked_at: float | None = None) -> list[str]:
    asked = after(seconds if asked_at is None else asked_at)
    return steps(played.take(played.listener.compare(rows, asked_at=asked, at=after(seconds)), seconds))


def test_a_ring_that_vanished_is_closed_and_the_call_with_it() -> None:
    played = heard(*RINGS)

    assert compare(played, seconds=20) == ["ended 101 unknown", "ended unknown"]
    assert played.rest().the_call.phase is Phase.FINAL
    assert outcome(played.the_call)["legs"] == [("101", "missed")]


def test_a_talk_that_vanished_is_closed_without_a_length() -> None:
    """Nobody heard when it ended: what the hub measures is a guess, and is marked as one."""
    played = heard(*TALKS)

    assert compare(played, seconds=20) == ["ended 101 answered"]
    (leg,) = played.rest().the_call.legs
    assert (leg.disposition, leg.is_guess) == (Disposition.ANSWERED, True)


def test_what_goes_on_is_told_nothing_of() -> None:
    played = heard(*TALKS)

    assert compare(played, *BOTH_TALK, seconds=20) == []
    assert steps(played.hear(gone("101"), 25)) == ["ended 101 answered"]
    assert played.the_call.legs[0].talk_seconds == 25


def test_an_answer_that_nobody_heard_is_told() -> None:
    played = heard(*RINGS)

    assert compare(played, *BOTH_TALK, seconds=20) == ["answered 101"]


def test_a_call_that_began_meanwhile_is_told_as_it_stands() -> None:
    played = Told()

    assert compare(played, *BOTH_TALK, seconds=20) == ["ringing 101", "answered 101"]
    call = played.the_call
    assert (call.call_id, call.number, call.legs[0].state) == (CALL, CALLER, LegState.TALKING)
    assert call.legs[0].began_at == after(2)


def test_a_talk_that_was_going_on_when_we_came_has_no_length_of_ours() -> None:
    """What the store knows of its answer is better than when we began to listen again."""
    before = heard(*TALKS)
    again = Told(Listener(Plan()), calls=dict(before.calls))

    assert compare(again, *BOTH_TALK, seconds=18) == ["ringing 101", "answered 101"]
    assert [leg.attempt for leg in again.the_call.legs] == [1]
    (ended,) = again.hear(gone("101"), 30)
    assert isinstance(ended, CallEvent)
    assert ended.talk_seconds is None
    assert list(again.hear(gone("trunk"), 30)) == []  # how long the caller had waited nobody knows any more
    assert again.rest().the_call.talk_seconds == 30


def test_a_phone_that_rang_when_the_list_was_made_but_answered_before_it_was_read_still_talks() -> None:
    played = heard(*TALKS)

    rows = live("trunk", "ring"), live("101", "ringing", is_called=True)
    assert compare(played, *rows, seconds=1, asked_at=-1) == []
    assert steps(played.hear(gone("101"), 9))[0] == "ended 101 answered"


def test_what_was_heard_of_since_the_list_was_asked_for_is_not_closed() -> None:
    played = heard(*TALKS)
    played.hear(seen("101"), 20)

    assert compare(played, seconds=21, asked_at=19) == []
    assert compare(played, seconds=23, asked_at=22) == ["ended 101 answered"]


def test_a_row_of_a_channel_that_is_gone_by_now_does_not_bring_it_back() -> None:
    played = heard(*TALKS)
    played.hear(leaves("101"), 5)
    played.hear(gone("101"), 5)

    assert compare(played, *BOTH_TALK, seconds=5.1) == []
    assert [one.id for one in played.listener.calls[0].channels.values() if one.is_gone] == ["id-101"]


def test_where_a_channel_is_was_heard_later_than_the_list_says() -> None:
    """The list still has both phones with the caller; 102 has never been."""
    played = heard(*RINGS, dials("102"), seen("102", "up"), enters("trunk", "b-2"), enters("101", "b-2"))

    rows = live("trunk", "up", "b-1"), live("102", "up", "b-1", is_called=True)
    assert "answered 102" not in compare(played, *rows, seconds=1, asked_at=-1)


def test_comparing_twice_says_nothing_the_second_time() -> None:
    played = heard(*TALKS)
    compare(played, seconds=20)

    assert compare(played, seconds=21) == []


def live_rows(interface: str) -> list[LiveChannel]:
    if interface == "ami":
        frames = [frame_of(one) for one in json.loads((LIVE / "core_show_channels.json").read_text())]
        return list(from_ami.live_channels(frames))
    channels = msgspec.json.decode((LIVE / "channels.json").read_bytes(), type=list[ari.Channel])
    bridges = msgspec.json.decode((LIVE / "bridges.json").read_bytes(), type=list[ari.Bridge])
    now = from_ari.read_time("2026-11-21T09:41:23.180+0000")
    return list(from_ari.live_channels(channels, bridges, now=now))


@pytest.mark.parametrize("interface", ["ami", "ari"])
def test_a_recorded_list_tells_of_the_talk_that_was_going_on(interface: str) -> None:
    """Between two blind transfers: 103 talks with the caller, 101 is gone."""
    rows = live_rows(interface)

    played = Told()
    assert compare(played, *rows, seconds=3) == ["ringing 103", "answered 103"]
    assert played.the_call.number == CALLER
    # A variable of the dialplan has the number that was called, where it is asked for.
    assert played.the_call.did == ("74950000006" if interface == "ari" else None)
    assert [row.is_called for row in sorted(rows, key=lambda row: row.channel.id)] == [False, True]
    assert all(0 <= row.age_seconds <= 3 for row in rows)


@pytest.mark.parametrize("interface", ["ami", "ari"])
def test_a_recorded_list_agrees_with_what_was_heard(interface: str) -> None:
    moments = [moment for moment in ami_of("blind_transfer_twice") if moment[0] < 2.4]
    played = Told()
    for seconds, sight in moments:
        played.hear(sight, seconds)
    asked = after(moments[-1][0]) + timedelta(milliseconds=1)

    assert played.listener.compare(live_rows(interface), asked_at=asked, at=asked) == ()


def test_callers_in_a_waiting_room_are_not_connected_in_the_list_either() -> None:
    channels = msgspec.json.decode((LIVE / "channels.json").read_bytes(), type=list[ari.Channel])
    bridges = msgspec.json.decode((LIVE / "bridges.json").read_bytes(), type=list[ari.Bridge])
    rooms = [msgspec.structs.replace(bridges[0], technology="holding_bridge", bridge_type="holding")]

    assert {row.bridge for row in from_ari.live_channels(channels, bridges)} == {bridges[0].id}
    assert {row.bridge for row in from_ari.live_channels(channels, rooms)} == {""}


def test_both_interfaces_know_a_waiting_room() -> None:
    entered = {
        "Event": "BridgeEnter",
        "Channel": "PJSIP/trunk-00000001",
        "Uniqueid": "1.1",
        "BridgeUniqueid": "room",
        "BridgeTechnology": "holding_bridge",
    }
    channel, room = ari.Channel(id="1.1"), ari.Bridge(id="room", bridge_type="holding")

    by_ami = from_ami.sight_of(frame_of(entered))
    by_ari = from_ari.sight_of(ari.ChannelEnteredBridge(channel=channel, bridge=room))

    for sight in (by_ami, by_ari):
        assert isinstance(sight, Bridged)
        assert (sight.bridge, sight.is_in, sight.is_holding) == ("room", True, True)
