"""Nobody reads the pages without a session, and what they send a browser is safe to show."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from switchhook.web.render import STATIC, static_url
from switchhook.web.sessions import LINK_LASTS, Signer, is_own_origin
from switchhook.web.words import TABLES, choose_language
from tests.web.hubs import TestHub, cookies_of, planfix_event, running_hub

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def browser(kept_hub: TestHub) -> TestHub:
    """One that was never here, with a link to sign in once: for tests that only look at the pages."""
    desk, url = kept_hub.now.desk, kept_hub.now.url
    kept_hub.http.cookie_jar.clear()
    link = Signer.of(desk.place.folder).link(desk.account_id, datetime.now(UTC))
    return replace(kept_hub, now=replace(kept_hub.now, login_url=f"{url}/login/{link}"))


@pytest.mark.parametrize("path", ["/", "/history", "/live", "/calls/1"])
async def test_nothing_is_read_without_a_session(browser: TestHub, path: str) -> None:
    response = await browser.get(path)

    assert response.status == 401
    assert "switchhook login" in await response.text()


async def test_the_link_opens_the_page_once(hub: TestHub) -> None:
    first = await hub.sign_in()
    page = await hub.get("/")
    hub.http.cookie_jar.clear()
    again = await hub.sign_in()

    assert (first.status, first.headers["Location"]) == (303, "/")
    assert page.status == 200
    assert again.status == 401
    assert "Set-Cookie" not in again.headers


async def test_looking_at_the_link_does_not_use_it_up(hub: TestHub) -> None:
    path = hub.now.login_url.removeprefix(hub.now.url)

    async with hub.http.head(hub.now.url + path, allow_redirects=False) as looked:
        pass
    opened = await hub.sign_in()

    assert looked.status == 405
    assert opened.status == 303


async def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: TestHub) -> None:
    response = await browser.sign_in()
    (cookie,) = cookies_of(response).values()

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


async def test_a_made_up_cookie_opens_nothing(browser: TestHub) -> None:
    response = await browser.get("/", headers={"Cookie": "switchhook_session=AAAA"})

    assert response.status == 401


async def test_wrong_links_are_not_tried_for_ever(hub: TestHub) -> None:
    told = [(await hub.get("/login/made-up")).status for _ in range(21)]

    assert told == [401] * 20 + [429]


async def test_signing_out_takes_the_cookie_away(hub: TestHub) -> None:
    await hub.sign_in()
    out = await hub.post("/logout", headers={"Origin": hub.now.url})
    page = await hub.get("/")

    assert out.status == 303
    assert page.status == 401


@pytest.mark.parametrize("path", ["/logout", "/language"])
async def test_pages_of_others_may_not_change_anything(browser: TestHub, path: str) -> None:
    await browser.sign_in()

    response = await browser.post(path, data={"to": "ru"}, headers={"Origin": "https://evil.example"})

    assert response.status == 403


async def test_pages_of_others_may_not_listen(browser: TestHub) -> None:
    await browser.sign_in()

    response = await browser.get("/live", headers={"Origin": "https://evil.example"})

    assert response.status == 403


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/app.css", "/static/../settings.py", "/login/x"])
async def test_every_answer_forbids_foreign_and_inline_code(browser: TestHub, path: str) -> None:
    await browser.sign_in()

    response = await browser.get(path)
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_load_only_our_own_files(browser: TestHub) -> None:
    await browser.sign_in()

    page = await (await browser.get("/")).text()
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert all(link.startswith(("/", "#")) for link in linked)
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r'\son[a-z]+="', page)


async def test_static_files_may_be_kept_for_ever(browser: TestHub) -> None:
    response = await browser.get(static_url("app.css"))

    assert response.status == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"


async def test_the_language_follows_the_browser_and_then_the_switch(browser: TestHub) -> None:
    await browser.sign_in()
    by_browser = await (await browser.get("/", headers={"Accept-Language": "ru-RU,ru;q=0.9"})).text()
    await browser.post("/language", data={"to": "en"}, headers={"Origin": browser.now.url})
    by_switch = await (await browser.get("/", headers={"Accept-Language": "ru-RU,ru;q=0.9"})).text()

    assert '<html lang="ru">' in by_browser
    assert '<html lang="en">' in by_switch


async def test_names_that_callers_bring_are_text(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    script = "<script>alert(1)</script>"
    await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1", ext="101", phone=script))
    await hub.sign_in()

    page = await (await hub.get("/")).text()

    assert script not in page
    assert "&lt;script&gt;" in page


async def test_the_page_shows_calls_that_go_on_and_the_history(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    for call_id, happening in (("1", "INCOMING"), ("2", "INCOMING"), ("2", "ACCEPTED")):
        await hub.post("/tel/api", data=planfix_event(pbx, happening, call_id))
    ended = planfix_event(pbx, "COMPLETED", "2", duration="65", is_recorded="0", status="Success")
    await hub.post("/tel/api", data=ended)
    await hub.sign_in()

    page = await (await hub.get("/")).text()

    assert page.count('class="card ') == 1
    assert "+7 910 123-45-67" in page
    assert page.count('class="row"') == 1
    assert "1:05" in page


async def test_a_row_tells_everything_about_its_call(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    await hub.connect("planfix", "crm")
    await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "peer-id"))
    ended = planfix_event(
        pbx, "COMPLETED", "peer-id", duration="0", is_recorded="0", status="Missed", data_utm="ads"
    )
    await hub.post("/tel/api", data=ended)
    await hub.sign_in()
    page = await (await hub.get("/")).text()
    shown = re.search(r'id="card-(\w+)"|id="call-(\w+)"', page)
    assert shown is not None

    details = await (await hub.get(f"/calls/{shown[1] or shown[2]}")).text()

    assert "peer-id" in details
    assert "ads" in details
    assert "planfix crm" in details
    assert "Missed" in details


async def test_a_call_that_is_not_there_says_so(browser: TestHub) -> None:
    await browser.sign_in()

    response = await browser.get("/calls/nothing")

    assert response.status == 200
    assert "not kept" in await response.text()


async def test_the_history_goes_on_without_gaps(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    ended = {"duration": "0", "is_recorded": "0", "status": "Success"}
    for number in range(45):
        await hub.post("/tel/api", data=planfix_event(pbx, "COMPLETED", f"c{number}", **ended))
    await hub.sign_in()

    first = await (await hub.get("/")).text()
    more = re.search(r'hx-get="(/history[^"]+)"', first)
    assert more is not None
    second = await (await hub.get(more[1])).text()
    rows = re.findall(r'id="call-(\w+)"', first + second)

    assert len(rows) == len(set(rows)) == 45


async def next_message(stream: aiohttp.StreamReader) -> dict[str, str]:
    """Read one server-sent event, beats left out."""
    found: dict[str, str] = {}
    async with asyncio.timeout(20):
        while True:
            line = (await stream.readline()).decode().rstrip("\n")
            if not line and "event" in found:
                return found
            name, _, value = line.partition(": ")
            if name in ("event", "data", "id"):
                found[name] = found.get(name, "") + value


async def test_the_stream_tells_a_call_as_it_goes(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    await hub.sign_in()
    since = str(int(datetime.now(UTC).timestamp() * 1000))
    told = []
    async with hub.http.get(f"{hub.now.url}/live?since={since}") as stream:
        for happening, fields in (
            ("INCOMING", {}),
            ("ACCEPTED", {}),
            ("COMPLETED", {"duration": "9", "is_recorded": "0", "status": "Success"}),
        ):
            await hub.post("/tel/api", data=planfix_event(pbx, happening, "1", **fields))
            told.append(await next_message(stream.content))
        headers = stream.headers

    assert headers["Content-Type"].startswith("text/event-stream")
    assert [one["event"] for one in told] == ["card", "card", "row"]
    assert "is-ringing" in told[0]["data"]
    assert "is-talking" in told[1]["data"]
    assert "Answered" in told[2]["data"]


async def test_a_browser_that_was_away_is_told_what_it_missed(hub: TestHub) -> None:
    pbx = await hub.connect("planfix", "pbx")
    await hub.sign_in()
    since = str(int(datetime.now(UTC).timestamp() * 1000))
    await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))

    async with hub.http.get(f"{hub.now.url}/live", headers={"Last-Event-ID": since}) as stream:
        told = await next_message(stream.content)

    assert told["event"] == "card"


async def test_a_stopping_hub_lets_its_streams_go(tmp_path: Path) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with running_hub(tmp_path) as hub:
            async with http.get(hub.now.login_url):
                pass
            stream = await http.get(f"{hub.now.url}/live?since=1")
        rest = await stream.content.read()

    assert rest.startswith(b"retry:")


def test_links_and_cookies_are_not_each_other() -> None:
    signer = Signer(b"k" * 32)
    link, session = signer.link(1, NOW), signer.session(1, NOW)

    assert signer.read_session(link, NOW) is None
    assert signer.read_link(session, NOW) is None
    assert signer.read_link(link, NOW) is not None


def test_a_link_grows_old() -> None:
    signer = Signer(b"k" * 32)
    link = signer.link(1, NOW)

    assert signer.read_link(link, NOW + LINK_LASTS - timedelta(seconds=1)) is not None
    assert signer.read_link(link, NOW + LINK_LASTS) is None


@pytest.mark.parametrize("broken", ["", "A", "ж", "A" * 500, "!!!!", "AAAA" * 20])
def test_a_broken_token_is_nobodys(broken: str) -> None:
    assert Signer(b"k" * 32).read_session(broken, NOW) is None


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"origin": "https://hub.example", "host": "hub.example"}, True),
        ({"origin": "http://hub.example:8420", "host": "hub.example:8420"}, True),
        ({"origin": "https://hub.example", "host": "10.0.0.5:8420"}, True),
        ({"origin": "https://evil.example", "host": "hub.example"}, False),
        ({"origin": "null", "host": "hub.example"}, False),
        ({"host": "hub.example", "sec-fetch-site": "cross-site"}, False),
        ({"host": "hub.example", "sec-fetch-site": "same-origin"}, True),
        ({"host": "hub.example"}, True),
    ],
)
def test_own_pages_are_told_from_others(headers: dict[str, str], is_own: bool) -> None:
    assert is_own_origin(headers, "https://hub.example") is is_own


def test_no_word_is_missing_in_any_language() -> None:
    first, *others = (set(table) for table in TABLES.values())

    assert all(other == first for other in others)
    assert all(word.strip() for table in TABLES.values() for word in table.values())


def test_every_word_of_the_templates_is_in_the_tables() -> None:
    templates = (STATIC.parent / "templates").glob("*.html")
    used = {word for path in templates for word in re.findall(r"words\.(\w+)\b(?!\()", path.read_text())}

    assert used - {"get"} <= set(TABLES["en"])


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "ru", "ru"),
        (None, "de-DE,ru;q=0.5,en;q=0.4", "ru"),
        ("en", "ru", "en"),
        ("xx", "ru", "ru"),
        (None, "ru;q=nonsense", "en"),
    ],
)
def test_the_language_is_the_best_that_we_speak(chosen: str | None, accepted: str, language: str) -> None:
    assert choose_language(chosen, accepted) == language


async def test_all_of_it_runs_on_postgresql(fresh_postgres_url: str, tmp_path: Path) -> None:
    async with running_hub(tmp_path, given={"database_url": fresh_postgres_url}) as hub:
        pbx = await hub.connect("planfix", "pbx")
        taken = await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
        await hub.sign_in()
        page = await (await hub.get("/")).text()
        hub.http.cookie_jar.clear()
        again = await hub.sign_in()

    assert taken.status == 200
    assert page.count('class="card ') == 1
    assert again.status == 401
