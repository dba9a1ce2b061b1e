"""A whole hub inside the test's loop, and the little that tests do with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path

import aiohttp

from switchhook.app.hub import Ready, open_hub
from switchhook.connectors import discover
from switchhook.flow.clock import Clock
from switchhook.flow.configure import Configured, create_connection
from switchhook.settings import read_place
from tests.store.new_files import make_file


@dataclass(frozen=True, kw_only=True)
class TestHub:
    """A running hub and a client that keeps cookies and follows nothing."""

    __test__ = False

    now: Ready
    http: aiohttp.ClientSession

    async def connect(self, kind: str, role: str, **settings: str) -> Configured:
        """Add a connection and have the hub know it, as it would within a second."""
        made = await create_connection(
            self.now.desk.store,
            self.now.desk.box,
            discover(),
            self.now.desk.account_id,
            kind=kind,
            role=role,
            name=f"{kind} {role}",
            settings=settings,
            at=datetime.now(UTC),
        )
        await self.now.registry.refresh()
        return made

    async def get(self, path: str, **kwargs: object) -> aiohttp.ClientResponse:
        return await self._send("GET", path, **kwargs)

    async def post(self, path: str, **kwargs: object) -> aiohttp.ClientResponse:
        return await self._send("POST", path, **kwargs)

    async def sign_in(self) -> aiohttp.ClientResponse:
        return await self.get(self.now.login_url.removeprefix(self.now.url))

    async def _send(self, method: str, path: str, **kwargs: object) -> aiohttp.ClientResponse:
        response = await self.http.request(
            method,
            self.now.url + path,
            allow_redirects=False,
            **kwargs,  # type: ignore[arg-type]
        )
        await response.read()
        return response


@asynccontextmanager
async def running_hub(
    folder: Path,
    *,
    given: Mapping[str, object] | None = None,
    tls: object = None,
    clock: Clock | None = None,
) -> AsyncIterator[TestHub]:
    place = read_place(folder, environ={}, given={"port": 0, **(given or {})})
    if isinstance(place.store, Path):
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(make_file, place.store)
    connector = aiohttp.TCPConnector(ssl=tls) if tls is not None else None  # type: ignore[arg-type]
    async with (
        open_hub(place, clock=clock) as now,
        aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), auto_decompress=False, connector=connector
        ) as http,
    ):
        yield TestHub(now=now, http=http)


def planfix_event(made: Configured, happening: str, call_id: str, **fields: str) -> dict[str, str]:
    """Give the form of one event of a Planfix PBX."""
    return {
        "cmd": "event",
        "planfix_token": made.keys["planfix_token"],
        "type": "in",
        "event": happening,
        "phone": "79101234567",
        "ext": "101",
        "callid": call_id,
        **fields,
    }


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def cookies_of(response: aiohttp.ClientResponse) -> SimpleCookie:
    cookies = SimpleCookie()
    for header in response.headers.getall("Set-Cookie", []):
        cookies.load(header)
    return cookies
