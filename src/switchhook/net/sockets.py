"""The guarded way out for lines that stay open: WebSockets and plain TCP.

As for single requests (`net/http.py`) every address is judged before a connection is opened, the address
that was judged is the one connected to, certificates are verified and redirects are never followed.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, Self

import aiohttp
import structlog

from switchhook.core.errors import ForbiddenTarget, HubError, Misconfigured, PeerDown, Refused
from switchhook.core.sockets import Socket, SocketPort, Stream
from switchhook.core.text import has_control
from switchhook.net.failures import FAILURES, hub_error
from switchhook.net.http import PORTS
from switchhook.net.open_socket import HEARTBEAT_SECONDS, OpenSocket, linger_seconds
from switchhook.net.open_stream import OpenStream, connect
from switchhook.net.session import make_session
from switchhook.net.target import Target, judge_target, read_target
from switchhook.net.wall import Lookup, SystemLookup, Wall

log = structlog.get_logger(__name__)

# Where telephone systems listen for those who command them, in clear and by TLS; without a grant.
STREAM_PORTS = frozenset({5038, 5039})
HOST = re.compile(r"[^/?#@\\\[\]\s]+")
TO_HTTP = re.compile(r"\Aws(s?)://", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Host and port of a stream, as they may be shown."""

    origin: str


