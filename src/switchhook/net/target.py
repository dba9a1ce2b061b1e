"""Where a request is to go: a URL read strictly, written in one way only, and judged.

Pure.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from yarl import URL

from switchhook.core.errors import ForbiddenTarget, Misconfigured
from switchhook.core.text import has_control
from switchhook.net.addresses import IPAddress, Reach, is_numeric_host, judge, parse_address

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 8000
HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?\.?")
# What may stand in a path or query as it is. A signed link breaks if any of it is written anew.
AS_WRITTEN = "%/:?#[]@!$&'()*+,;=~"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL taken apart. `address` is set when the host is an IP address, in whatever spelling."""

    url: URL
    scheme: str
    host: str
    port: int
    address: IPAddress | None

    @property
    def origin(self) -> str:
        """Scheme, host and port: all of a URL that may be logged."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == DEFAULT_PORTS[self.scheme]
        return f"{self.scheme}://{host}" + ("" if is_default else f":{self.port}")


def read_target(url: str, *, query: Mapping[str, str] | None = None) -> Target:
    """Read an absolute http or https URL; `query` is added to the query it has.

    Path and query stay as written but for spaces and letters outside ASCII, which are encoded.
    A fragment is dropped.

    Raises:
        Misconfigured: not such a URL, or one with a user name, control characters or backslashes.
    """
    if len(url) > LONGEST_URL or has_control(url):
        raise Misconfigured(f"expected a URL of up to {LONGEST_URL} characters without control characters")
    try:
        parts = urlsplit(url.strip(" "))
        port = parts.port
    except ValueError as error:
        raise Misconfigured("expected a URL, got one that cannot be read") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise Misconfigured(f"expected http or https, got {parts.scheme[:20] or 'no scheme'!r}")
    if "@" in parts.netloc:
        raise Misconfigured("expected a URL without a user name or password")
    if port is None:
        port = DEFAULT_PORTS[parts.scheme]
    host, address = _read_host(parts.hostname or "")
    target = Target(url=URL(), scheme=parts.scheme, host=host, port=port, address=address)
    return Target(
        url=URL(target.origin + _path_and_query(parts, query), encoded=True),
        scheme=target.scheme,
        host=host,
        port=port,
        address=address,
    )


def judge_target(target: Target, *, allow_private: bool, ports: Collection[int]) -> None:
    """Refuse what can be refused before any look-up: the port, and an address written out.

    `allow_private` is the grant of an administrator: any port, and private and loopback addresses;
    link-local, multicast and reserved ones stay forbidden.

    Raises:
        ForbiddenTarget: with the reason in words.
    """
    if target.port == 0 or (not allow_private and target.port not in ports):
        allowed = ", ".join(str(port) for port in sorted(ports))
        raise ForbiddenTarget(f"expected port {allowed}, got {target.port} in {target.origin}")
    if target.address is not None:
        judge_address(target.address, target.host, allow_private=allow_private)


def judge_address(address: IPAddress, host: str, *, allow_private: bool) -> None:
    """Refuse an address that `host` is or stands for; same promises as `judge_target`."""
    reach, name = judge(address)
    if reach is Reach.NEVER or (reach is Reach.PRIVATE and not allow_private):
        shown = str(address) if host == str(address) else f"{host} ({address})"
        grant = "" if reach is Reach.NEVER else "; an administrator may allow private addresses"
        raise ForbiddenTarget(f"expected a public address, got {shown}: {name}{grant}")


def _read_host(host: str) -> tuple[str, IPAddress | None]:
    if "%" in host:  # a zone, or an escape that one reader decodes and the next does not
        raise Misconfigured("expected a host name without '%'")
    if ":" not in host:
        try:
            host = (URL.build(scheme="http", host=host).raw_host or "").lower() if host else ""
        except ValueError:
            host = ""
    if is_numeric_host(host):
        address = parse_address(host)
        if address is None:
            raise Misconfigured(f"expected an IP address, got {host[:60]!r}")
        return str(address), address
    if not HOST_NAME.fullmatch(host) or ".." in host:
        raise Misconfigured("expected a host name in the URL")
    return host, None


def _path_and_query(parts: SplitResult, query: Mapping[str, str] | None) -> str:
    path = quote(parts.path or "/", safe=AS_WRITTEN)
    queries = [quote(parts.query, safe=AS_WRITTEN)] if parts.query else []
    if query:
        # quote and not quote_plus: some peers do not read '+' as a space, all read %20 and %2B.
        queries.append(urlencode(query, quote_via=quote))
    return path + ("?" + "&".join(queries) if queries else "")
