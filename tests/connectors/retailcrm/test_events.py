"""What an event means where the page leaves it open."""

from typing import Any

import pytest

from switchhook.connectors.retailcrm.wire.event import read_event
from switchhook.core.call import Disposition
from tests.connectors.retailcrm.ask import EVENT, UPLOAD, answer, posted
from tests.connectors.retailcrm.hub import ScriptedHub, pbx_hub

CALL = {"phone": "+79261234567", "callExternalId": "pbx-8f21"}
ROW = {"date": "2026-03-04 10:15:30", "phone": "+79261234567", "externalId": "pbx-8f21"}


async def tell(hub: ScriptedHub, **event: Any) -> None:
    status, body = await answer(posted(EVENT, event={**CALL, **event}), hub)
    assert (status, body["success"]) == (200, True)


def ends(hub: ScriptedHub) -> list[tuple[str | None, Disposition | None]]:
    return [(each.extension, each.disposition) for each in hub.events if each.disposition is not None]


async def test_a_hang_up_without_a_status_drops_the_losers_while_others_are_left() -> None:
    hub = pbx_hub()
    await tell(hub, type="in", codes=["204", "205", "206"])
    await tell(hub, type="hangup", codes=["205", "206"])

    assert ends(hub) == [("205", Disposition.CANCELLED), ("206", Disposition.CANCELLED)]
    assert [leg.extension for leg in hub.calls["pbx-8f21"].legs if leg.is_open] == ["204"]


async def test_a_hang_up_without_a_status_ends_the_call_when_nobody_is_left() -> None:
    hub = pbx_hub()
    await tell(hub, type="in", codes=["204", "205"])
    await tell(hub, type="hangup", codes=["205", "204"])

    assert ends(hub) == [(None, Disposition.UNKNOWN)]


@pytest.mark.parametrize(("kind", "expected"), [("in", Disposition.MISSED), ("out", Disposition.NO_ANSWER)])
async def test_no_answered_means_what_its_direction_makes_of_it(kind: str, expected: Disposition) -> None:
    hub = pbx_hub()
    await tell(hub, type=kind, codes=["204"])
    await tell(hub, type="hangup", codes=["204"], hangupStatus="no answered")

    assert ends(hub) == [("204", expected)]


async def test_the_upload_names_who_talked_when_the_hang_up_could_not() -> None:
    hub = pbx_hub()
    await tell(hub, type="in", codes=["204", "205"])
    await tell(hub, type="hangup", codes=["204", "205"], hangupStatus="answered")
    row = {**ROW, "type": "in", "code": "205", "result": "answered", "duration": 61}
    await answer(posted(UPLOAD, calls=[row]), hub)

    call = hub.calls["pbx-8f21"]
    assert {leg.extension: leg.disposition for leg in call.legs} == {
        "204": Disposition.CANCELLED,
        "205": Disposition.ANSWERED,
    }
    assert (call.disposition, call.extension, call.talk_seconds) == (Disposition.ANSWERED, "205", 61)


async def test_a_repeated_upload_leaves_the_call_as_it_was() -> None:
    hub = pbx_hub()
    row = {**ROW, "type": "in", "code": "205", "result": "answered", "duration": 61}
    await answer(posted(UPLOAD, calls=[row, row]), hub)
    first = hub.calls["pbx-8f21"]
    _, body = await answer(posted(UPLOAD, calls=[{**row, "duration": 9}]), hub)

    assert body == {"success": True, "processedCallsCount": 0, "duplicateCalls": ["pbx-8f21"]}
    assert hub.calls["pbx-8f21"] == first


async def test_a_status_given_with_a_ring_means_nothing() -> None:
    hub = pbx_hub()
    await tell(hub, type="in", codes=["204"], hangupStatus="answered")

    assert ends(hub) == []


@pytest.mark.parametrize(
    ("given", "external_id", "external_phone"),
    [
        ({"callExternalId": "1700000000.15"}, "1700000000.15", None),
        ({"callExternalId": 15}, "15", None),
        ({"callExternalId": "+74951112233"}, "", "+74951112233"),
        ({"callExternalId": "74951112233", "externalPhone": "74951112233"}, "", "74951112233"),
        ({"callExternalId": "84951112233"}, "", "84951112233"),
        ({"callExternalId": "74950000000"}, "74950000000", None),
    ],
)
def test_our_own_number_is_no_call_id(given: Any, external_id: str, external_phone: str | None) -> None:
    event = read_event({"phone": "+79261234567", "type": "in", **given}, our_phones=["+7 (495) 111-22-33"])

    assert (event.external_id, event.external_phone) == (external_id, external_phone)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["204", 204, "205"], ("204", "205")),
        ("204", ("204",)),
        (204, ("204",)),
        ([], ()),
        (None, ()),
        ([" 0204 ", "", None], ("0204",)),
    ],
)
def test_reads_codes_in_any_shape(codes: Any, expected: tuple[str, ...]) -> None:
    assert read_event({"phone": "1", "type": "in", "codes": codes}).codes == expected


@pytest.mark.parametrize(
    ("date", "zone", "expected"),
    [
        ("2026-03-04 10:15:30", "Europe/Moscow", "2026-03-04T07:15:30+00:00"),
        ("2026-3-4 9:5:3", "Europe/Moscow", "2026-03-04T06:05:03+00:00"),
        ("2026-07-04 10:15", "Europe/Berlin", "2026-07-04T08:15:00+00:00"),
        ("2026-03-04T10:15:30+01:00", "Europe/Moscow", "2026-03-04T09:15:30+00:00"),
    ],
)
async def test_dates_mean_the_account_s_zone(date: str, zone: str, expected: str) -> None:
    hub = pbx_hub(settings={"time_zone": zone})
    await answer(posted(UPLOAD, calls=[{**ROW, "date": date, "type": "in", "result": "unknown"}]), hub)

    assert [each.started_at.isoformat() for each in hub.reports] == [expected]


@pytest.mark.parametrize(
    "date", ["04.03.2026", "2026-13-01 00:00:00", "0001-01-01 00:00:00", "2026-03-04", ""]
)
async def test_refuses_what_is_no_date(date: str) -> None:
    row = {**ROW, "date": date, "type": "in", "result": "unknown"}
    status, body = await answer(posted(UPLOAD, calls=[row]), pbx_hub())

    assert (status, list(body["errors"])) == (400, ["0"])
