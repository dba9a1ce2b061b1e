"""Telling the dialplan that the hub is here, so that it does not hand calls over to nobody.

An Asterisk that connects to the hub keeps the application while the hub is away, and one that the hub
connected to keeps it while the hub hangs: callers then wait in `Stasis()`. So a global variable says until
when the hub is here, by the PBX's own clock, and the printed dialplan looks at it first.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.requests import Asker, read_variable
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.errors import HubError

log = structlog.get_logger(__name__)

SAY_EVERY_SECONDS = 2.0
LASTS_SECONDS = 8
TAKEN_BACK_SECONDS = 0.5


class Holder(Protocol):
    """The part of `LinkHub` that is needed here."""

    def is_held(self) -> bool: ...

    def before_end(self, farewell: Callable[[], Awaitable[None]]) -> None: ...


async def keep_saying(asker: Asker, variable: str, clock: Clock, hub: Holder) -> None:
    """Say it until cancelled, and then that we are gone, unless another process holds the link now.

    The variable has seconds since 1970, such as 1795285271.

    Raises: PeerDown: no answer.
    """
    is_gone = False

    async def take_back() -> None:
        nonlocal is_gone
        if not is_gone and hub.is_held():
            is_gone = True
            await asker.tell(rest.set_global_variable(variable=variable, value="0"))

    hub.before_end(take_back)
    try:
        while True:
            now = await read_variable(asker, "EPOCH")
            if is_gone:
                await asyncio.Event().wait()
            if now.isdecimal():
                until = str(int(now) + LASTS_SECONDS)
                await asker.send(rest.set_global_variable(variable=variable, value=until))
            else:
                log.warning("asterisk: the PBX does not tell its time", said=now[:40])
            await clock.sleep(SAY_EVERY_SECONDS)
    except asyncio.CancelledError:
        with contextlib.suppress(HubError, TimeoutError):  # often it ends because the PBX does not answer
            async with asyncio.timeout(TAKEN_BACK_SECONDS):
                await take_back()
        raise
