"""What went wrong on the way to a peer, in words that an administrator can act on.

One place turns the exceptions of the HTTP library into ours.
"""

import errno
import ssl
from collections.abc import Callable
from typing import Protocol

import aiohttp

from switchhook.core.errors import ForbiddenTarget, HubError, PeerDown

FAILURES = (aiohttp.ClientError, OSError)
"""What a request may raise beside our own errors (OSError holds TimeoutError)."""

CONNECT_ERRORS = {
    errno.ECONNREFUSED: "refuses connections",
    errno.ENETUNREACH: "is unreachable: no route to its network",
    errno.EHOSTUNREACH: "is unreachable: no route to the host",
    errno.ETIMEDOUT: "is unreachable: no answer to the connection",
    errno.ECONNRESET: "breaks the connection off",
}


class Named(Protocol):
    """Where something was to go, as it may be shown."""

    @property
    def origin(self) -> str: ...


def hub_error(error: Exception, target: Named, *, within_seconds: float | None = None) -> HubError:
    """Turn what a request to `target` raised into the error that names who has to act.

    Raise it `from None`: the library's own texts hold whole URLs, and so keys.
    """
    # A proxy in the manner of smokescreen says so when it was told not to go there.
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status in (403, 407):
        return ForbiddenTarget(f"the egress proxy does not let us reach {target.origin} ({error.status})")
    words = next((say(error) for kind, say in _WORDS if isinstance(error, kind)), "does not answer")
    if within_seconds is not None and type(error) is TimeoutError:
        words += f" ({within_seconds:g} s)"
    return PeerDown(f"{target.origin} {words}")


def _connect_words(error: BaseException) -> str:
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"has a TLS certificate that is not valid: {_cause(error)}"
    if isinstance(inner, ssl.SSLError):
        return f"does not agree on TLS: {_cause(error)}"
    number = getattr(inner, "errno", None)
    if number in CONNECT_ERRORS:
        return CONNECT_ERRORS[number]
    return f"is unreachable: {getattr(inner, 'strerror', None) or type(inner).__name__}"


def _cause(error: BaseException) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    for name in ("verify_message", "reason", "strerror"):
        words = getattr(inner, name, None)
        if isinstance(words, str) and words:
            return words.replace("_", " ").lower() if words.isupper() else words
    return str(inner)


def _status(error: BaseException) -> int:
    return error.status if isinstance(error, aiohttp.ClientResponseError) else 0


# Narrow kinds before wide ones: the first that fits speaks. Texts follow the peer's origin.
_WORDS: tuple[tuple[type[BaseException], Callable[[BaseException], str]], ...] = (
    (aiohttp.ClientConnectorDNSError, lambda e: f"cannot be found: DNS says {_cause(e)}"),
    (
        aiohttp.ClientConnectorCertificateError,
        lambda e: f"has a TLS certificate that is not valid: {_cause(e)}",
    ),
    (aiohttp.ClientConnectorSSLError, lambda e: f"does not agree on TLS: {_cause(e)}"),
    (aiohttp.ClientProxyConnectionError, lambda e: f"is behind an egress proxy that {_connect_words(e)}"),
    (aiohttp.ClientHttpProxyError, lambda e: f"is behind an egress proxy that answers {_status(e)}"),
    (aiohttp.ConnectionTimeoutError, lambda e: "is unreachable: no connection in time"),
    (aiohttp.ClientConnectorError, _connect_words),
    (aiohttp.ServerDisconnectedError, lambda e: "closed the connection without an answer"),
    (aiohttp.ClientPayloadError, lambda e: "broke its answer off"),
    (aiohttp.ClientResponseError, lambda e: "does not answer in HTTP"),
    (TimeoutError, lambda e: "did not answer in time"),
    (OSError, _connect_words),
    (aiohttp.ClientConnectionError, lambda e: "breaks the connection off"),
)
