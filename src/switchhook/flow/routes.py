"""Whom to ring for one inbound call: the caller, the line's group and who is free, in time."""

import asyncio

from switchhook.core.routing import Route, choose_route
from switchhook.flow.line_groups import LineGroups
from switchhook.flow.lookup import Lookup
from switchhook.store import Store


class Routes:
    """One for the process."""

    def __init__(self, store: Store, lookup: Lookup, *, deadline_seconds: float, region: str = "RU") -> None:
        self._lookup = lookup
        self._groups = LineGroups(store, deadline_seconds=deadline_seconds, region=region)

    async def route(self, account_id: int, number: str, *, did: str | None = None) -> Route:
        """Choose by the caller's number and the number that was called, within the lookup deadline.

        Never raises for a silent CRM or store: what they would have said is then not known.
        """
        caller, (_, members) = await asyncio.gather(
            self._lookup.who_is(account_id, number), self._groups.of_line(account_id, did)
        )
        return choose_route(caller.employee, members)
