"""Which way a request goes: to a connection, an API, a recording, a sign of life, or the pages.

Decided on the path alone, before any framework: peers' requests are the hot path.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import structlog

from switchhook.core.api import Api
from switchhook.core.connector import Connector, Hub
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError, Refused, StoreDown, TooLarge, TooMany, Unsupported
from switchhook.flow.rates import source_of
from switchhook.flow.registry import Attached, Registry
from switchhook.net.addresses import IPNetwork
from switchhook.net.asgi import (
    AsgiApp,
    ClientGone,
    Receive,
    Scope,
    Send,
    read_request,
    send_reply,
    short_cut_of,
)
from switchhook.net.client_address import client_address, read_forwarded, read_forwarded_for
from switchhook.web.api_doors import ApiDoors
from switchhook.web.headers import PLAIN_HEADERS
from switchhook.web.limits import WINDOW_SECONDS, WrongTries
from switchhook.web.socket_door import no_sockets

log = structlog.get_logger(__name__)

CONNECTION_PATH = "/x/"
RECORDING_PATH = "/r/"
LOOKUP_PATH = "/lookup/"
HEALTH_PATH = "/healthz"
METRICS_PATH = "/metrics"

# Beside a vendor's own documents: nothing at all may be said about what is wrong with us.
UNKNOWN = Reply(status=404, body=b'{"error":"Not found"}')
FAILED = Reply(status=500, body=b'{"error":"Internal error"}')

HEADER_READERS: Mapping[str, Callable[[Sequence[str]], list[str | None]]] = {
    "x-forwarded-for": read_forwarded_for,
    "forwarded": read_forwarded,
}

HubFor = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""
Meter = Callable[[str, int, float], None]
"""Told of each answered request of a peer: which protocol, status, seconds."""


@dataclass(frozen=True, kw_only=True)
class Proxies:
    """Whose word about the client's address is believed."""

    trusted: Collection[IPNetwork] = ()
    header: str = "x-forwarded-for"

    def client(self, scope: Scope) -> str:
        """Give the address of whoever really asks."""
        peer = scope["client"][0] if scope.get("client") else None
        if not self.trusted:
            return peer or ""
        wanted = self.header.encode()
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
        found = client_address(peer, HEADER_READERS[self.header](values), self.trusted)
        return str(found) if found is not None else peer or ""


@dataclass(frozen=True, kw_only=True)
class Root:
    """A path of a vendor's own, and all below it."""

    path: str
    connector: Connector
    api: Api | None = None  # None: peers of connections ask here


