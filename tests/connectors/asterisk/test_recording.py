"""A recording is announced when there is something to hear."""

import json

import pytest

from switchhook.connectors.asterisk.listen import from_ari
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.recording import Recording, recording_news
from switchhook.connectors.asterisk.listen.sight import Connected, Monitored, RecordingBegun, RecordingMade
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.call import CallEvent, Happening
from tests.core.story import after

from .channels import CALL, TALK, at_once, comes_in, enters, glimpse, gone, leaves
from .recordings import ami_of, ari_of, told

STORED = Recording(call_id=CALL, name="rec-1", is_stored=True)
LINK = "https://pbx.example.test/ari/recordings/stored/rec-1/file"


@pytest.mark.parametrize("size_bytes", [0, 44, 60])
def test_a_file_of_a_header_is_no_recording(size_bytes: int) -> None:
    """MixMonitor with `b` leaves 44 bytes of a call that nobody answered."""
    assert recording_news(STORED, url=LINK, size_bytes=size_bytes) == ()


def test_a_file_with_sound_is_announced_with_its_call() -> None:
    (news,) = recording_news(STORED, url=LINK, size_bytes=16_044)

    assert (news.call_id, news.happening, news.extension) == (CALL, Happening.RECORDED, None)
    assert (news.recording_url, news.is_recorded) == (LINK, True)


@pytest.mark.parametrize("case", ["ari_inbound_whole", "ari_click_to_call_whole"])
def test_what_ari_recorded_belongs_to_the_call_in_its_bridge(case: str) -> None:
    played = told(ari_of(case))

    (call_id,) = played.calls
    # Asterisk tells each end of a recording twice to an application that subscribes to everything.
    assert {(one.call_id, one.is_stored) for one in played.recordings} == {(call_id, True)}
    assert {one.name for one in played.recordings} == {f"rec-{call_id}"}


def test_a_call_that_ari_records_ends_with_the_promise_of_a_recording() -> None:
    """It is finished after the call, and whoever takes calls in one piece has to wait for it."""
    begun = RecordingBegun(target="b-1")
    ends = gone("101"), gone("trunk"), leaves("trunk")

    for sights, is_promised in ((TALK, False), ((*TALK, begun), True)):
        news = told(at_once(*sights, *ends), Plan(fetches_recordings=True)).news
        (answered,) = (one for one in news if isinstance(one, CallEvent) and one.disposition == "answered")
        assert answered.is_recorded is is_promised


def test_a_recording_of_less_than_a_second_is_one() -> None:
    """Asterisk tells whole seconds, of a short one 0; the end of its call has promised it."""
    finished = {
        "type": "RecordingFinished",
        "recording": {"name": "rec-1", "state": "done", "target_uri": "bridge:b-1", "duration": 0},
    }
    sight = from_ari.sight_of(ari.read_message(json.dumps(finished)).event)
    assert sight is not None
    played = told([*at_once(*TALK, RecordingBegun(target="b-1")), (0.4, gone("101")), (0.4, gone("trunk"))])
    played.hear(sight, 0.5)

    assert [(one.call_id, one.name, one.is_stored) for one in played.recordings] == [(CALL, "rec-1", True)]


def test_a_recording_of_somebody_elses_bridge_is_of_no_call() -> None:
    played = told(at_once(comes_in(), enters("trunk", "b-1")))

    for name, bridge in (("rec-2", "another"), ("rec-3", "b-1")):
        played.hear(RecordingMade(name=name, target=bridge), 1)

    assert [one.name for one in played.recordings] == ["rec-3"]


def test_a_file_that_is_told_after_the_end_of_its_call_is_named_all_the_same() -> None:
    """Its name is asked for after each connecting, and the answer may be late."""
    monitored = Monitored(channel=glimpse("trunk"), file="/x.wav")
    ends = gone("101"), gone("trunk")

    assert [one.name for one in told(at_once(*TALK, *ends, monitored, monitored)).recordings] == ["/x.wav"]
    assert told(at_once(*TALK[:3], *ends, monitored)).recordings == []


def test_a_file_of_a_call_whose_talk_is_told_after_its_end_is_named() -> None:
    """Of a queue's talk AgentConnect tells, which is of another topic than the channels."""
    monitored = Monitored(channel=glimpse("trunk"), file="/x.wav")
    connects = Connected(channel=glimpse("trunk"), dest=glimpse("101"), queue="sales")

    played = told(at_once(*TALK[:3], monitored, gone("101"), gone("trunk"), connects))

    assert [one.name for one in played.recordings] == ["/x.wav"]


def test_a_file_of_a_call_that_ended_while_nobody_listened_is_named() -> None:
    """Its end is known by the list of live channels, in which the call is no more."""
    played = told(at_once(*TALK, Monitored(channel=glimpse("trunk"), file="/x.wav")))

    played.take(played.listener.compare([], asked_at=after(9), at=after(9)), 9)
    played.hear(gone("trunk"), 10)

    assert [one.name for one in played.recordings] == ["/x.wav"]


def test_a_file_of_the_dialplan_is_named_when_a_call_that_was_answered_is_over() -> None:
    played = told(ami_of("queue_answered_whole"))

    (recording,) = played.recordings
    assert recording == Recording(
        call_id="1795254824.17",
        name="/var/spool/asterisk/monitor/1795254824.17.wav",
        is_stored=False,
    )
    assert told(ami_of("outbound_busy")).recordings == []


def test_a_file_is_named_once_and_not_at_all_when_nobody_talked() -> None:
    monitored = Monitored(channel=glimpse("trunk"), file="/x.wav")
    ends = gone("101"), gone("trunk"), gone("trunk"), leaves("trunk")

    assert [one.name for one in told(at_once(*TALK, monitored, *ends)).recordings] == ["/x.wav"]
    assert told(at_once(*TALK[:3], monitored, *ends)).recordings == []


@pytest.mark.parametrize(("fetches", "is_recorded"), [(True, True), (False, False)])
def test_a_recording_is_promised_only_where_it_can_be_had(fetches: bool, is_recorded: bool) -> None:
    plan = Plan(fetches_recordings=fetches)

    answered = told(ami_of("ring_group"), plan).news
    missed = told(ami_of("outbound_busy"), plan).news

    ends = [one for one in answered if isinstance(one, CallEvent) and one.extension == "101"]
    assert ends[-1].is_recorded is is_recorded
    assert not any(one.is_recorded for one in missed if isinstance(one, CallEvent))
