"""Try a connection and say in words what is wrong; let go on what was paused once it is right again."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from switchhook.core.connector import Finding, Hub
from switchhook.core.errors import HubError
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.connections import ConnectionStatus, set_status

log = structlog.get_logger(__name__)

PROBE_SECONDS = 30.0
PROBE_EVERY_SECONDS = 60.0

HubOf = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""


class Prober:
    """Probes by hand, and by itself what the hub has paused because its key was refused."""

    def __init__(
        self, store: Store, registry: Registry, hub_of: HubOf, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._registry = registry
        self._hub_of = hub_of
        self._clock = clock or SystemClock()

    async def try_connection(self, account_id: int, connection_id: str) -> Sequence[Finding]:
        """Try a connection; whatever goes wrong is a finding.

        Raises: NotFound: no such connection in this account.
        """
        return await self._try(self._registry.link(account_id, connection_id))

    async def run(self) -> None:
        """Try what the hub has paused every minute, until cancelled."""
        while True:
            await self._clock.sleep(PROBE_EVERY_SECONDS)
            await self.resume_paused()

    async def resume_paused(self) -> None:
        """Try every connection that the hub has paused, and resume those that are right again."""
        paused = [one for one in self._registry.snapshot.by_id.values() if _was_paused_by_hub(one)]
        await asyncio.gather(*map(self._resume_if_right, paused))

    async def _resume_if_right(self, attached: Attached) -> None:
        if attached.side.probe is None or not attached.side.is_probed_when_paused:
            return
        findings = await self._try(attached)
        if not findings or not all(finding.is_ok for finding in findings):
            return
        with suppress(HubError):  # the store is down or the connection gone: there is a next time
            now = (await self._registry.refresh()).by_id.get(attached.id)
            if now is not None and _was_paused_by_hub(now):
                await self._store.write(
                    set_status, attached.row.account_id, attached.id, ConnectionStatus.ACTIVE
                )
                await self._registry.refresh()
                log.info("connection resumed", connection=attached.id)

    async def _try(self, attached: Attached) -> Sequence[Finding]:
        if attached.side.probe is None:
            return [Finding("probe", True, "this protocol has nothing to try")]
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await attached.side.probe(attached.link, self._hub_of(attached.id))
        except HubError as error:
            return [Finding("probe", False, error.reason)]
        except TimeoutError:
            return [Finding("probe", False, f"no answer in {PROBE_SECONDS:g} s")]
        except Exception as error:
            log.exception("connector failed to probe", connection=attached.id)
            return [Finding("probe", False, f"the connector failed: {type(error).__name__}")]


def _was_paused_by_hub(attached: Attached) -> bool:
    """Whoever pauses by hand gives no reason, and resumes by hand."""
    return attached.is_paused and bool(attached.row.status_reason)
