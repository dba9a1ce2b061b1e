"""A client of the API of a running hub, with a key of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from yarl import URL

from switchhook.core.api import Scope
from switchhook.store.accounts import ensure_account
from switchhook.store.api_keys import EVERY_SCOPE, ApiKey, add_api_key
from tests.web.hubs import TestHub

PREFIX = "/api/v1"
OFTEN = (10_000, 1)


@dataclass(frozen=True, kw_only=True)
class Said:
    """One answer of the API."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    json: Any = None

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    @property
    def problem(self) -> str:
        """Give the id of the problem, having looked that it is told as one."""
        assert self.type == "application/problem+json", (self.status, self.body)
        assert self.json["status"] == self.status
        problem_id: str = self.json["type"].removeprefix("/errors/")
        return problem_id

    @property
    def wrong(self) -> list[str]:
        """Give the parameters and fields that were wrong."""
        return [one["field"] for one in self.json["errors"]]


@dataclass(kw_only=True)
class Client:
    """Whoever has a key."""

    hub: TestHub
    key: ApiKey
    secret: str

    async def ask(self, method: str, path: str, **kwargs: Any) -> Said:
        """Ask for a path below the prefix, or a whole one; what is escaped in it is sent as it is."""
        headers = {"Authorization": f"Bearer {self.secret}", **kwargs.pop("headers", {})}
        url = URL(self.hub.now.url + (path if path.startswith("/api") else PREFIX + path), encoded=True)
        async with self.hub.http.request(
            method, url, headers=headers, allow_redirects=False, **kwargs
        ) as response:
            body = await response.read()
            found = {name.lower(): value for name, value in response.headers.items()}
            is_json = "json" in found.get("content-type", "") and body
            return Said(
                status=response.status,
                headers=found,
                body=body,
                json=await response.json(content_type=None) if is_json else None,
            )

    async def get(self, path: str, **kwargs: Any) -> Said:
        return await self.ask("GET", path, **kwargs)

    async def post(self, path: str, json: object = None, **kwargs: Any) -> Said:
        return await self.ask("POST", path, **({"json": json} if json is not None else {}), **kwargs)

    async def patch(self, path: str, json: object) -> Said:
        return await self.ask("PATCH", path, json=json)

    async def put(self, path: str, json: object) -> Said:
        return await self.ask("PUT", path, json=json)

    async def delete(self, path: str) -> Said:
        return await self.ask("DELETE", path)


async def client_of(
    hub: TestHub,
    *,
    account: str | None = None,
    scopes: Sequence[Scope] = EVERY_SCOPE,
    allow: Sequence[str] = (),
    rate: tuple[int, int] | None = OFTEN,
) -> Client:
    """Make a key, in the hub's own account or in another one, and a client that presents it."""
    desk, now = hub.now.desk, datetime.now(UTC)
    account_id = desk.account_id
    if account is not None:
        account_id = (await desk.store.write(ensure_account, account, at=now)).id
    key, secret = await desk.store.write(
        add_api_key, account_id, desk.box, name="test", at=now, scopes=scopes, allow=allow, rate=rate
    )
    return Client(hub=hub, key=key, secret=secret)


@asynccontextmanager
async def reading(client: Client, path: str, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """Open a stream."""
    given = {"Authorization": f"Bearer {client.secret}", **headers}
    async with client.hub.http.get(client.hub.now.url + PREFIX + path, headers=given) as response:
        yield response
