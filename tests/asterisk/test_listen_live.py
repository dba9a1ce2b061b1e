"""Every kind of call on a real PBX, comes to what it was: heard over AMI and over ARI.

The calls are those that a hub heard as well; see test_bridged_listen.py.
"""

from pathlib import Path

import pytest

from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.core.call import Call, Phase
from tests.asterisk import tones
from tests.asterisk.listening import Evening
from tests.asterisk.outcomes import expected, in_turns, turns
from tests.asterisk.plays import NUMBERS, PLAYS
from tests.asterisk.stage import Played
from tests.connectors.asterisk.recordings import Told, outcome


@pytest.fixture(params=[22, 16], ids=["asterisk22", "asterisk16"])
def played(request: pytest.FixtureRequest, evening: Evening) -> Played:
    return evening.played_on[request.param]


@pytest.mark.parametrize("interface", ["ami", "ari"])
@pytest.mark.parametrize("name", PLAYS)
def test_comes_to_what_it_was(played: Played, name: str, interface: str) -> None:
    assert played.faults.get(name) is None

    play, office = PLAYS[name], played.offices[name]
    call = the_call(getattr(played, interface), name, office)
    told = outcome(call)
    legs = told.pop("legs")

    # Of queues ARI knows nothing.
    assert told == expected(play, name, office, first=legs[0][0]) | (
        {"group": None} if interface == "ari" else {}
    )
    assert in_turns(legs, play.legs, office) == turns(play.legs, office)
    played.check_talks(name, call)
    assert bool(call.talk_seconds) == (play.disposition == "answered")
    assert call.phase is Phase.FINAL


@pytest.mark.parametrize("interface", ["ami", "ari"])
def test_nothing_is_heard_but_what_was_played(played: Played, interface: str) -> None:
    told: Told = getattr(played, interface)
    further = [play for play in PLAYS.values() if play.further]

    assert len(told.calls) == len(PLAYS) + len(further)
    assert [change for change in told.changes if change.note] == []


@pytest.mark.parametrize("interface", ["ami", "ari"])
def test_both_ends_of_joined_calls_are_told(played: Played, interface: str) -> None:
    name = "two_calls_joined"
    office = played.offices[name]
    told: Told = getattr(played, interface)
    (younger,) = (call for call in told.calls.values() if call.number == f"{office}03")

    further = PLAYS[name].further
    assert in_turns(outcome(younger)["legs"], further, office) == turns(further, office)


def test_the_application_could_do_all_that_it_asked_for(played: Played) -> None:
    assert played.faults.get("hub") is None


def test_the_dialplan_asks_who_is_calling(played: Played) -> None:
    asked = {form["phone"]: form["did"] for form in played.looked_up}

    assert asked == {
        NUMBERS[name]: f"7495000{played.offices[name] - 1}005"
        for name in ("curl_routing", "curl_unknown_caller")
    }


@pytest.mark.parametrize(
    "name", ["ring_group", "hunt", "pickup_of_group", "outbound_from_phone", "click_to_call_ami"]
)
def test_what_the_dialplan_recorded_is_named_and_holds_both_sides(played: Played, name: str) -> None:
    recording = recording_of(played.ami, name, played.offices[name])

    assert not recording.is_stored
    assert both_sides_speak(Path(recording.name))


@pytest.mark.parametrize("name", ["ari_inbound", "ari_click_to_call"])
def test_what_ari_recorded_is_named_and_holds_both_sides(played: Played, name: str) -> None:
    recording = recording_of(played.ari, name, played.offices[name])

    assert recording.is_stored
    assert both_sides_speak(played.recordings / f"{recording.name}.wav")


def the_call(told: Told, name: str, office: int) -> Call:
    """Find a scenario's call by the number that only it has; one between phones by the extension called."""
    number = NUMBERS[name] if PLAYS[name].direction != "internal" else f"{office}02"
    (call,) = (one for one in told.calls.values() if one.number == number)
    return call


def recording_of(told: Told, name: str, office: int) -> Recording:
    call = the_call(told, name, office)
    return next(one for one in told.recordings if one.call_id == call.call_id)


def both_sides_speak(path: Path) -> bool:
    return tones.are_both_heard(tones.read_wav(path))
