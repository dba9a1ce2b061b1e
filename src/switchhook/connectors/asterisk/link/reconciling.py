"""CDRs at work: what the PBX put down of a call corrects what we guessed of it, once the call is over."""

import structlog
from msgspec import Struct

from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.listen.billing import Claim
from switchhook.connectors.asterisk.listen.reconciling import reconcile
from switchhook.core.call import News
from switchhook.core.errors import StoreDown
from switchhook.core.link_hub import LinkHub

log = structlog.get_logger(__name__)

# All CDRs of a call come at its end, within milliseconds: a look later all of them are there.
LOOK_EVERY_SECONDS = 0.5
# So often it is looked whether the store has the call's end by now.
MOST_LOOKS = 240
MOST_CALLS = 2_000
CALLS_AT_ONCE = 200


class _Waiting(Struct, frozen=True):
    claims: tuple[Claim, ...]
    looks: int = 0


class Reconciler:
    """Outlives a socket, like the follower; what is not done when both end is left as it was guessed."""

    def __init__(
        self, follower: Follower, hub: LinkHub, clock: Clock, *, most_looks: int = MOST_LOOKS
    ) -> None:
        self._follower = follower
        self._hub = hub
        self._clock = clock
        self._most_looks = most_looks
        self._waiting: dict[str, _Waiting] = {}

    async def run(self) -> None:
        """Correct what is due until cancelled. Raises: LinkLost."""
        while True:
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            try:
                await self.look()
            except StoreDown as error:
                log.warning("asterisk: calls cannot be reconciled", reason=error.reason)

    async def look(self) -> None:
        """Take what is new, and correct what has not changed since the last look.

        Raises:
            LinkLost: nothing was stored.
            StoreDown: the calls cannot be had; it is tried again.
        """
        fresh: dict[str, list[Claim]] = {}
        for claim in self._follower.claims():
            fresh.setdefault(claim.call_id, []).append(claim)
        due = [call_id for call_id in self._waiting if call_id not in fresh][:CALLS_AT_ONCE]
        for call_id, claims in fresh.items():
            if len(self._waiting) < MOST_CALLS:
                self._waiting[call_id] = _Waiting(tuple(claims))
        if due:
            await self._correct(due)

    async def _correct(self, call_ids: list[str]) -> None:
        known = await self._hub.history(call_ids)
        news: list[News] = []
        for call_id in call_ids:
            waiting, call = self._waiting.pop(call_id), known.get(call_id)
            if call is None:
                continue
            if call.is_going_on and waiting.looks < self._most_looks:
                self._waiting[call_id] = _Waiting(waiting.claims, waiting.looks + 1)
            news += reconcile(call, waiting.claims)
        await self._follower.tell(news)
