"""The HTTP library, set up: pools, keep-alive, and everything it does by itself switched off."""

import ssl
from collections.abc import Sequence

import aiohttp

from switchhook import __version__
from switchhook.net.wall import Wall

# One slow peer may hold so many connections, and no more of the whole pool.
CONNECTIONS, CONNECTIONS_PER_HOST = 256, 16
# Shorter than the 5 s of Apache and Node: a connection that the peer is just closing loses a POST.
KEEP_ALIVE_SECONDS = 4.0


def make_session(
    wall: Wall,
    tls: ssl.SSLContext | None,
    *,
    connections: int = CONNECTIONS,
    connections_per_host: int = CONNECTIONS_PER_HOST,
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
) -> aiohttp.ClientSession:
    """Open a pool whose every connection passes `wall`; 0 connections is any number.

    Needs a running event loop.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=wall,
            socket_factory=wall.open_socket,
            # A cache of names would outlive the judgement.
            use_dns_cache=False,
            limit=connections,
            limit_per_host=connections_per_host,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ssl=tls if tls is not None else True,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"Switchhook/{__version__}", "Accept-Encoding": "identity"},
        skip_auto_headers=("Content-Type",),
        auto_decompress=False,
        trust_env=False,
        middlewares=middlewares,
        timeout=aiohttp.ClientTimeout(total=None),
    )
    # No public switch for it. Left on, a GET whose connection breaks is sent twice: a call is dialled
    # twice, a temporary recording is spent unseen. A test counts the requests.
    session._retry_connection = False
    return session
