"""A PBX that can fetch a URL hears who is calling, in time, and never an error in place of a name."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from switchhook.core.api import Scope
from switchhook.core.directory import Availability, CallerAnswer
from switchhook.core.errors import PeerDown, StoreDown
from switchhook.flow.gate import Gate
from switchhook.store import Store
from switchhook.store.contacts import add_contact
from switchhook.store.employees import set_availability
from switchhook.store.secrets import SecretBox
from switchhook.web.lookup_hook import LookupHook
from switchhook.web.switch import Proxies
from tests.fakes import FakeClock
from tests.web.lookup_office import DID, NAME, NUMBER, Office, open_office
from tests.web.tiny import scripted_hub

PLAIN = "text/plain; charset=utf-8"


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office_of_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """An office for tests that only ask, and of which none makes a difference to another."""
    async with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


only_asking = pytest.mark.asyncio(loop_scope="module")


@only_asking
@pytest.mark.parametrize(
    "number",
    [
        "%2B79161234567",
        "+79161234567",
        "79161234567",
        "89161234567",
        "9161234567",
        "%2B7%20%28916%29%20123-45-67",
        "+7+916+123+45+67",
        "sip:79161234567%4010.0.0.1",
    ],
)
async def test_the_name_is_told_however_the_number_is_written(office_of_all: Office, number: str) -> None:
    told = await office_of_all.ask("name", f"number={number}&did={DID}")

    assert (told.status, told.body.decode()) == (200, NAME)
    assert told.headers["content-type"] == PLAIN
    assert told.headers["cache-control"] == "no-store"


@only_asking
@pytest.mark.parametrize(
    "number", ["", "anonymous", "Anonymous", "unknown", "%2B74999999999", "sip", "100500"]
)
async def test_of_a_stranger_nothing_is_told(office_of_all: Office, number: str) -> None:
    name = await office_of_all.ask("name", f"number={number}")
    route = await office_of_all.ask("route", f"number={number}&format=text")
    caller = cast("dict[str, object]", (await office_of_all.ask("caller", f"number={number}")).json)

    assert (name.status, name.body, name.headers["content-type"]) == (200, b"", PLAIN)
    assert (route.status, route.body, route.headers["content-type"]) == (200, b"", PLAIN)
    assert {value for field, value in caller.items() if field != "number"} == {None}


async def test_a_name_is_one_clean_line_of_the_length_that_is_wanted(office: Office) -> None:
    await office.write(
        add_contact, name="Eve\r\nX-Injected: 1\u202e\u200b \x07 gone", phones=["+74957654321"]
    )

    whole = await office.ask("name", "number=74957654321")
    short = await office.ask("name", f"number={NUMBER}&max=8")

    assert whole.body.decode() == "Eve X-Injected: 1 gone"
    assert "x-injected" not in whole.headers
    assert short.body.decode() == "ООО «Ро…"


async def test_a_colleague_is_known_by_their_extension(office: Office) -> None:
    assert (await office.ask("name", "number=102")).body == b"Olga"


async def test_all_that_is_known_of_a_contact_is_told_as_json(office: Office) -> None:
    told = await office.ask("caller", "number=8 (916) 123-45-67")

    assert told.headers["content-type"] == "application/json"
    assert told.json == {
        "number": "+79161234567",
        "name": NAME,
        "responsible": {"extension": "101", "name": "Ivan Petrov"},
        "contact_id": 1,
        "card_url": None,
        "source": "directory",
    }
    assert office.crm.asked == []


async def test_what_only_a_crm_knows_is_told_with_who_said_so(office: Office) -> None:
    office.crm.says = CallerAnswer(name="Eve", responsible="777", card_url="https://crm.example/1")

    told = await office.ask("caller", "number=74957654321")

    assert told.json == {
        "number": "+74957654321",
        "name": "Eve",
        "responsible": {"extension": "777", "name": None},
        "contact_id": None,
        "card_url": "https://crm.example/1",
        "source": office.crm_id,
    }


@pytest.mark.parametrize(
    ("busy", "query", "extensions", "because"),
    [
        ([], f"number={NUMBER}&did={DID}", ["101"], "responsible for this contact"),
        (["101"], f"number={NUMBER}&did=8495 123-45-67", ["102", "900"], "free in the group of this line"),
        ([], f"number=anonymous&did={DID}", ["102", "101", "900"], "free in the group of this line"),
        (["101"], f"number={NUMBER}", [], "nobody is free and there is no fallback"),
        (["101"], f"number={NUMBER}&did=74950000000", [], "nobody is free and there is no fallback"),
        (["101"], f"number={NUMBER}&did=", [], "nobody is free and there is no fallback"),
    ],
)
async def test_whom_to_ring_is_told_with_the_reason(
    office: Office, busy: Sequence[str], query: str, extensions: Sequence[str], because: str
) -> None:
    for extension in busy:
        await office.write(set_availability, extension, Availability.BUSY)

    as_json = await office.ask("route", query)
    as_text = await office.ask("route", f"{query}&format=text")

    assert as_json.json == {"extensions": extensions, "because": because}
    assert (as_text.body.decode(), as_text.headers["content-type"]) == ("&".join(extensions), PLAIN)


@pytest.mark.parametrize(
    ("says", "is_silent"),
    [(None, True), (PeerDown("refuses connections"), False), (RuntimeError("broken"), False)],
    ids=["silent", "down", "broken"],
)
async def test_a_crm_that_cannot_say_keeps_nobody_waiting(
    office: Office, says: Exception | None, is_silent: bool
) -> None:
    office.crm.says, office.crm.is_silent = says, is_silent
    started = monotonic()

    with capture_logs():  # to draw a traceback takes longer than to answer
        told = [
            await office.ask(what, f"number=74957654321&did={DID}") for what in ("name", "caller", "route")
        ]

    # The deadline is 0.6 s each; the rest is a slow machine.
    assert monotonic() - started < 6
    assert [one.status for one in told] == [200, 200, 200]
    assert told[0].body == b""
    assert told[2].json == {"extensions": ["102", "101", "900"], "because": "free in the group of this line"}


@only_asking
@pytest.mark.parametrize(
    ("what", "query", "said"),
    [
        ("name", "", "number: expected a number"),
        ("name", "phone=79161234567", "number: expected a number"),
        ("name", "number=" + "1" * 65, "number: expected up to 64 characters"),
        ("name", f"number={NUMBER}&did=" + "1" * 65, "did: expected up to 64 characters"),
        ("name", "number=7916%0D%0A1234567", "number: expected a text without control characters"),
        ("name", f"number={NUMBER}&max=many", "max: expected 1 to 100 characters"),
        ("name", f"number={NUMBER}&max=0", "max: expected 1 to 100 characters"),
        ("name", f"number={NUMBER}&max=101", "max: expected 1 to 100 characters"),
        ("name", f"number={NUMBER}&max=-1", "max: expected 1 to 100 characters"),
        ("name", f"number={NUMBER}&max=%D9%A3", "max: expected 1 to 100 characters"),
        ("name", f"number={NUMBER}&format=json", "format: expected text"),
        ("caller", f"number={NUMBER}&format=xml", "format: expected json"),
        ("route", f"number={NUMBER}&format=xml", "format: expected json or text"),
        ("route", "format=text", "number: expected a number"),
    ],
)
async def test_a_wrong_parameter_is_named_and_never_shown_as_a_name(
    office_of_all: Office, what: str, query: str, said: str
) -> None:
    told = await office_of_all.ask(what, query)

    assert told.status == 400
    if what == "name" or "format=text" in query:
        assert (told.body, told.headers["x-error"], told.headers["content-type"]) == (b"", said, PLAIN)
    else:
        assert told.json == {"error": said}


async def test_more_than_is_read_is_refused(office: Office) -> None:
    fields = await office.ask("name", "a=1&" * 201)
    body = await office.hub.ask(f"/lookup/{office.key}/name?number=1", None, data=b"x" * 2000)

    assert (fields.status, fields.body) == (413, b"")
    assert (body.status, body.body) == (413, b"")


async def test_every_wrong_key_is_told_the_same_and_no_name(office: Office) -> None:
    _, reader = await office.hub.key(scopes=[Scope.READ, Scope.WRITE, Scope.DIAL])
    _, far = await office.hub.key(allow=["203.0.113.0/24"])

    wrong = ("wrong", "0" * 64, "%D0%B9", office.key[:-1], office.key.upper(), reader, far)
    names = [await office.ask("name", key=key) for key in wrong]
    callers = [await office.ask("caller", key=key) for key in wrong]

    assert {(one.status, one.body, one.headers["content-type"]) for one in names} == {(401, b"", PLAIN)}
    assert {one.headers["x-error"] for one in names} == {"Not authorised"}
    assert {(one.status, one.body) for one in callers} == {(401, b'{"error":"Not authorised"}')}


async def test_over_the_rate_the_pbx_is_told_when_to_come_again(tmp_path: Path) -> None:
    clock = FakeClock()
    async with scripted_hub(tmp_path, clock=clock) as hub:
        _, key = await hub.key()
        path = f"/lookup/{key}/name?number="
        first = await hub.ask(path, None)
        for _ in range(599):
            assert (await hub.ask(path, None)).status == 200
        over = await hub.ask(path, None)
        clock.pass_time(60)
        again = await hub.ask(path, None)

        assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("600", "599")
        assert (over.status, over.body, over.headers["retry-after"]) == (429, b"", "60")
        assert over.headers["x-error"] == "Too many requests"
        assert (again.status, again.headers["ratelimit-remaining"]) == (200, "599")


@only_asking
@pytest.mark.parametrize(
    "path", ["/lookup/", "/lookup/k", "/lookup/k/", "/lookup/k/other", "/lookup/k/name/x"]
)
async def test_another_path_is_not_there(office_of_all: Office, path: str) -> None:
    told = await office_of_all.hub.ask(path, None)

    assert (told.status, told.body) == (404, b"")


async def test_only_get_and_head_are_answered(office: Office) -> None:
    path = f"/lookup/{office.key}/name?number={NUMBER}"
    get = await office.hub.ask(path, None)
    head = await office.hub.ask(path, None, "HEAD")
    post = await office.hub.ask(path, None, "POST")
    doubled = await office.hub.ask("/" + path, None)

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert (post.status, post.body, post.headers["allow"]) == (405, b"", "GET, HEAD")
    assert doubled.body == get.body


async def test_a_key_in_an_address_is_in_no_log_and_in_no_answer(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, far = await office.hub.key(allow=["203.0.113.0/24"])
    office.crm.says = RuntimeError("broken")

    with capture_logs() as logs:
        told = [
            await office.ask(what, query, key=key)
            for what in ("name", "caller", "route", "other")
            for query in ("number=74957654321", "")
            for key in (office.key, far, "canary-wrong")
        ]
    said = repr(logs) + caplog.text + repr(told)

    assert logs
    assert office.key not in said
    assert far not in said
    assert "canary" not in said


class DownStore:
    """A store that is away, or does not answer."""

    dialect = "sqlite"

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs

    async def read(self, verb: object, *args: object, **kwargs: object) -> object:
        if self.hangs:
            await asyncio.sleep(60)
        raise StoreDown("the database is away")


@pytest.mark.parametrize("hangs", [False, True])
async def test_with_the_store_away_the_answer_is_quick_and_empty(tmp_path: Path, hangs: bool) -> None:
    gate = Gate(cast("Store", DownStore(hangs=hangs)), SecretBox.load(tmp_path))
    nothing = cast("Any", None)
    hook = LookupHook(gate=gate, lookup=nothing, routes=nothing, deadline_seconds=0.1, proxies=Proxies())
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/lookup/key/name",
        "query_string": b"number=1",
        "headers": [],
        "client": ("192.0.2.1", 1),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(5):
        await hook(scope, receive, send)

    assert (sent[0]["status"], sent[1]["body"]) == (503, b"")
    assert (b"x-error", b"Temporarily unavailable") in sent[0]["headers"]
