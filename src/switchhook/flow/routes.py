"""Whom to ring for one inbound call: the caller, the line's group and who is free, in time."""

import asyncio
from collections.abc import Sequence

import structlog

from switchhook.core.directory import Employee
from switchhook.core.errors import HubError
from switchhook.core.routing import Route, choose_route
from switchhook.flow.lookup import Lookup
from switchhook.store import Store
from switchhook.store.employees import list_employees
from switchhook.store.groups import find_group
from switchhook.store.lines import find_line

log = structlog.get_logger(__name__)


class Routes:
    """One for the process."""

    def __init__(self, store: Store, lookup: Lookup, *, deadline_seconds: float, region: str = "RU") -> None:
        self._store = store
        self._lookup = lookup
        self._deadline_seconds = deadline_seconds
        self._region = region

    async def route(self, account_id: int, number: str, *, did: str | None = None) -> Route:
        """Choose by the caller's number and the number that was called, within the lookup deadline.

        Never raises for a silent CRM or store: what they would have said is then not known.
        """
        caller, group = await asyncio.gather(
            self._lookup.who_is(account_id, number), self._group_of(account_id, did)
        )
        return choose_route(caller.employee, group)

    async def _group_of(self, account_id: int, did: str | None) -> Sequence[Employee]:
        if not did:
            return ()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._members(account_id, did)
        except (HubError, TimeoutError) as error:
            log.warning("group of a line cannot be read", reason=str(error) or "no answer in time")
            return ()

    async def _members(self, account_id: int, did: str) -> Sequence[Employee]:
        line = await self._store.read(find_line, account_id, did, region=self._region)
        group = await self._store.read(find_group, account_id, line.group) if line and line.group else None
        if group is None:
            return ()
        known = {one.extension: one for one in await self._store.read(list_employees, account_id)}
        # An extension of a group that is nobody's, such as a door phone, has no status and is rung.
        return [known.get(one) or Employee(id=0, name="", extension=one) for one in group.extensions]
