"""Click to call for whoever holds a key of the account: once per idempotency key, whatever happens.

The order's id is stored under the idempotency key before the PBX hears of it, and the order with what
became of it under that id: so the one who asks again is told even by another process, after a crash.
"""

import asyncio
from datetime import datetime
from functools import partial

import structlog

from switchhook.core.errors import BadMessage, HubError, PeerDown, TooMany
from switchhook.core.number import dialable, extension_of
from switchhook.core.text import refuse_control
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.dial import Dialler, HubOf
from switchhook.flow.ids import Ids, RandomIds
from switchhook.flow.registry import Registry
from switchhook.store import Store
from switchhook.store.api_keys import ApiKey
from switchhook.store.dials import Dial, DialState
from switchhook.store.idempotency import Held, claim_order, release_order

log = structlog.get_logger(__name__)

LONGEST_IDEMPOTENCY_KEY = 255
ASK_AGAIN_SECONDS = 2.0


class Orders:
    """One for the process. `close` waits for the orders under way."""

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
        self._under_way: set[asyncio.Task[str]] = set()

    async def dial(
        self,
        key: ApiKey,
        extension: str,
        number: str,
        *,
        did: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Ring the employee, then the number; give the id of the order once the PBX took it.

        The same idempotency key of the same key within 24 hours gives the same id. It is free again after
        an order that was surely not dialled; after one that may have been, it tells again what happened.

        Raises: as `Dialler.dial`; besides
            BadMessage: no idempotency key could be written like this, or this one was another order's.
            TooMany: the order of this idempotency key is under way.
        """
        asking = self._dial(key, extension, number, did, idempotency_key)
        # Whoever asked may hang up: an order that was begun is still seen to its end.
        task = asyncio.create_task(asking)
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for the orders under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _dial(
        self, key: ApiKey, extension: str, number: str, did: str | None, idempotency_key: str | None
    ) -> str:
        at = self._clock.now()
        order_id = self._ids.new_id(at)
        dialler = Dialler(
            self._store,
            self._registry,
            self._hub_of,
            clock=self._clock,
            ids=KnownId(order_id),
            region=self._region,
        )
        dialling = partial(
            dialler.dial, key.account_id, extension, number, did=did, asked_by=f"key {key.name}"
        )
        if idempotency_key is None:
            return await dialling()
        place = key.account_id, key.id, _checked(idempotency_key), order_id
        held = await self._store.write(claim_order, *place, at=at)
        if held is not None:
            _check_same(held.dial, dialler, extension, number, did)
            return _what_became_of(held)
        try:
            return await dialling()
        except PeerDown:  # the phone may ring: the key stays taken
            raise
        except HubError:
            await self._release(*place)
            raise

    async def _release(self, account_id: int, key_id: int, idempotency_key: str, order_id: str) -> None:
        try:
            await self._store.write(release_order, account_id, key_id, idempotency_key, order_id)
        except HubError as error:  # it is free again all the same, after a while
            log.warning("idempotency key cannot be freed", order=order_id, reason=error.reason)

    def _forget(self, task: "asyncio.Task[str]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio complains when nobody waits any more


class KnownId:
    """`Ids` for one order whose id is stored before it is dialled."""

    def __init__(self, order_id: str) -> None:
        self._order_id = order_id

    def new_id(self, at: datetime) -> str:
        return self._order_id

    def new_token(self, at: datetime) -> str:
        return self._order_id


def _checked(idempotency_key: str) -> str:
    if not 0 < len(idempotency_key) <= LONGEST_IDEMPOTENCY_KEY:
        raise BadMessage(f"expected 1 to {LONGEST_IDEMPOTENCY_KEY} characters", field="idempotency_key")
    return refuse_control(idempotency_key, field="idempotency_key")


def _check_same(dial: Dial | None, dialler: Dialler, extension: str, number: str, did: str | None) -> None:
    """Raises: BadMessage: this is another order under the same key, or none that could be dialled."""
    asked = extension_of(extension), dialler.digits_of(dialable(number))
    asked_did = None if did is None else dialable(did, field="did")
    if dial is not None and (*asked, asked_did) != (dial.extension, dial.digits, dial.did):
        raise BadMessage("expected the order that this key was first sent with", field="idempotency_key")


def _what_became_of(held: Held) -> str:
    dial = held.dial
    if dial is None or dial.state is DialState.ASKED:
        raise TooMany("the order of this idempotency key is under way", retry_after_seconds=ASK_AGAIN_SECONDS)
    if dial.state is DialState.UNCLEAR:
        raise PeerDown(dial.reason or "the phone may have rung")
    return held.order_id
