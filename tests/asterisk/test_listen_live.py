"""Every kind of call on a real PBX, side by side, comes to what it was: heard over AMI and over ARI."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.core.call import Call, Phase
from tests.asterisk import tones
from tests.asterisk.outcomes import expected, in_turns, turns
from tests.asterisk.plays import PLAYS
from tests.asterisk.server import AsteriskServer
from tests.asterisk.stage import NUMBERS, Played, play_all
from tests.connectors.asterisk.recordings import Told, outcome


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played_on(asterisk22: AsteriskServer, asterisk16: AsteriskServer) -> dict[int, Played]:
    """Both at the same time: most of it is waiting."""
    pbxes = (asterisk22, asterisk16)
    played = await asyncio.gather(*map(play_all, pbxes))
    return {pbx.generation: one for pbx, one in zip(pbxes, played, strict=True)}


@pytest.fixture(params=[22, 16], ids=["asterisk22", "asterisk16"])
def played(request: pytest.FixtureRequest, played_on: dict[int, Played]) -> Played:
    return played_on[request.param]


@pytest.mark.parametrize("interface", ["ami", "ari"])
@pytest.mark.parametrize("name", PLAYS)
def test_comes_to_what_it_was(played: Played, name: str, interface: str) -> None:
    assert played.faults.get(name) is None

    play, office = PLAYS[name], played.offices[name]
    call = the_call(getattr(played, interface), name, office)
    told = outcome(call)
    legs = told.pop("legs")

    # Of queues ARI knows nothing.
    assert told == expected(play, name, office) | ({"group": None} if interface == "ari" else {})
    assert in_turns(legs, play.legs, office) == turns(play.legs, office)
    assert abs((call.talk_seconds or 0) - play.talk_seconds) <= 1
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
def test_what_ari_recorded_is_named_and_holds_both_sides(
    played: Played, request: pytest.FixtureRequest, name: str
) -> None:
    generation = request.node.callspec.params["played"]
    pbx: AsteriskServer = request.getfixturevalue(f"asterisk{generation}")
    recording = recording_of(played.ari, name, played.offices[name])

    assert recording.is_stored
    assert both_sides_speak(pbx.recordings / f"{recording.name}.wav")


def the_call(told: Told, name: str, office: int) -> Call:
    """Find a scenario's call by the number that only it has; one between phones by the extension called."""
    number = NUMBERS[name] if PLAYS[name].direction != "internal" else f"{office}02"
    (call,) = (one for one in told.calls.values() if one.number == number)
    return call


def recording_of(told: Told, name: str, office: int) -> Recording:
    call = the_call(told, name, office)
    return next(one for one in told.recordings if one.call_id == call.call_id)


def both_sides_speak(path: Path) -> bool:
    samples = tones.read_wav(path)
    return all(tones.loudness(samples, one) > tones.AMPLITUDE / 5 for one in (tones.OUTSIDE, tones.PHONE))
