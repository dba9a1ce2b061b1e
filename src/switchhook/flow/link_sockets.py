"""WebSockets that a peer opens to us, on their way to whoever holds its link: the newest counts."""

import asyncio

from switchhook.core.sockets import Socket


class SocketSlot:
    """The sockets of one holding of one link."""

    def __init__(self) -> None:
        self._fresh: Socket | None = None
        self._given: Socket | None = None
        self._has_come = asyncio.Event()

    async def offer(self, socket: Socket) -> None:
        """Put a new socket in the place of all before, which are closed."""
        before = [one for one in (self._fresh, self._given) if one is not None]
        self._fresh, self._given = socket, None
        self._has_come.set()
        for one in before:
            await one.close()

    async def next(self) -> Socket:
        """Wait for a socket that was not given out yet; the one given out before is closed."""
        while self._fresh is None:
            self._has_come.clear()
            await self._has_come.wait()
        given, self._fresh = self._fresh, None
        before, self._given = self._given, given
        if before is not None:
            await before.close()
        return given

    async def close_given(self) -> None:
        """Close what was given out: whoever had it is gone."""
        given, self._given = self._given, None
        if given is not None:
            await given.close()

    async def close(self) -> None:
        """Close all."""
        await self.close_given()
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            await fresh.close()
