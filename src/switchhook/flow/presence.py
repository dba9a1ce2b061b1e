"""Employee status: noted, and told to everyone else who takes it."""

from collections.abc import Callable

import structlog

from switchhook.core.directory import Availability
from switchhook.core.number import extension_of
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.registry import Registry
from switchhook.store import Store
from switchhook.store.presences import take_presence

log = structlog.get_logger(__name__)


class PresenceDesk:
    """Takes an employee's status from a connection or from a person at a screen."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._wakes: list[Callable[[str], None]] = []
        self._registry = registry
        self._clock = clock or SystemClock()

    def listen(self, wake: Callable[[str], None]) -> None:
        """Have this told for which connections something was queued."""
        self._wakes.append(wake)

    async def set_presence(
        self, account_id: int, extension: str, availability: Availability, *, teller: str | None = None
    ) -> None:
        """Note a status and queue it for every other connection that takes one; never back to the teller.

        Raises:
            BadMessage: no extension could be written like this.
            StoreDown: nothing was stored.
        """
        takers = [
            attached.id
            for attached in self._registry.snapshot.by_account.get(account_id, ())
            if attached.side.set_presence is not None and attached.id != teller
        ]
        told = await self._store.write(
            take_presence,
            account_id,
            extension_of(extension),
            availability,
            teller=teller,
            takers=takers,
            at=self._clock.now(),
        )
        for connection_id in told:
            for wake in self._wakes:
                wake(connection_id)
        log.debug("presence", extension=extension, availability=availability.value, told=len(told))
