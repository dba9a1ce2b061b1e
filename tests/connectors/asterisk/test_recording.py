"""A recording is announced when there is something to hear."""

import pytest

from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.recording import Recording, recording_news
from switchhook.connectors.asterisk.listen.sight import Monitored, RecordingBegun, RecordingMade
from switchhook.core.call import CallEvent, Happening

from .channels import CALL, TALK, at_once, comes_in, enters, glimpse, gone, leaves
from .recordings import Told, ami_of, ari_of, told

STORED = Recording(call_id=CALL, name="rec-1", is_stored=True, seconds=2)
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


def test_a_recording_without_a_length_is_none() -> None:
    played = Told()
    played.hear(comes_in(), 0)
    played.hear(enters("trunk", "b-1"), 0)

    for seconds in (0, None):
        played.hear(RecordingMade(name="rec-1", target="b-1", seconds=seconds), 1)
    played.hear(RecordingMade(name="rec-2", target="another", seconds=5), 1)
    played.hear(RecordingMade(name="rec-3", target="b-1", seconds=5), 1)

    assert [one.name for one in played.recordings] == ["rec-3"]


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