@dataclass(kw_only=True)
class Switch:
    """The one ASGI app of the hub.

    `pages`, `recordings`, `lookup` and `sockets` are apps of their own; `pages` may be built after the hub
    listens.
    """

    registry: Registry
    hub_for: HubFor
    connectors: Mapping[str, Connector]
    doors: ApiDoors
    pages: AsgiApp
    recordings: AsgiApp
    lookup: AsgiApp
    metrics: AsgiApp | None = None
    meter: Meter | None = None
    sockets: AsgiApp = no_sockets
    proxies: Proxies = field(default_factory=Proxies)
    wrong_keys: WrongTries = field(default_factory=WrongTries)

    def __post_init__(self) -> None:
        all_of_them = self.connectors.values()
        roots = [Root(path=path.rstrip("/"), connector=one) for one in all_of_them for path in one.root_paths]
        roots += [
            Root(path=path.rstrip("/"), connector=one, api=one.api)
            for one in all_of_them
            if one.api is not None
            for path in one.api.root_paths
        ]
        # The longest path first: one vendor's may begin like another's.
        self._roots = tuple(sorted(roots, key=lambda root: -len(root.path)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.sockets(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith("//"):  # a base address typed with a slash at its end
            path = "/" + path.lstrip("/")
        if path.startswith(CONNECTION_PATH):
            await self._connection(path, scope, receive, send)
        elif (root := self._root_of(path)) is not None:
            await self._root(root, path, scope, receive, send)
        elif path.startswith(RECORDING_PATH):
            await self.recordings(scope, receive, send)
        elif path.startswith(LOOKUP_PATH):
            await self.lookup(scope, receive, send)
        elif path == HEALTH_PATH:
            await send_reply(send, Reply(body=b"ok\n", content_type="text/plain"), is_head=is_head(scope))
        elif path == METRICS_PATH and self.metrics is not None:
            await self.metrics(scope, receive, send)
        else:
            await self.pages(scope, receive, send)

    def is_of_peers(self, path: str) -> bool:
        """Tell whether requests of this path are a machine's: short and whole, and so are the answers."""
        return path.startswith((CONNECTION_PATH, LOOKUP_PATH)) or self._root_of(path) is not None

    def _root_of(self, path: str) -> Root | None:
        for root in self._roots:
            end = len(root.path)
            if path.startswith(root.path) and (len(path) == end or path[end] == "/"):
                return root
        return None

    async def _connection(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve `/x/{url key}/…`: the key in the path finds the connection."""
        url_key, slash, rest = path[len(CONNECTION_PATH) :].partition("/")
        attached = self.registry.by_url_key(url_key)
        if attached is None:
            root = self._root_of(slash + rest)
            refusal = self._refusal(self.proxies.client(scope))
            reply = self._sorry(root.connector, refusal) if root else UNKNOWN
            await self._answer(scope, send, reply, is_last=True)
            return
        connector = attached.connector
        request = await self._read(connector, slash + rest or "/", scope, receive, send)
        if request is not None:
            await self._serve(attached, request, scope, send)

    async def _root(self, root: Root, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a vendor's own path: the key inside the request finds the connection, or the account."""
        connector = root.connector
        request = await self._read(connector, path, scope, receive, send)
        if request is None:
            return
        if root.api is not None:
            await self._api(connector, root.api, request, scope, send)
            return
        key = connector.presented_key(request)
        attached = self.registry.by_presented_key(connector.key, key) if key else None
        if attached is None:
            refusal = self._refusal(request.client, is_missing=not key)
            await self._answer(scope, send, self._sorry(connector, refusal))
            return
        await self._serve(attached, request, scope, send)

    async def _api(self, connector: Connector, api: Api, request: Request, scope: Scope, send: Send) -> None:
        started = monotonic()
        reply = await self.doors.serve(api, request, sorry=partial(self._sorry, connector))
        if self.meter is not None:
            self.meter(connector.key, reply.status, monotonic() - started)
        await self._answer(scope, send, reply)

    async def _read(
        self, connector: Connector, path: str, scope: Scope, receive: Receive, send: Send
    ) -> Request | None:
        """Read the request; None when it has been answered or nobody is there any more."""
        try:
            return await read_request(
                scope,
                receive,
                path=path,
                client=self.proxies.client(scope),
                max_body_bytes=connector.max_body_bytes(path),
            )
        except ClientGone:
            return None
        except HubError as error:
            log.info("request refused", connector=connector.key, reason=error.reason)
            is_last = isinstance(error, TooLarge)
            await self._answer(scope, send, self._sorry(connector, error), is_last=is_last)
            return None

    async def _serve(self, attached: Attached, request: Request, scope: Scope, send: Send) -> None:
        connector, serve = attached.connector, attached.side.serve
        started = monotonic()
        try:
            if serve is None:
                raise Unsupported("this connection takes no requests")
            reply = await serve(request, attached.link, self.hub_for(attached.id))
        except HubError as error:
            level = log.error if isinstance(error, StoreDown) else log.info
            level("request refused", connection=attached.id, error=error.id, reason=error.reason)
            reply = self._sorry(connector, error)
        except Exception as error:
            log.exception("request failed", connection=attached.id, method=request.method)
            reply = self._sorry(connector, error)
        if reply.status == 401 and self._is_over(attached, request.client):
            reply = self._sorry(connector, too_many())
        if self.meter is not None:
            self.meter(connector.key, reply.status, monotonic() - started)
        await self._answer(scope, send, reply)

    def _is_over(self, attached: Attached, client: str) -> bool:
        """Count a wrong key of somebody who knows the address of the connection."""
        name = f"{attached.id} {source_of(client)}"
        self.wrong_keys.note(name)
        return self.wrong_keys.is_over(name)

    def _refusal(self, client: str, *, is_missing: bool = False) -> HubError:
        """Count a wrong key, and say no.

        Right keys are served however many wrong ones came from there: many peers share one address, and
        a PBX does not repeat what was refused. It is the length of the keys that keeps guessers out;
        the count keeps their noise out of the log.
        """
        source = source_of(client)
        if self.wrong_keys.is_over(source):
            return too_many()
        self.wrong_keys.note(source)
        log.warning("no connection has the key that was presented", client=client)
        return Refused("no connection has this key", is_missing=is_missing)

    def _sorry(self, connector: Connector, error: Exception) -> Reply:
        try:
            return connector.sorry(error)
        except Exception:
            log.exception("connector has no words for an error", connector=connector.key)
            return FAILED

    async def _answer(self, scope: Scope, send: Send, reply: Reply, *, is_last: bool = False) -> None:
        await send_reply(
            send,
            reply,
            is_head=is_head(scope),
            is_last=is_last,
            extra=PLAIN_HEADERS,
            short_cut=short_cut_of(scope),
        )


def too_many() -> TooMany:
    return TooMany("too many wrong keys", retry_after_seconds=WINDOW_SECONDS)


def is_head(scope: Scope) -> bool:
    return bool(scope["method"] == "HEAD")


async def not_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for what is not there: a plain 404."""
    await send_reply(send, UNKNOWN, is_head=is_head(scope))


class Later:
    """An app that is still being built: whoever asks meanwhile waits."""

    def __init__(self, building: Coroutine[None, None, AsgiApp]) -> None:
        self._building = asyncio.create_task(building, name="building the pages")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            app = await asyncio.shield(self._building)
        except Exception:
            log.exception("the pages could not be built")
            await send_reply(send, FAILED, is_head=is_head(scope))
            return
        await app(scope, receive, send)

    async def close(self) -> None:
        """Wait for the building to end, since a thread cannot be stopped."""
        await asyncio.wait([self._building])
