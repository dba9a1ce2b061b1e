"""An API at a vendor's own path is open to the account's keys, and to nobody else; over real HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from switchhook.core.api import Scope
from switchhook.store.api_keys import revoke_api_key
from switchhook.store.employees import add_employee
from tests.fakes import FakeClock
from tests.web.tiny import Tiny, TinyHub, tiny_hub

RATES = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.fixture
def tiny() -> Tiny:
    return Tiny()


@pytest_asyncio.fixture
async def hub(tmp_path: Path, tiny: Tiny) -> AsyncIterator[TinyHub]:
    async with tiny_hub(tmp_path, tiny) as running:
        yield running


async def test_a_key_of_the_account_is_served_and_told_its_rate(hub: TinyHub) -> None:
    _, key = await hub.key(zone="Europe/Berlin")

    told = await hub.ask("/tiny/api/calls?from=1", key)

    assert told.status == 200
    assert told.json == {"path": "/tiny/api/calls", "zone": "Europe/Berlin", "url": hub.now.url}
    assert [told.headers[name] for name in RATES] == ["100", "99", "900"]


async def test_what_the_api_says_itself_stays_but_for_the_rate(hub: TinyHub) -> None:
    _, key = await hub.key()

    told = await hub.ask("/tiny/api/headers", key)

    assert (told.headers["x-total-count"], told.headers["ratelimit-limit"]) == ("3", "100")


async def test_the_key_opens_its_own_account(hub: TinyHub) -> None:
    _, key = await hub.key()
    desk = hub.now.desk
    await desk.store.write(add_employee, desk.account_id, name="Anna", extension="101")

    assert (await hub.ask("/tiny/api/people", key)).json == ["Anna"]


async def test_a_click_with_an_idempotency_key_rings_once(hub: TinyHub, tiny: Tiny) -> None:
    _, key = await hub.key()
    await hub.connect_to(tiny.connector())

    told = [
        await hub.ask("/tiny/api/dial", key, "POST", data=b"+79161234567", headers={"Idempotency-Key": "k"})
        for _ in range(3)
    ]

    assert {one.status for one in told} == {200}
    assert len({one.body for one in told}) == 1
    assert tiny.dialled == ["+79161234567"]


async def test_every_refusal_is_the_same_to_the_byte(hub: TinyHub) -> None:
    left, left_key = await hub.key()
    _, far_key = await hub.key(allow=["203.0.113.0/24"])
    _, read_key = await hub.key(scopes=[Scope.LOOKUP])
    _, right_key = await hub.key()
    desk = hub.now.desk
    await desk.store.write(revoke_api_key, desk.account_id, left.id, at=datetime.now(UTC))

    presented = (None, "", "wrong", right_key[:-1], right_key.upper(), left_key, far_key, read_key)
    raw = {await bytes_of(hub, "/tiny/api/calls", key) for key in presented}
    right = await bytes_of(hub, "/tiny/api/calls", right_key)

    assert len(raw) == 1
    assert raw.pop().startswith(b"HTTP/1.1 401 ")
    assert right.startswith(b"HTTP/1.1 200 ")


async def test_where_a_list_is_needed_a_key_without_one_is_refused(tmp_path: Path) -> None:
    async with tiny_hub(tmp_path, Tiny(needs_listed_address=True)) as hub:
        _, open_key = await hub.key()
        _, listed_key = await hub.key(allow=["127.0.0.0/8", "::1"])

        assert (await hub.ask("/tiny/api/calls", open_key)).status == 401
        assert (await hub.ask("/tiny/api/calls", listed_key)).status == 200


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("203.0.113.7", 200),
        ("::ffff:203.0.113.7", 200),
        ("2001:db8::7", 200),
        ("198.51.100.1, 203.0.113.7", 200),
        ("203.0.113.7, 127.0.0.9", 200),
        ("203.0.113.7, 198.51.100.1", 401),
        ("198.51.100.1", 401),
        ("203.0.113.7, nonsense", 401),
        ("", 401),
    ],
)
async def test_behind_trusted_proxies_the_right_most_untrusted_hop_is_the_client(
    tmp_path: Path, forwarded: str, status: int
) -> None:
    async with tiny_hub(tmp_path, Tiny(), given={"trusted_proxies": ["127.0.0.0/8"]}) as hub:
        _, key = await hub.key(allow=["203.0.113.0/24", "2001:db8::/32"])

        told = await hub.ask("/tiny/api/calls", key, headers={"X-Forwarded-For": forwarded})

        assert told.status == status


async def test_nobody_is_believed_about_their_address_without_a_trusted_proxy(hub: TinyHub) -> None:
    _, key = await hub.key(allow=["203.0.113.0/24"])

    told = await hub.ask("/tiny/api/calls", key, headers={"X-Forwarded-For": "203.0.113.7"})

    assert told.status == 401


async def test_the_101st_request_waits_until_its_window_is_over(tmp_path: Path) -> None:
    clock = FakeClock()
    async with tiny_hub(tmp_path, Tiny(), clock=clock) as hub:
        _, key = await hub.key()
        told = [await hub.ask("/tiny/api/calls", key) for _ in range(101)]
        clock.pass_time(899)
        still = await hub.ask("/tiny/api/calls", key)
        clock.pass_time(1)
        again = await hub.ask("/tiny/api/calls", key)

        assert [one.status for one in told] == [200] * 100 + [429]
        assert (told[-1].json, told[-1].headers["retry-after"]) == ({"sorry": 429}, "900")
        assert told[-1].headers["ratelimit-limit"] == "100"
        assert told[-1].headers["ratelimit-remaining"] == "0"
        assert (still.status, still.headers["retry-after"]) == (429, "1")
        assert (again.status, again.headers["ratelimit-remaining"]) == (200, "99")


async def test_a_key_with_its_own_rate_has_that(hub: TinyHub) -> None:
    _, key = await hub.key(rate=(2, 60))

    told = [await hub.ask("/tiny/api/calls", key) for _ in range(3)]

    assert [one.status for one in told] == [200, 200, 429]
    assert told[0].headers["ratelimit-limit"] == "2"


@pytest.mark.parametrize(("path", "seconds"), [("busy", "3"), ("busy-own", "77")])
async def test_too_many_is_told_with_whole_seconds(hub: TinyHub, path: str, seconds: str) -> None:
    _, key = await hub.key()

    told = await hub.ask(f"/tiny/api/{path}", key)

    assert (told.status, told.headers["retry-after"]) == (429, seconds)
    assert told.headers["ratelimit-remaining"] == "99"


@pytest.mark.parametrize(("path", "status"), [("bad", 400), ("broken", 500)])
async def test_what_fails_inside_is_told_in_the_connectors_words(
    hub: TinyHub, path: str, status: int
) -> None:
    _, key = await hub.key()

    told = await hub.ask(f"/tiny/api/{path}", key)

    assert (told.status, told.json) == (status, {"sorry": status})
    assert told.headers["ratelimit-remaining"] == "99"


async def test_a_body_over_the_cap_is_told_so(hub: TinyHub, tiny: Tiny) -> None:
    _, key = await hub.key()

    told = await hub.ask("/tiny/api/dial", key, "POST", data=b"1" * 101)

    assert (told.status, told.json) == (413, {"sorry": 413})
    assert tiny.asked == []


async def test_a_head_is_a_get_without_its_body(hub: TinyHub, tiny: Tiny) -> None:
    _, key = await hub.key()
    get = await hub.ask("/tiny/api/calls", key)
    head = await hub.ask("/tiny/api/calls", key, "HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert head.headers["ratelimit-remaining"] == "98"
    assert [one.method for one in tiny.asked] == ["GET", "GET"]


async def test_the_longest_path_decides_between_apis_and_connections(hub: TinyHub, tiny: Tiny) -> None:
    _, key = await hub.key()
    made = await hub.connect_to(tiny.connector())
    token = made.keys["token"]

    asked = {
        "/tiny/api": key,
        "/tiny/api/": key,
        "/tiny/api2/x": key,
        "//tiny/api/x": key,
        "/tiny/x": token,
        "/tiny/apix": token,
        "/tiny/api/events": token,
        "/tiny/api/events/1": token,
    }
    told = {path: (await hub.ask(path, used)).json for path, used in asked.items()}
    crossed = {(await hub.ask(path, token if used == key else key)).status for path, used in asked.items()}

    answered_by_connection = {path for path, one in told.items() if one == {"connection": made.id}}
    assert answered_by_connection == {path for path, used in asked.items() if used == token}
    assert crossed == {401}


async def test_an_unknown_connection_address_is_refused_in_the_words_of_the_path(hub: TinyHub) -> None:
    told = await hub.ask("/x/unknown/tiny/api/calls", None)

    assert (told.status, told.json) == (401, {"sorry": 401})


async def test_wrong_keys_are_counted_and_right_ones_served_all_the_same(hub: TinyHub) -> None:
    _, key = await hub.key()
    told = [await hub.ask("/tiny/api/calls", "wrong") for _ in range(21)]
    right = await hub.ask("/tiny/api/calls", key)

    assert [one.status for one in told] == [401] * 20 + [429]
    assert 1 <= int(told[-1].headers["retry-after"]) <= 60
    assert right.status == 200


async def test_requests_are_counted_by_their_protocol(tmp_path: Path) -> None:
    async with tiny_hub(tmp_path, Tiny(), given={"metrics": True}) as hub:
        _, key = await hub.key()
        await hub.ask("/tiny/api/calls", key)
        await hub.ask("/tiny/api/calls", "wrong")
        page = (await hub.ask("/metrics", None)).body.decode()

    assert 'switchhook_peer_requests_total{connector="tiny",status="200"} 1.0' in page
    assert 'switchhook_peer_requests_total{connector="tiny",status="401"} 1.0' in page


async def test_a_key_is_in_no_log_and_in_no_answer(hub: TinyHub, caplog: pytest.LogCaptureFixture) -> None:
    _, key = await hub.key(allow=["203.0.113.0/24"])
    _, right = await hub.key(rate=(6, 60))
    caplog.set_level(logging.DEBUG)

    with capture_logs() as logs:
        told = [await hub.ask("/tiny/api/calls", one) for one in (key, "canary-" + key, right, right)]
        told += [await hub.ask(f"/tiny/api/{path}", right) for path in ("bad", "broken", "busy", "x", "y")]
    said = repr(logs) + caplog.text + repr(told)

    assert [one.status for one in told] == [401, 401, 200, 200, 400, 500, 429, 200, 429]
    assert logs
    assert key not in said
    assert right not in said
    assert "canary-" not in said
    assert "secret inside" not in repr(told)


async def bytes_of(hub: TinyHub, path: str, key: str | None) -> bytes:
    """Ask by hand, for the answer as it is on the wire less the date."""
    url = urlsplit(hub.now.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    token = "" if key is None else f"token: {key}\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n{token}connection: close\r\n\r\n".encode())
    raw = await reader.read()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return b"\r\n".join(line for line in raw.split(b"\r\n") if not line.lower().startswith(b"date:"))
