"""Pages and API, built when somebody asks for one or when the start is over, whichever comes first."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from switchhook.net.asgi import AsgiApp, Receive, Scope, Send
from switchhook.web.api.office import Office
from switchhook.web.hall import Hall
from switchhook.web.switch import Later, not_here

# By then what peers had saved up for a hub that was away has been taken.
AFTER_SECONDS = 2.0
# How long a thread that computes keeps the others waiting; Python's own value is ten times as long.
TURN_SECONDS = 0.0005


class Pages:
    """An app that loads the framework beside the requests of peers, which do not need it.

    Made in the event loop that will call it.
    """

    def __init__(self, hall: Hall, office: Office) -> None:
        self._hall = hall
        self._office = office
        self._is_closed = False
        self._wanted = asyncio.Event()
        self._later = Later(self._build())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._wanted.set()
        await self._later(scope, receive, send)

    def build_soon(self) -> None:
        """Have the pages built although nobody has asked for one yet: somebody will."""
        asyncio.get_running_loop().call_later(AFTER_SECONDS, self._wanted.set)

    async def close(self) -> None:
        """Wait for the building to end, since a thread cannot be stopped; one not begun is left out."""
        if not self._wanted.is_set():
            self._is_closed = True
            self._wanted.set()
        await self._later.close()

    async def _build(self) -> AsgiApp:
        await self._wanted.wait()
        if self._is_closed:
            return not_here
        with short_turns():
            return await asyncio.to_thread(self._make)

    def _make(self) -> AsgiApp:
        # The framework takes as long to load as all the rest.
        from switchhook.web.entrance import make_entrance

        return make_entrance(self._hall, self._office)


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads give way sooner inside the block, so that the event loop gets its turn at once."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
