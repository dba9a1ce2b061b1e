"""Periodic uploads: fifty at most, one outcome each, and one bad call spoils no other."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from switchhook.connectors.retailcrm.pbx.batches import Batches, Row
from switchhook.core.call import Call, Change, ChangeKind, Disposition
from switchhook.core.edge import reply_json
from switchhook.core.errors import Misconfigured
from switchhook.core.outcome import Delivered, GiveUp, Outcome, TryAgain
from tests.connectors.retailcrm.hub import crm_hub
from tests.connectors.retailcrm.telling import SIDE, account, ends, merged, rings, sent, steps_of
from tests.core.story import START


def finals(count: int) -> list[tuple[Change, Call]]:
    """So many calls whose record is complete."""
    steps = steps_of(rings("204"), ends("204", Disposition.ANSWERED, talk_seconds=1))
    [(change, call)] = [each for each in merged(steps) if each[0].kind is ChangeKind.CALL_FINAL]
    return [(change, replace(call, shared_id=f"call-{number:02}")) for number in range(count)]


class Uploads:
    """Takes every row but those named bad; a batch with a bad row is refused whole."""

    def __init__(self, *, bad: str = "") -> None:
        self.bad = bad
        self.requests: list[list[str]] = []

    async def __call__(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        ids = [str(row["externalId"]) for row in rows]
        self.requests.append(ids)
        return [GiveUp("refused") if self.bad in ids else Delivered() for _ in rows]


def row(number: int) -> Row:
    return {"externalId": f"call-{number:02}", "date": f"2026-03-04 10:00:{59 - number:02}"}


async def test_fifty_go_at_once_and_oldest_first() -> None:
    batches, uploads = Batches(), Uploads()

    outcomes = await asyncio.gather(
        *(batches.send("c1", row(n), after_seconds=3600, upload=uploads) for n in range(50))
    )

    assert [len(ids) for ids in uploads.requests] == [50]
    assert uploads.requests[0][0] == "call-49"
    assert outcomes == [Delivered()] * 50


async def test_fewer_wait_their_time_and_connections_do_not_mix() -> None:
    batches, uploads = Batches(), Uploads()

    await asyncio.gather(
        *(batches.send(f"c{n % 2}", row(n), after_seconds=0.01, upload=uploads) for n in range(4))
    )

    assert sorted(map(sorted, uploads.requests)) == [["call-00", "call-02"], ["call-01", "call-03"]]


async def test_a_refused_batch_is_sent_again_one_by_one() -> None:
    batches, uploads = Batches(), Uploads(bad="call-01")

    outcomes = await asyncio.gather(
        *(batches.send("c1", row(n), after_seconds=0.01, upload=uploads) for n in range(3))
    )

    assert sorted(uploads.requests) == [
        ["call-00"],
        ["call-01"],
        ["call-02"],
        ["call-02", "call-01", "call-00"],
    ]
    assert outcomes == [Delivered(), GiveUp("refused"), Delivered()]


async def test_one_refused_call_is_not_tried_twice() -> None:
    batches, uploads = Batches(), Uploads(bad="call-00")

    outcome = await batches.send("c1", row(0), after_seconds=0.01, upload=uploads)

    assert (outcome, uploads.requests) == (GiveUp("refused"), [["call-00"]])


async def test_when_the_first_is_stopped_the_others_try_again() -> None:
    batches, uploads = Batches(), Uploads()
    first = asyncio.create_task(batches.send("c1", row(0), after_seconds=3600, upload=uploads))
    await asyncio.sleep(0)
    second = asyncio.create_task(batches.send("c1", row(1), after_seconds=3600, upload=uploads))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == TryAgain("the common upload was interrupted")
    assert uploads.requests == []


async def test_who_leaves_is_not_uploaded() -> None:
    batches, uploads = Batches(), Uploads()
    first = asyncio.create_task(batches.send("c1", row(0), after_seconds=0.02, upload=uploads))
    await asyncio.sleep(0)
    second = asyncio.create_task(batches.send("c1", row(1), after_seconds=0.02, upload=uploads))
    await asyncio.sleep(0)

    second.cancel()
    await first

    assert uploads.requests == [["call-00"]]


async def test_lanes_share_one_request_and_its_outcome() -> None:
    answer = reply_json(200, {"success": True, "processedCallsCount": 2, "duplicateCalls": ["call-01"]})
    settings = {"upload": "periodic"}
    async with account(answer, settings=settings) as (peer, hub):
        assert SIDE.deliver is not None
        outcomes = await asyncio.gather(
            *(SIDE.deliver(change, call, hub.link, hub) for change, call in finals(3))
        )

    assert [[each["externalId"] for each in rows] for _, rows in sent(peer)] == [
        ["call-00", "call-01", "call-02"]
    ]
    assert [getattr(outcome, "note", "") for outcome in outcomes] == [
        None,
        "the account had it already",
        None,
    ]


@pytest.mark.parametrize(("told_at", "seconds"), [(START, 270), (START + timedelta(seconds=270), 0)])
def test_a_periodic_upload_waits_for_the_next_of_its_times(told_at: datetime, seconds: int) -> None:
    link = crm_hub(settings={"upload": "periodic", "upload_every_seconds": "600"}).link

    due = SIDE.not_before(Change(kind=ChangeKind.CALL_FINAL, at=told_at), link)

    assert due == told_at + timedelta(seconds=seconds)


def test_cards_never_wait_for_an_upload() -> None:
    link = crm_hub(settings={"upload": "periodic"}).link

    assert SIDE.not_before(Change(kind=ChangeKind.LEG_RINGING, at=START), link) is None


def test_a_period_that_is_no_time_names_its_field() -> None:
    link = crm_hub(settings={"upload": "periodic", "upload_every_seconds": "nan"}).link

    with pytest.raises(Misconfigured) as caught:
        SIDE.not_before(Change(kind=ChangeKind.CALL_FINAL, at=START), link)

    assert caught.value.field == "upload_every_seconds"
