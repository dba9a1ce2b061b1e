"""Open lines to a peer, as connectors use them: WebSockets either way round, and plain TCP."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from switchhook.core.errors import Unsupported


class Socket(Protocol):
    """An open WebSocket of text messages. One task receives; any may send."""

    async def send(self, text: str) -> None:
        """Raises: PeerDown: it is closed, or nothing could be written within ten seconds."""
        ...

    async def receive(self) -> str:
        """Give the next message. Raises: PeerDown: it is closed; the text says by whom and why."""
        ...

    async def close(self) -> None:
        """Close it. Closed sockets may be closed again."""
        ...


class Stream(Protocol):
    """An open TCP connection. One task reads; any may write."""

    async def read(self) -> bytes:
        """Give what has come, at least one byte and at most 64 KiB. Raises: PeerDown: it has ended."""
        ...

    async def write(self, data: bytes) -> None:
        """Raises: PeerDown: it has ended, or nothing could be written within ten seconds."""
        ...

    async def close(self) -> None:
        """Close it. Closed streams may be closed again."""
        ...


class SocketPort(Protocol):
    """Guarded lines out, already bound to what one connection may reach.

    Both raise on entering:
        PeerDown: no answer in time, refused, no such name, bad certificate; the text says which.
        ForbiddenTarget: a private or special address that the connection was not granted.
        Refused: a WebSocket was answered with 401 or 403.
    """

    def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocol: str | None = None,
        max_message_bytes: int = 1024 * 1024,
        connect_seconds: float = 5,
    ) -> AbstractAsyncContextManager[Socket]:
        """Open a WebSocket to a ws, wss, http or https URL. Pings prove that it lives."""
        ...

    def stream(
        self, host: str, port: int, *, tls: bool = False, connect_seconds: float = 5
    ) -> AbstractAsyncContextManager[Stream]:
        """Open a TCP connection."""
        ...


class NoSockets:
    """A `SocketPort` where none is to be had."""

    def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocol: str | None = None,
        max_message_bytes: int = 1024 * 1024,
        connect_seconds: float = 5,
    ) -> AbstractAsyncContextManager[Socket]:
        raise Unsupported("no WebSocket can be opened here")

    def stream(
        self, host: str, port: int, *, tls: bool = False, connect_seconds: float = 5
    ) -> AbstractAsyncContextManager[Stream]:
        raise Unsupported("no TCP connection can be opened here")
