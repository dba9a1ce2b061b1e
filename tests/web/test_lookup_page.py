"""What docs/lookup.md has people enter into FreeSWITCH and Asterisk works at a running hub, word for word."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from yarl import URL

from tests.web.lookup_office import DID, NAME, Office, open_office

PAGE = (Path(__file__).parents[2] / "docs" / "lookup.md").read_text()


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(tmp_path) as opened:
        yield opened


def freeswitch_url(number: str) -> str:
    """Give the address of the page's snippet as mod_cidlookup asks it: with the digits alone."""
    (written,) = re.findall(r'<param name="url" value="([^"]+)"', PAGE)
    digits = "".join(filter(str.isdigit, number))
    return html.unescape(written).replace("${caller_id_number}", digits)


def asterisk_urls(number: str, did: str) -> dict[str, str]:
    """Give the addresses of the page's dialplan, its variables and functions worked out."""
    (hub,) = re.findall(r"^HUB=(.+)$", PAGE, re.MULTILINE)
    (ask,) = re.findall(r"Set\(ASK=(.+)\)$", PAGE, re.MULTILINE)
    for inner, value in (("${CALLERID(num)}", number), ("${ARG1}", did)):
        ask = ask.replace(f"${{URIENCODE({inner})}}", quote(value, safe=""))
    calls = re.findall(r"Set\((\w+)=\$\{CURL\((.+)\)\}\)$", PAGE, re.MULTILINE)
    return {name: url.replace("${HUB}", hub).replace("${ASK}", ask) for name, url in calls}


def curl_urls() -> list[str]:
    return re.findall(r'^curl -i "([^"]+)"$', PAGE, re.MULTILINE)


async def fetch(office: Office, url: str) -> tuple[int, str]:
    """Ask for an address of the page at the running hub, to the byte as it is written."""
    assert "$" not in url
    at_hub = url.replace("https://hub.example.com", office.hub.now.url).replace("/KEY/", f"/{office.key}/")
    async with office.hub.http.get(URL(at_hub, encoded=True)) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("number", ["+79161234567", "79161234567", "8 (916) 123-45-67"])
async def test_the_pages_snippet_for_freeswitch_gives_the_name(office: Office, number: str) -> None:
    assert await fetch(office, freeswitch_url(number)) == (200, NAME)
    assert await fetch(office, freeswitch_url("anonymous")) == (200, "")


async def test_the_pages_dialplan_for_asterisk_gives_name_and_route(office: Office) -> None:
    known = asterisk_urls("+79161234567", DID)
    hostile = asterisk_urls("1,2&did=74951234567&format=json#", DID)

    assert await fetch(office, known["NAME"]) == (200, NAME)
    assert await fetch(office, known["RING"]) == (200, "101")
    assert await fetch(office, hostile["NAME"]) == (200, "")
    assert await fetch(office, hostile["RING"]) == (200, "102&101&900")


async def test_the_pages_examples_for_curl_are_answered(office: Office) -> None:
    told = [await fetch(office, url) for url in curl_urls()]

    assert [status for status, _ in told] == [200, 200, 200]
    assert told[0][1] == NAME
    assert '"extension":"101"' in told[1][1]
    assert '"extensions":["102","101","900"]' in told[2][1]
