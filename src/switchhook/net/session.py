"""The HTTP library, set up: pools, keep-alive, and everything it does by itself switched off."""

import ssl

import aiohttp

from switchhook import __version__
from switchhook.net.wall import Wall

# One slow peer may hold so many connections, and no more of the whole pool.
CONNECTIONS, CONNECTIONS_PER_HOST = 256, 16
# Shorter than the 5 s of Apache and Node: a connection that the peer is just closing loses a POST.
KEEP_ALIVE_SECONDS = 4.0


def make_session(wall: Wall, tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """Open a pool whose every connection passes `wall`. Needs a running event loop."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=wall,
            socket_factory=wall.open_socket,
            # A cache of names would outlive the judgement.
            use_dns_cache=False,
            limit=CONNECTIONS,
            limit_per_host=CONNECTIONS_PER_HOST,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ssl=tls if tls is not None else True,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"Switchhook/{__version__}", "Accept-Encoding": "identity"},
        skip_auto_headers=("Content-Type",),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )
    # No public switch for it. Left on, a GET whose connection breaks is sent twice: a call is dialled
    # twice, a temporary recording is spent unseen. A test counts the requests.
    session._retry_connection = False
    return session