class SocketClient:
    """One for the whole process; made by the app, closed by it.

    `ports` and `stream_ports` are what targets without a grant may use. With an egress proxy in use
    (`has_proxy`) they may be reached by nothing else, and an open line cannot go through it: then only
    granted targets are. `tls` and `lookup` as for `HttpClient`.
    """

    def __init__(
        self,
        *,
        ports: Collection[int] = PORTS,
        stream_ports: Collection[int] = STREAM_PORTS,
        has_proxy: bool = False,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._ports, self._stream_ports = frozenset(ports), frozenset(stream_ports)
        self._has_proxy = has_proxy
        self._tls = tls
        self._heartbeat_seconds = heartbeat_seconds
        self._own_lookup = SystemLookup() if lookup is None else None
        given = self._own_lookup or lookup
        assert given is not None
        self._walls = {grant: Wall(allow_private=grant, lookup=given) for grant in (False, True)}
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        allow_private: bool,
        headers: Mapping[str, str] | None = None,
        subprotocol: str | None = None,
        max_message_bytes: int = 1024 * 1024,
        connect_seconds: float = 5,
    ) -> AsyncIterator[Socket]:
        """Open a WebSocket; raises as `SocketPort`, and Misconfigured when URL or headers cannot be sent."""
        target = read_target(TO_HTTP.sub(r"http\1://", url))
        for name, value in (headers or {}).items():
            if has_control(name) or has_control(value):
                raise Misconfigured("expected a header without control characters", field=name[:40])
        try:
            async with asyncio.timeout(connect_seconds):
                self._judge(target, allow_private, self._ports)
                opened = await self._session(allow_private).ws_connect(
                    target.url,
                    headers=headers,
                    protocols=() if subprotocol is None else (subprotocol,),
                    max_msg_size=max_message_bytes,
                    heartbeat=self._heartbeat_seconds,
                    timeout=linger_seconds(),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error, target) from None
        except FAILURES as error:
            raise hub_error(error, target, within_seconds=connect_seconds) from None
        socket = OpenSocket(opened, target.origin)
        try:
            yield socket
        finally:
            await socket.close()

    @asynccontextmanager
    async def stream(
        self, host: str, port: int, *, allow_private: bool, tls: bool = False, connect_seconds: float = 5
    ) -> AsyncIterator[Stream]:
        """Open a TCP connection; raises as `SocketPort`, and Misconfigured when that is no host and port."""
        if not 0 < port < 65536:
            raise Misconfigured(f"expected a port between 1 and 65535, got {port}", field="port")
        target = _read_host(host, port)
        shown = f"[{target.host}]" if ":" in target.host else target.host
        place = Place(f"{'tls' if tls else 'tcp'}://{shown}:{port}")
        context = (self._tls or ssl.create_default_context()) if tls else None
        try:
            async with asyncio.timeout(connect_seconds):
                self._judge(target, allow_private, self._stream_ports)
                addresses = await self._resolve(target, place, allow_private)
                opened = await connect(
                    addresses,
                    port,
                    wall=self._walls[allow_private],
                    tls=context,
                    name=target.host,
                    seconds=connect_seconds,
                )
        except FAILURES as error:
            raise hub_error(error, place, within_seconds=connect_seconds) from None
        stream = OpenStream(*opened, origin=place.origin)
        try:
            yield stream
        finally:
            await stream.close()

    def granted(self, *, allow_private: bool) -> SocketPort:
        """Bind the client to what one connection may reach."""
        return GrantedSockets(self, allow_private=allow_private)

    async def close(self) -> None:
        """Let go of everything; nothing is opened after that."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()
        if self._own_lookup is not None:
            self._own_lookup.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _judge(self, target: Target, grant: bool, ports: Collection[int]) -> None:
        if self._has_proxy and not grant:
            raise ForbiddenTarget(
                f"an open line to {target.host} cannot go through the egress proxy;"
                " an administrator may allow a direct one (allow_private)"
            )
        try:
            judge_target(target, allow_private=grant, ports=ports)
        except ForbiddenTarget as error:
            log.warning("outgoing line refused", host=target.host, port=target.port, reason=error.reason)
            raise

    async def _resolve(self, target: Target, place: Place, grant: bool) -> list[str]:
        if target.address is not None:
            return [str(target.address)]
        try:
            return [found["host"] for found in await self._walls[grant].resolve(target.host)]
        except TimeoutError:
            raise
        except OSError as error:
            raise PeerDown(
                f"{place.origin} cannot be found: DNS says {error.strerror or str(error)}"
            ) from None

    def _session(self, grant: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(grant)
        if session is None or session.closed:
            # A line stays open for weeks: their number is that of the connections, not of a pool.
            session = self._sessions[grant] = make_session(
                self._walls[grant],
                self._tls,
                connections=0,
                connections_per_host=0,
                middlewares=(_stay,),
            )
        return session


class Client(Protocol):
    """The part of the socket client that a connection uses."""

    def granted(self, *, allow_private: bool) -> SocketPort: ...


class GrantedSockets:
    """A `SocketPort`: the promises of the client, with the connection's grant filled in."""

    def __init__(self, client: SocketClient, *, allow_private: bool) -> None:
        self._client = client
        self._allow_private = allow_private

    def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocol: str | None = None,
        max_message_bytes: int = 1024 * 1024,
        connect_seconds: float = 5,
    ) -> AbstractAsyncContextManager[Socket]:
        return self._client.websocket(
            url,
            allow_private=self._allow_private,
            headers=headers,
            subprotocol=subprotocol,
            max_message_bytes=max_message_bytes,
            connect_seconds=connect_seconds,
        )

    def stream(
        self, host: str, port: int, *, tls: bool = False, connect_seconds: float = 5
    ) -> AbstractAsyncContextManager[Stream]:
        return self._client.stream(
            host, port, allow_private=self._allow_private, tls=tls, connect_seconds=connect_seconds
        )


def _read_host(host: str, port: int) -> Target:
    if not HOST.fullmatch(host):
        raise Misconfigured("expected the name or the address of a host", field="host")
    # IPv6 addresses are written in brackets in a URL, and nowhere else.
    return read_target(f"http://{f'[{host}]' if ':' in host else host}:{port}/")


async def _stay(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """End a handshake that is answered with a redirect: the library would follow it, headers and all."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.WSServerHandshakeError(response.request_info, (), status=response.status)
    return response


def _refusal(error: aiohttp.WSServerHandshakeError, target: Target) -> HubError:
    if error.status in (401, 403):
        return Refused(f"{target.origin} refuses us ({error.status})")
    if error.status == 101:
        return PeerDown(f"{target.origin} does not open a WebSocket as it should")
    return PeerDown(f"{target.origin} answers {error.status} instead of opening a WebSocket")
