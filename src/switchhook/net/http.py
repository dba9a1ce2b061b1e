"""The guarded HTTP client: the only way out of the hub to addresses that others wrote.

Every target is judged before a connection is opened (target, wall), every answer has a deadline
and a cap. Redirects are followed by `download` alone. Nothing is tried twice here: a makeCall sent
again is a second call, a temporary recording can be fetched once. Repeating is the lanes' business.
"""

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import structlog
from yarl import URL

from switchhook.core.connector import Answer, HttpPort
from switchhook.core.errors import BadMessage, ForbiddenTarget, Misconfigured
from switchhook.core.text import has_control
from switchhook.net.body import read_capped
from switchhook.net.download import Download, open_download
from switchhook.net.failures import FAILURES, hub_error
from switchhook.net.granted import GrantedHttp
from switchhook.net.session import make_session
from switchhook.net.target import Target, judge_target, read_target
from switchhook.net.wall import Lookup, SystemLookup, Wall

log = structlog.get_logger(__name__)

PORTS = frozenset({80, 443})
MAX_ANSWER_BYTES = 64 * 1024


class HttpClient:
    """One for the whole process; made by the app, closed by it.

    `ports` is what targets without a grant may use. `proxy` is an egress proxy (such as smokescreen)
    for all requests without a grant; granted ones go straight, since the LAN is on this side of it.
    `tls` replaces the system's certificate authorities. `lookup` replaces the system's resolver.
    """

    def __init__(
        self,
        *,
        ports: Collection[int] = PORTS,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self._ports = frozenset(ports)
        self._proxy, self._proxy_headers = _read_proxy(proxy)
        self._tls = tls
        self._own_lookup = SystemLookup() if lookup is None else None
        given = self._own_lookup or lookup
        assert given is not None
        # Two pools: a connection opened under a grant is never lent to a request without one.
        self._walls = {grant: Wall(allow_private=grant, lookup=given) for grant in (False, True)}
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(
        self,
        method: str,
        url: str,
        *,
        allow_private: bool,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = 3,
        total_seconds: float = 10,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Send one request, once, and read the answer. Any status is an answer, a redirect too.

        `query` is added to the query of the URL. Header names of the answer are in lower case. A body
        over `max_answer_bytes` is cut there: the peer has taken the message, whatever else it says.

        Raises:
            PeerDown: no whole answer within `total_seconds`; the text says what happened.
            ForbiddenTarget: see `judge_target`; no connection was opened.
            Misconfigured: the URL or a header cannot be sent.
        """
        if form is not None and json is not None:
            raise ValueError("expected form or json, got both")
        target = read_target(url, query=query)
        sent = _checked(headers)
        body = json
        if form is not None:
            body = urlencode(form).encode()
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        elif json is not None:
            sent.setdefault("content-type", "application/json")
        started = time.monotonic()
        try:
            async with asyncio.timeout(total_seconds):
                response = await self._open(
                    method, target, sent, body=body, grant=allow_private, connect_seconds=connect_seconds
                )
                async with response:
                    answer = await _read_answer(response, max_answer_bytes, target)
        except FAILURES as error:
            raise hub_error(error, target, within_seconds=total_seconds) from None
        return Answer(
            status=response.status,
            body=answer,
            headers=_lower(response.headers),
            seconds=time.monotonic() - started,
        )

    @asynccontextmanager
    async def download(
        self,
        url: str,
        *,
        allow_private: bool,
        max_bytes: int,
        total_seconds: float,
        idle_seconds: float = 5,
        connect_seconds: float = 3,
        max_redirects: int = 3,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Download]:
        """Fetch a file by one GET, never repeated, and give its bytes as they come.

        Up to `max_redirects` redirects are followed, each judged like the first URL; `headers` stay
        behind when the origin changes. `max_bytes` holds for the bytes unpacked.

        Raises:
            TooLarge: over the cap, said by the peer beforehand or seen while it streams.
            BadMessage: too many redirects, or a packing that cannot be read.
            PeerDown, ForbiddenTarget, Misconfigured: as `send`; `idle_seconds` is for each piece.
        """
        first = read_target(url)
        sent = _checked(headers)

        async def fetch(target: Target) -> aiohttp.ClientResponse:
            kept = sent if target.origin == first.origin else {}
            return await self._open(
                "GET", target, kept, body=None, grant=allow_private, connect_seconds=connect_seconds
            )

        async with open_download(
            first,
            fetch,
            max_bytes=max_bytes,
            total_seconds=total_seconds,
            idle_seconds=idle_seconds,
            max_redirects=max_redirects,
        ) as opened:
            yield opened

    def granted(self, *, allow_private: bool) -> HttpPort:
        """Bind the client to what one connection may reach."""
        return GrantedHttp(self, allow_private=allow_private)

    async def close(self) -> None:
        """Close every connection; nothing is sent after that."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()
        if self._own_lookup is not None:
            self._own_lookup.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _open(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        *,
        body: bytes | None,
        grant: bool,
        connect_seconds: float,
    ) -> aiohttp.ClientResponse:
        try:
            judge_target(target, allow_private=grant, ports=self._ports)
            goes_by_proxy = self._proxy is not None and not grant
            if goes_by_proxy:
                await self._judge_before_proxy(target)
            # The proxy's own address is the administrator's word, so the wall of grants is before it.
            return await self._session(grant or goes_by_proxy).request(
                method,
                target.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy if goes_by_proxy else None,
                proxy_headers=self._proxy_headers if goes_by_proxy else None,
                timeout=aiohttp.ClientTimeout(sock_connect=connect_seconds),
            )
        except ForbiddenTarget as error:
            log.warning("outgoing request refused", origin=target.origin, reason=error.reason)
            raise

    async def _judge_before_proxy(self, target: Target) -> None:
        """Judge the name here too, where names of the outside can be looked up: not every proxy is a wall."""
        try:
            if target.address is None:
                await self._walls[False].resolve(target.host)
        except OSError:
            return  # only the proxy knows the name

    def _session(self, grant: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(grant)
        if session is None or session.closed:
            session = self._sessions[grant] = make_session(self._walls[grant], self._tls)
        return session


async def _read_answer(response: aiohttp.ClientResponse, max_bytes: int, target: Target) -> bytes:
    try:
        body, is_whole = await read_capped(response, max_bytes)
    except BadMessage as error:
        log.warning("answer cannot be unpacked", origin=target.origin, reason=error.reason)
        body, is_whole = b"", False
    if not is_whole:
        response.close()  # what is left is not read, so the connection cannot be used again
    return body


def _checked(headers: Mapping[str, str] | None) -> dict[str, str]:
    for name, value in (headers or {}).items():
        if has_control(name) or has_control(value):
            raise Misconfigured("expected a header without control characters", field=name[:40])
    return _lower(headers or {})


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _read_proxy(proxy: str | None) -> tuple[URL | None, dict[str, str] | None]:
    if not proxy:
        return None, None
    url = URL(proxy)
    if url.scheme not in ("http", "https") or not url.host:
        raise Misconfigured("expected the egress proxy as an http or https URL", field="proxy")
    # The library renames this header on its way to the proxy, tunnelled or not.
    login = b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"Authorization": f"Basic {login}"} if url.user else None
