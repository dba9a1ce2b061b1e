"""Click to call: judged, stored, and asked of the PBX that has the extension; never asked twice.

Needs the store, the connections and a way out, and no running hub: a command line can do it too.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from switchhook.core.connector import DialOrder, Hub, Role
from switchhook.core.errors import HubError, NotFound, PeerDown
from switchhook.core.number import dialable, extension_of, international_digits, read_number
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.ids import Ids, RandomIds
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.dials import Dial, DialState, add_dial, last_connection_of, settle_dial

log = structlog.get_logger(__name__)

# Longer than any connector waits for its PBX; after it nobody knows whether a phone rings.
ANSWER_SECONDS = 15.0

HubOf = Callable[[str], Hub]
"""The hub as one connection sees it, by the connection's id."""


class Dialler:
    """Takes clicks from connections and people. `close` waits for those under way."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        hub_of: HubOf,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        region: str = "RU",
    ) -> None:
        self._store = store
        self._registry = registry
        self._hub_of = hub_of
        self._clock = clock or SystemClock()
        self._ids = ids or RandomIds()
        self._region = region
        self._under_way: set[asyncio.Task[None]] = set()

    async def dial(
        self,
        account_id: int,
        extension: str,
        number: str,
        *,
        did: str | None = None,
        asked_by: str | None = None,
    ) -> str:
        """Ring the employee, then the number; give the id of the order once the PBX took it.

        `asked_by` is the id of the connection that asked, or a word for the person.

        Raises:
            BadMessage: the number or extension is not dialable.
            NotFound: no PBX connection has this extension.
            TooMany: the same click within two seconds, in whatever process.
            PeerDown, Unsupported, Misconfigured: what the PBX connection said.
        """
        extension, number = extension_of(extension), dialable(number)
        if did is not None:
            did = dialable(did, field="did")
        at = self._clock.now()
        order = DialOrder(id=self._ids.new_id(at), extension=extension, number=number, did=did)
        pbx = await self._choose(account_id, extension)
        dial = Dial(
            id=order.id,
            extension=extension,
            number=number,
            digits=self.digits_of(number),
            did=did,
            asked_by=asked_by,
            connection_id=pbx.id,
            state=DialState.ASKED,
            asked_at=at,
        )
        await self._store.write(add_dial, account_id, dial)
        # Whoever asked may hang up: what has been asked of the PBX is still seen to its end.
        task = asyncio.create_task(self._ask(pbx, order))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        await asyncio.shield(task)
        return order.id

    async def close(self) -> None:
        """Wait for the clicks under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def digits_of(self, number: str) -> str:
        """Give the digits by which a click and its call are told to be of one number."""
        return international_digits(read_number(number, self._region)) or number

    async def _choose(self, account_id: int, extension: str) -> Attached:
        """Pick the PBX that names the extension; else the one its newest call came by; else the only one."""
        able = [one for one in self._registry.active(account_id, Role.PBX) if one.side.dial is not None]
        named = [one for one in able if extension in extensions_of(one)]
        pool = named or able
        if len(pool) > 1:
            ids = [one.id for one in pool]
            last = await self._store.read(last_connection_of, account_id, extension, ids)
            # Of those that name nobody the extension may be anywhere: only a single one is no guess.
            silent = [one for one in pool if not extensions_of(one)]
            called = [one for one in pool if one.id == last]
            pool = called or named[:1] or (silent if len(silent) == 1 else [])
        if not pool:
            raise NotFound(f"no PBX connection has extension {extension}")
        return pool[0]

    async def _ask(self, pbx: Attached, order: DialOrder) -> None:
        assert pbx.side.dial is not None
        account_id = pbx.row.account_id
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await pbx.side.dial(order, pbx.link, self._hub_of(pbx.id))
        except PeerDown as error:
            await self._settle(account_id, order, DialState.UNCLEAR, error.reason)
            raise
        except HubError as error:
            await self._settle(account_id, order, DialState.REFUSED, error.reason)
            raise
        except TimeoutError as error:
            reason = f"{pbx.row.name} did not answer in {ANSWER_SECONDS:g} s; the phone may ring all the same"
            await self._settle(account_id, order, DialState.UNCLEAR, reason)
            raise PeerDown(reason) from error
        except Exception as error:
            log.exception("connector failed to dial", connection=pbx.id, dial=order.id)
            await self._settle(account_id, order, DialState.UNCLEAR, type(error).__name__)
            raise PeerDown(f"{pbx.row.name} could not be asked to dial") from error
        await self._settle(account_id, order, DialState.ACCEPTED, None)

    async def _settle(self, account_id: int, order: DialOrder, state: DialState, reason: str | None) -> None:
        log.info("dial", dial=order.id, extension=order.extension, state=state.value, reason=reason)
        try:
            await self._store.write(settle_dial, account_id, order.id, state, reason=reason)
        except HubError as error:  # what the PBX said matters more to whoever asked
            log.error("dial cannot be noted", dial=order.id, reason=error.reason)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio complains when nobody waits any more


def extensions_of(pbx: Attached) -> Sequence[str]:
    """Give the extensions that a PBX connection says it has; none when it names nobody."""
    return pbx.side.extensions(pbx.link) if pbx.side.extensions is not None else ()
