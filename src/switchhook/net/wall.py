"""The wall between us and forbidden addresses: resolves a name once, judges every address, pins them.

A name is resolved here and nowhere else, so the address that was judged is the address that is
connected to; and each socket is judged again as it is made.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

from switchhook.core.errors import ForbiddenTarget
from switchhook.net.addresses import parse_address
from switchhook.net.target import judge_address

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""A name to its addresses, as texts. Raises OSError when there are none."""

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]  # fmt: skip  # noqa: E501

LOOKUP_SECONDS = 5.0


class SystemLookup:
    """The system's resolver, in threads of its own: a dead name server must not starve other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="dns")

    async def __call__(self, name: str) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _ask_system, name)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Wall(AbstractResolver):
    """Resolver and socket maker of one connector; all its connections have the same grant."""

    def __init__(self, *, allow_private: bool, lookup: Lookup) -> None:
        self._allow_private = allow_private
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give the addresses to connect to.

        Raises:
            ForbiddenTarget: one of them is denied; then none is used, since the next answer may differ.
            OSError: there are none.
        """
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                texts = await self._lookup(host)
        except TimeoutError as error:
            raise OSError("the name server does not answer") from error
        except UnicodeError as error:  # a label over 63 characters
            raise OSError("not a name that can be looked up") from error
        if not texts:
            raise OSError("the name has no address")
        for text in texts:
            self._judge(text, host)
        return [
            ResolveResult(
                hostname=host,
                host=text,
                port=port,
                family=socket.AF_INET6 if ":" in text else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for text in texts
        ]

    def open_socket(self, addr_info: AddrInfo) -> socket.socket:
        """Make the socket for one connection, if its address may be connected to."""
        family, kind, proto, _, address = addr_info
        self._judge(address[0], address[0])
        return socket.socket(family, kind, proto)

    async def close(self) -> None:
        """Do nothing: the look-up belongs to whoever made it."""

    def _judge(self, text: str, host: str) -> None:
        address = parse_address(text)
        if address is None:
            raise ForbiddenTarget(f"expected an address for {host}, got none that can be read")
        judge_address(address, host, allow_private=self._allow_private)


def _ask_system(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(address[0]) for *_, address in found]
