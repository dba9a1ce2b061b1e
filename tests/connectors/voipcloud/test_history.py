"""Reading the histories of a played PBX over HTTP: all of it, once, within the budget, and in its order."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from switchhook.connectors.voipcloud.crm.history import Histories
from switchhook.core.call import ReportOf
from switchhook.core.directory import Employee
from switchhook.core.edge import Reply
from switchhook.core.errors import HubError, Misconfigured, PeerDown, StoreDown, TooMany
from tests.connectors.voipcloud.desk import (
    NOW,
    TOKEN,
    HandClock,
    KeepingHub,
    PlayedPbx,
    link_to,
    pbx_on_loopback,
    real_net,
    refusal,
    row,
)

MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    pbx: PlayedPbx
    hub: KeepingHub
    clock: HandClock
    histories: Histories

    async def poll(self) -> float | None:
        return await self.histories.poll(self.hub.link, self.hub)

    async def poll_for(self, minutes: float) -> None:
        """Poll as often as it is asked to, for so long."""
        until = self.clock.at + minutes * MINUTE
        while self.clock.at < until:
            wait = await self.poll()
            assert wait is not None
            self.clock.pass_time(wait)

    def restart(self) -> None:
        """Forget what only the process knew."""
        self.histories = Histories(self.clock)

    @property
    def read(self) -> list[str]:
        return [report.call_id for report in self.hub.reports]


@asynccontextmanager
async def desk(pbx: PlayedPbx | None = None, **settings: str) -> AsyncIterator[Desk]:
    async with pbx_on_loopback(pbx or PlayedPbx()) as pbx, real_net() as net:
        given: Mapping[str, str] = {"url": pbx.url, "allow_private": "true", **settings}
        hub, clock = KeepingHub(link_to(given, http=net)), HandClock()
        yield Desk(pbx, hub, clock, Histories(clock))


def rows_of_a_day(count: int) -> list[Mapping[str, Any]]:
    """So many calls, the last of them a while ago."""
    return [row(str(n), NOW - 20 * MINUTE - (count - n) * MINUTE) for n in range(count)]


async def test_the_first_reading_takes_the_last_day_oldest_first() -> None:
    rows = rows_of_a_day(250)
    old = row("old", NOW - timedelta(hours=25))
    async with desk(PlayedPbx(rows=[old, *rows])) as at:
        again = await at.poll()

        assert at.read == [str(n) for n in range(250)]
        assert again == 60
        assert [query["offset"] for query in at.pbx.queries] == ["0", "100", "200"]
        assert {query["sort_by"] for query in at.pbx.queries} == {"oldest_first"}
        assert {request.headers["token"] for request in at.pbx.asked} == {TOKEN}
        assert {request.path for request in at.pbx.asked} == {"/api/integration/v2/get-user-calls"}


async def test_a_row_is_the_record_of_its_user_with_its_own_times() -> None:
    async with desk(PlayedPbx(rows=[row("7", NOW - MINUTE, rings=8, talk=40)])) as at:
        await at.poll()

    (report,) = at.hub.reports
    assert (report.of, report.extension, report.started_at) == (ReportOf.RECORD, "2041", NOW - MINUTE)
    assert (report.ring_seconds, report.talk_seconds) == (8, 40)


async def test_what_was_read_is_not_taken_in_again_and_little_is_asked_for_again() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(250))) as at:
        await at.poll()
        at.pbx.asked.clear()
        await at.poll_for(60)
        at.pbx.rows.append(row("new", at.clock.at - MINUTE))
        await at.poll()

        assert at.read == [*(str(n) for n in range(250)), "new"]
        assert len(at.hub.batches) == 4
        # What began in the two hours before the newest row: 121 rows.
        assert {query["offset"] for query in at.pbx.queries} == {"129", "229"}


async def test_a_new_start_of_the_hub_goes_on_where_it_was() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(250))) as at:
        await at.poll()
        at.pbx.asked.clear()
        at.restart()
        await at.poll()

        assert [int(query["offset"]) > 100 for query in at.pbx.queries].count(False) == 0
        assert len(at.pbx.asked) <= 2


async def test_after_days_without_the_hub_everything_since_is_read() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(30))) as at:
        await at.poll()
        missed = [row(f"m{n}", at.clock.at + n * timedelta(minutes=20)) for n in range(180)]
        at.pbx.rows += missed
        at.clock.pass_time(3 * 24 * 3600)
        at.restart()
        await at.poll_for(30)

        assert set(at.read) == {*(str(n) for n in range(30)), *(f"m{n}" for n in range(180))}


async def test_a_row_that_appears_late_in_its_place_is_found() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(100))) as at:
        await at.poll()
        at.pbx.rows.append(row("long", NOW - 100 * MINUTE, talk=95 * 60))
        await at.poll()

        assert at.read[-1] == "long"


@pytest.mark.parametrize("ignores", [True, False], ids=["ignores it", "refuses it"])
async def test_a_pbx_without_that_order_is_read_from_the_newest_down(ignores: bool) -> None:
    pbx = PlayedPbx(rows=rows_of_a_day(250), orders=("newest_first",), ignores=ignores)
    async with desk(pbx) as at:
        await at.poll()
        at.pbx.rows.append(row("new", NOW + MINUTE))
        at.clock.pass_time(300)
        await at.poll()
        at.restart()
        at.pbx.asked.clear()
        await at.poll()

        assert set(at.read) == {*(str(n) for n in range(250)), "new"}
        assert {query["sort_by"] for query in at.pbx.queries} == {"newest_first"}


async def test_the_first_version_of_the_api_knows_no_order() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(150)), version="v1") as at:
        await at.poll()

        assert set(at.read) == {str(n) for n in range(150)}
        assert all("sort_by" not in query for query in at.pbx.queries)
        assert {request.path for request in at.pbx.asked} == {"/api/integration/v1/get-user-calls"}


async def test_it_asks_20_times_in_15_minutes_at_most_and_reads_the_rest_then() -> None:
    rows = [row(str(n), NOW - timedelta(hours=23) + n * timedelta(seconds=20)) for n in range(4000)]
    async with desk(PlayedPbx(rows=rows)) as at:
        asked_at = []
        while len(at.read) < 4000:
            before = len(at.pbx.asked)
            wait = await at.poll()
            asked_at += [at.clock.at] * (len(at.pbx.asked) - before)
            assert wait is not None
            at.clock.pass_time(wait)

        windows = [sum(start <= one < start + 15 * MINUTE for one in asked_at) for start in asked_at]
        assert max(windows) <= 20
        assert sorted(map(int, at.read)) == list(range(4000))


async def test_histories_of_groups_are_read_when_they_are_switched_on() -> None:
    queued = {**row("9", NOW - MINUTE), "queue_name": "Reception", "status": "answered"}
    queued["callerid"] = queued.pop("caller_id")
    ringing = {**row("8", NOW - MINUTE), "ring_group_name": "Sales", "status": "abandoned"}
    pbx = PlayedPbx(group_rows={"get-queue-calls": [queued], "get-ringgroup-calls": [ringing]})
    async with desk(pbx, poll_queues="true", poll_ring_groups="true") as at:
        again = await at.poll()

        assert [(one.call_id, one.of, one.group, one.number) for one in at.hub.reports] == [
            ("9", ReportOf.GROUP, "Reception", "+61299990011"),
            ("8", ReportOf.GROUP, "Sales", "+61299990011"),
        ]
        assert again == 135  # three requests each time, of twenty in a quarter of an hour


async def test_nothing_is_asked_when_the_administrator_wants_no_reading() -> None:
    async with desk(poll_every_seconds="0") as at:
        assert await at.poll() is None
        assert at.pbx.asked == []


async def test_rows_that_cannot_be_used_cost_no_others() -> None:
    good = row("1", NOW - MINUTE)
    bad: list[Mapping[str, Any]] = [
        {**row("x", NOW - 3 * MINUTE), "call_start_at": "2026-03-02 nonsense"},
        {**row("2", NOW - 2 * MINUTE), "call_duration": None, "conversation_duration": "null"},
    ]
    async with desk(PlayedPbx(rows=[*bad, good])) as at:
        await at.poll()

        assert at.read == ["2", "1"]


async def test_a_row_without_an_id_is_one_call_however_often_it_is_read() -> None:
    nameless = {**row("x", NOW - 10 * MINUTE), "unique_call_id": None}
    other = {**row("x", NOW - 5 * MINUTE), "unique_call_id": None}
    async with desk(PlayedPbx(rows=[nameless, other])) as at:
        await at.poll()
        at.restart()
        at.hub.link = replace(at.hub.link, state={})
        await at.poll()

        assert len(at.read) == 4
        assert len(set(at.read)) == 2


async def test_long_rows_are_asked_for_in_smaller_pages() -> None:
    wide = [row(str(n), NOW - (300 - n) * MINUTE, user_name="N" * 900) for n in range(200)]
    async with desk(PlayedPbx(rows=wide)) as at:
        await at.poll()

        assert set(at.read) == {str(n) for n in range(200)}
        assert at.pbx.queries[-1]["limit"] == "50"


FAILURES: list[tuple[Reply, type[HubError], str]] = [
    (refusal(401, "Not authorised"), Misconfigured, "does not list our address or the key is wrong"),
    (refusal(403, "Forbidden"), Misconfigured, "does not list our address or the key is wrong"),
    (refusal(402, "Pay"), Misconfigured, "no licence"),
    (refusal(400, "Your subscription has no API"), Misconfigured, "no licence"),
    (refusal(404, "Not found"), Misconfigured, "no API v2 at this address"),
    (Reply(status=302, headers={"Location": "/login"}), Misconfigured, "leads elsewhere"),
    (refusal(429, "Too many requests", Retry_After="120"), TooMany, "in 120 seconds"),
    (refusal(500, "Oops"), PeerDown, "is failing (500): Oops"),
    (Reply(status=502, body=b"<html>bad gateway</html>"), PeerDown, "is failing (502)"),
]


@pytest.mark.parametrize(("reply", "error", "words"), FAILURES, ids=[str(one[0].status) for one in FAILURES])
async def test_a_refusal_is_told_in_words(reply: Reply, error: type[HubError], words: str) -> None:
    async with desk(PlayedPbx(fails=reply)) as at:
        with pytest.raises(error) as caught, capture_logs() as logs:
            await at.poll()

    assert words in caught.value.reason
    assert TOKEN not in caught.value.reason + str(logs)


async def test_whoever_asks_us_to_wait_says_how_long() -> None:
    async with desk(PlayedPbx(fails=refusal(429, "slower", Retry_After="120"))) as at:
        with pytest.raises(TooMany) as caught:
            await at.poll()

    assert caught.value.retry_after_seconds == 120


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"[]", b'{"data": 7}', b'{"status":"error","message":"no"}']
)
async def test_an_answer_that_is_none_is_an_error_and_not_an_empty_history(body: bytes) -> None:
    async with desk(PlayedPbx(fails=Reply(body=body))) as at:
        with pytest.raises(HubError):
            await at.poll()

        assert "history" not in at.hub.link.state


async def test_once_it_answers_again_nothing_is_missing() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(120))) as at:
        at.pbx.fails = refusal(500, "Oops")
        for _ in range(3):
            with pytest.raises(PeerDown):
                await at.poll()
            at.clock.pass_time(3600)
        at.pbx.fails = None
        await at.poll()

        assert len(at.read) == 120


async def test_what_could_not_be_kept_is_read_again() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(10))) as at:
        at.hub.fails = StoreDown("the disk is full")
        with pytest.raises(StoreDown):
            await at.poll()
        at.hub.fails = None
        await at.poll()

        assert len(at.read) == 10


async def test_another_pbx_at_the_same_connection_is_read_from_its_beginning() -> None:
    async with desk(PlayedPbx(rows=rows_of_a_day(150))) as at, pbx_on_loopback(PlayedPbx()) as other:
        await at.poll()
        other.rows = [row("elsewhere", NOW - timedelta(hours=3))]
        at.hub.link = replace(at.hub.link, settings={**at.hub.link.settings, "url": other.url})
        await at.poll()

        assert at.read[-1] == "elsewhere"


async def test_users_that_the_address_book_does_not_know_are_noted_once() -> None:
    rows = [row("1", NOW - MINUTE), row("2", NOW - MINUTE, user_number="2042", user_name="Leo Park")]
    async with desk(PlayedPbx(rows=rows)) as at:
        at.hub.staff = (Employee(id=1, name="Mia", extension="2041"),)
        await at.poll()
        await at.poll_for(10)

        assert at.hub.link.state["strangers"] == {"2042": "Leo Park"}
        assert sorted(at.read) == ["1", "2"]


async def test_a_plain_http_address_is_only_for_granted_networks() -> None:
    async with desk(allow_private="false") as at:
        with pytest.raises(Misconfigured) as caught:
            await at.poll()

        assert caught.value.field == "url"
        assert at.pbx.asked == []
