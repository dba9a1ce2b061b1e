"""Whom to ring for a call that is ours to route, step by step: the caller and the line's group, in time."""

import asyncio

from switchhook.core.ring_plan import RingPlan, plan_rings
from switchhook.flow.line_groups import LineGroups
from switchhook.flow.lookup import Lookup
from switchhook.store import Store


class RingPlans:
    """One for the process."""

    def __init__(self, store: Store, lookup: Lookup, *, deadline_seconds: float, region: str = "RU") -> None:
        self._lookup = lookup
        self._groups = LineGroups(store, deadline_seconds=deadline_seconds, region=region)

    async def plan(
        self,
        account_id: int,
        number: str,
        *,
        did: str | None = None,
        call_id: str | None = None,
        asker: str | None = None,
    ) -> RingPlan:
        """Plan by the caller's number and the number that was called, within the lookup deadline.

        `asker` is the connection that the call came by, `call_id` how it names the call. Never raises for
        a silent CRM or store: what they would have said is then not known.
        """
        caller, (group, members) = await asyncio.gather(
            self._lookup.who_is(account_id, number, asker=asker, call_id=call_id),
            self._groups.of_line(account_id, did),
        )
        return plan_rings(caller, group, members)
