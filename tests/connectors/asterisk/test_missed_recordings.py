"""Which of the recordings that Asterisk lists are news to the hub."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from switchhook.connectors.asterisk.link import missed_recordings
from switchhook.connectors.asterisk.link.missed_recordings import missed
from switchhook.connectors.asterisk.link.requests import RestAnswer
from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.call import Call, Direction, Leg, LegState, Recording
from switchhook.core.errors import PeerDown

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
VISIT = "20260302113000123"
NAME = f"switchhook-1795236700.1-{VISIT}"


def call(call_id: str, *, recordings: Sequence[str] = (), state: LegState = LegState.ENDED) -> Call:
    return Call(
        id=call_id,
        connection_id="c",
        call_id=call_id,
        shared_id=call_id,
        recording_token="t",
        started_at=NOW,
        direction=Direction.INBOUND,
        legs=(Leg(extension="101", state=state),),
        recordings=tuple(Recording(url=url) for url in recordings),
    )


async def names(stored: Sequence[str], *known: Call) -> list[tuple[str, str]]:
    async def ask(request: RestRequest) -> RestAnswer:
        assert (request.method, request.uri) == ("GET", "recordings/stored")
        return RestAnswer(
            status=200, body=msgspec.json.encode([{"name": one, "format": "wav"} for one in stored])
        )

    async def history(call_ids: Sequence[str]) -> Mapping[str, Call]:
        return {one.call_id: one for one in known if one.call_id in call_ids}

    return [(one.call_id, one.name) for one in await missed(ask, history, NOW) if one.is_stored]


async def test_one_that_its_call_has_not_is_news() -> None:
    assert await names([NAME, "someone/elses"], call("1795236700.1")) == [("1795236700.1", NAME)]


async def test_one_that_its_call_has_is_none() -> None:
    url = f"http://pbx:8088/ari/recordings/stored/{NAME}/file"

    assert await names([NAME], call("1795236700.1", recordings=[url])) == []


async def test_a_second_recording_of_a_call_is_news() -> None:
    other = NAME.replace("113000", "113500")
    url = f"http://pbx:8088/ari/recordings/stored/{NAME}/file"

    assert await names([NAME, other], call("1795236700.1", recordings=[url])) == [("1795236700.1", other)]


@pytest.mark.parametrize("state", [LegState.RINGING, LegState.TALKING])
async def test_one_of_a_call_that_goes_on_is_not_whole_yet(state: LegState) -> None:
    assert await names([NAME], call("1795236700.1", state=state)) == []


async def test_of_clicks_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_recordings, "MOST_CLICKS", 2)
    clicks = [f"swe-0195f{number}-0-0.0.0-101" for number in (2, 1, 3)]

    found = await names([f"switchhook-{one}-0" for one in clicks], *map(call, clicks))

    assert [call_id for call_id, _ in found] == [clicks[0], clicks[2]]


@pytest.mark.parametrize("visit", ["20260225113000123", "1", "99999999999999999"])
async def test_what_is_old_or_without_a_time_is_left_alone(visit: str) -> None:
    assert await names([f"switchhook-1795236700.1-{visit}"], call("1795236700.1")) == []


async def test_calls_that_the_hub_does_not_know_are_not_begun_by_a_recording() -> None:
    assert await names([NAME]) == []


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b"<html>"), (200, b'{"name":1}')])
async def test_what_is_no_list_is_said(status: int, body: bytes) -> None:
    async def ask(_: RestRequest) -> RestAnswer:
        return RestAnswer(status=status, body=body)

    async def history(_: Sequence[str]) -> Mapping[str, Call]:
        return {}

    with pytest.raises(PeerDown):
        await missed(ask, history, NOW)
