"""A protocol made for tests: an API at two roots, connections at another, and a hub that has it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec

from switchhook.app.hub import open_hub
from switchhook.core.api import Api, ApiHub, Scope
from switchhook.core.connector import Connector, DialOrder, Hub, Key, Link, Role, Side
from switchhook.core.edge import Reply, Request, reply_json
from switchhook.core.errors import BadMessage, Refused, StoreDown, TooLarge, TooMany
from switchhook.flow.clock import Clock
from switchhook.flow.configure import Configured, create_connection
from switchhook.settings import read_place
from switchhook.store.api_keys import EVERY_SCOPE, ApiKey, add_api_key
from tests.web.hubs import TestHub

STATUSES: Mapping[type[Exception], int] = {
    TooLarge: 413,
    BadMessage: 400,
    Refused: 401,
    TooMany: 429,
    StoreDown: 503,
}


def sorry(error: Exception) -> Reply:
    kind = next((one for one in STATUSES if isinstance(error, one)), None)
    status = STATUSES[kind] if kind else 500
    # Its own word of when to come again, for one case, to see that it is kept.
    own = {"Retry-After": "77"} if "own words" in str(error) else {}
    return reply_json(status, {"sorry": status}, headers=own)


@dataclass
class Tiny:
    """The protocol, and what was asked of it."""

    needs_listed_address: bool = False
    requests: int = 100
    per_seconds: int = 900
    asked: list[Request] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)

    async def serve(self, request: Request, hub: ApiHub) -> Reply:
        self.asked.append(request)
        what = request.path.rpartition("/")[2]
        match what:
            case "dial":
                key = request.headers.get("idempotency-key")
                order = await hub.dial("101", request.body.decode(), idempotency_key=key)
                return reply_json(200, {"order": order})
            case "people":
                return reply_json(200, [one.name for one in await hub.book.employees()])
            case "busy":
                raise TooMany("not now", retry_after_seconds=2.4)
            case "busy-own":
                raise TooMany("own words")
            case "bad":
                raise BadMessage("canary: secret inside")
            case "broken":
                raise RuntimeError("canary: secret inside")
            case "headers":
                return Reply(body=b"{}", headers={"ratelimit-limit": "wrong", "X-Total-Count": "3"})
        return reply_json(200, {"path": request.path, "zone": hub.zone, "url": hub.public_url})

    async def take(self, request: Request, link: Link, hub: Hub) -> Reply:
        return reply_json(200, {"connection": link.id})

    async def dial(self, order: DialOrder, link: Link, hub: Hub) -> None:
        self.dialled.append(order.number)

    def connector(self) -> Connector:
        return Connector(
            key="tiny",
            title="Tiny",
            sides={
                Role.PBX: Side(
                    role=Role.PBX,
                    keys=(Key(name="token", label="Key"),),
                    serve=self.take,
                    dial=self.dial,
                    urls={"base": ""},
                )
            },
            root_paths=("/tiny", "/tiny/api/events"),
            presented_key=presented_key,
            sorry=sorry,
            max_body_bytes=lambda path: 100,
            api=Api(
                root_paths=("/tiny/api", "/tiny/api2/"),
                presented_key=presented_key,
                scope=scope_of,
                serve=self.serve,
                needs_listed_address=self.needs_listed_address,
                requests=self.requests,
                per_seconds=self.per_seconds,
            ),
        )


def presented_key(request: Request) -> str | None:
    return request.headers.get("token")


def scope_of(request: Request) -> Scope:
    return Scope.DIAL if request.path.endswith("/dial") else Scope.READ


@dataclass(frozen=True, kw_only=True)
class TinyHub(TestHub):
    """A running hub that has the protocol."""

    async def key(
        self,
        *,
        allow: Sequence[str] = (),
        scopes: Sequence[Scope] = EVERY_SCOPE,
        zone: str = "UTC",
        rate: tuple[int, int] | None = None,
    ) -> tuple[ApiKey, str]:
        desk = self.now.desk
        return await desk.store.write(
            add_api_key,
            desk.account_id,
            desk.box,
            name="shop",
            at=datetime.now(UTC),
            allow=allow,
            scopes=scopes,
            zone=zone,
            rate=rate,
        )

    async def connect_to(self, connector: Connector, role: Role = Role.PBX) -> Configured:
        desk = self.now.desk
        made = await create_connection(
            desk.store,
            desk.box,
            {connector.key: connector},
            desk.account_id,
            kind=connector.key,
            role=role.value,
            name=connector.title,
            settings={},
            at=datetime.now(UTC),
        )
        await self.now.registry.refresh()
        return made

    async def ask(self, path: str, key: str | None, method: str = "GET", **kwargs: object) -> "Told":
        sent = {**({} if key is None else {"token": key}), **kwargs.pop("headers", {})}  # type: ignore[dict-item]
        response = await self._send(method, path, headers=sent, **kwargs)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Told(response.status, await response.read(), headers)


@dataclass(frozen=True)
class Told:
    """An answer as it came, names of headers in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.body)


def tiny_hub(
    folder: Path,
    tiny: Tiny,
    *,
    clock: Clock | None = None,
    given: Mapping[str, object] | None = None,
) -> AbstractAsyncContextManager[TinyHub]:
    """Run a whole hub whose only protocol is this one."""
    return scripted_hub(folder, tiny.connector(), clock=clock, given=given)


@asynccontextmanager
async def scripted_hub(
    folder: Path,
    *connectors: Connector,
    clock: Clock | None = None,
    given: Mapping[str, object] | None = None,
) -> AsyncIterator[TinyHub]:
    """Run a whole hub that has these protocols and no others."""
    place = read_place(folder, environ={}, given={"port": 0, **(given or {})})
    async with (
        open_hub(place, clock=clock, connectors={one.key: one for one in connectors}) as now,
        aiohttp.ClientSession(auto_decompress=False) as http,
    ):
        yield TinyHub(now=now, http=http)
