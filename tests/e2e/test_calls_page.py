"""The calls page in a real browser: cards come, turn and go by themselves."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from switchhook.app.desk import open_desk
from switchhook.connectors import discover
from switchhook.flow.configure import create_connection
from switchhook.settings import read_place
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee
from switchhook.store.lines import add_line
from switchhook.web.sessions import Signer
from tests.cli.commands import serving
from tests.cli.test_serving import post
from tests.servers.chromium import CHROMIUM_ARGS

PATIENCE_MS = 15_000
NUMBER, SHOWN = "79101234567", "+7 910 123-45-67"


@dataclass(frozen=True)
class Office:
    """A running hub with a PBX, an employee and somebody who is known."""

    data: Path
    url: str
    api: str
    key: str

    def link(self) -> str:
        """Make a one-time link, as `switchhook login` does but without a process of its own."""
        return f"{self.url}/login/{Signer.of(self.data).link(1, datetime.now(UTC))}"

    def tell(self, happening: str, call_id: str, **fields: str) -> None:
        """Tell the hub one event, as its PBX does."""
        form = {
            "cmd": "event", "planfix_token": self.key, "type": "in", "event": happening, "phone": NUMBER,
            "ext": "101", "callid": call_id, "diversion": "74951234567", **fields,
        }  # fmt: skip
        until = time.monotonic() + 20
        while post(self.api, **form) != 200:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    data = tmp_path_factory.mktemp("office") / "data"
    # In a thread: the browser's library keeps a loop of its own running in this one.
    with ThreadPoolExecutor(1) as thread:
        key = thread.submit(lambda: asyncio.run(furnish(data))).result()
    with serving(data) as (url, _):
        yield Office(data, url, f"{url}/tel/api", key)


async def furnish(data: Path) -> str:
    """Fill the address book and connect a PBX; give its key."""
    async with open_desk(read_place(data, environ={})) as at:
        await at.store.write(add_employee, at.account_id, name="Anna Kotova", extension="101")
        await at.store.write(add_line, at.account_id, number="74951234567", name="Sales")
        await at.store.write(add_contact, at.account_id, name="Romashka", phones=[NUMBER])
        made = await create_connection(
            at.store,
            at.box,
            discover(),
            at.account_id,
            kind="planfix",
            role="pbx",
            name="PBX",
            settings={},
            at=datetime.now(UTC),
        )
    return made.keys["planfix_token"]


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_ARGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def kept_window(browser: Browser) -> Iterator[Page]:
    """Opened once: that takes the browser longer than most tests do."""
    context = browser.new_context(locale="en-GB")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield opened
    context.close()


@pytest.fixture
def window(kept_window: Page) -> Iterator[Page]:
    """An empty window, in English, that remembers nothing."""
    yield kept_window
    kept_window.goto("about:blank")
    kept_window.context.clear_cookies()


@pytest.fixture
def complaints(window: Page) -> Iterator[list[str]]:
    """What the browser complained about: code that the policy forbids, scripts that failed."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(message.text)

    def note_error(error: Error) -> None:
        found.append(str(error))

    window.on("console", note)
    window.on("pageerror", note_error)
    yield found
    window.remove_listener("console", note)
    window.remove_listener("pageerror", note_error)


@pytest.fixture
def page(window: Page, office: Office, complaints: list[str]) -> Page:
    """A page that has just been signed in."""
    window.goto(office.link())
    return window


def test_a_call_appears_turns_and_becomes_history_by_itself(
    page: Page, office: Office, complaints: list[str]
) -> None:
    card, row = page.locator(".card"), page.locator(".history .row")
    expect(page.locator("#cards .empty")).to_be_visible()
    office.tell("INCOMING", "story")
    expect(card).to_have_class(re.compile("is-ringing"))
    expect(card).to_contain_text("Romashka")
    expect(card).to_contain_text(SHOWN)
    expect(card).to_contain_text("Sales")
    expect(card).to_contain_text("Anna Kotova")
    office.tell("ACCEPTED", "story")
    expect(card).to_have_class(re.compile("is-talking"))
    office.tell("COMPLETED", "story", duration="65", is_recorded="0", status="Success")
    expect(card).to_have_count(0)
    expect(row.first).to_contain_text("Answered")
    expect(row.first).to_contain_text("1:05")
    expect(page.locator("#cards .empty")).to_be_visible()

    assert complaints == []


def test_the_timer_of_a_card_runs(page: Page, office: Office) -> None:
    office.tell("INCOMING", "timer")
    timer = page.locator(".card .timer")

    expect(timer).not_to_have_text("0:00")
    office.tell("COMPLETED", "timer", duration="0", is_recorded="0", status="Missed")
    expect(page.locator(".card")).to_have_count(0)


def test_a_row_opens_by_keyboard(page: Page, office: Office, complaints: list[str]) -> None:
    office.tell("COMPLETED", "keys", duration="7", is_recorded="0", status="Success", data_utm="ads")
    row = page.locator(".call", has_text="0:07").first
    row.locator("summary").focus()
    page.keyboard.press("Enter")

    expect(row.locator(".details")).to_contain_text("keys")
    expect(row.locator(".details")).to_contain_text("ads")
    assert complaints == []


def test_a_page_that_was_cut_off_catches_up(page: Page, office: Office) -> None:
    page.context.set_offline(True)
    office.tell("INCOMING", "offline")
    page.context.set_offline(False)

    expect(page.locator(".card")).to_contain_text("Romashka")
    office.tell("COMPLETED", "offline", duration="0", is_recorded="0", status="Missed")
    expect(page.locator(".card")).to_have_count(0)


def test_the_link_opens_once(window: Page, office: Office) -> None:
    link = office.link()
    statuses = []
    for _ in range(2):
        answer = window.goto(link)
        assert answer is not None
        statuses.append(answer.status)
        window.context.clear_cookies()

    assert statuses == [200, 401]


def test_nobody_reads_without_a_session(window: Page, office: Office) -> None:
    answer = window.goto(office.url)
    assert answer is not None

    assert answer.status == 401
    assert "switchhook login" in window.inner_text("main")


def test_the_language_is_switched_on_the_page(page: Page) -> None:
    page.get_by_role("button", name="RU").click()

    expect(page.locator("h1")).to_have_text("Сейчас")


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_nothing_sticks_out_at_any_width(page: Page, office: Office, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()

    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert overflow == 0


def test_browsers_do_not_keep_each_other_waiting(page: Page, office: Office) -> None:
    threads = [
        threading.Thread(
            target=office.tell,
            args=("COMPLETED", f"many-{number}"),
            kwargs={"duration": "1", "is_recorded": "0", "status": "Success"},
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expect(page.locator(".history .row", has_text="0:01")).to_have_count(8)
