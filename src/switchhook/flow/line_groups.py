"""Who answers a line: its group, and the members as the address book has them, in time."""

import asyncio
from collections.abc import Sequence

import structlog

from switchhook.core.directory import Employee, Group
from switchhook.core.errors import HubError
from switchhook.store import Store
from switchhook.store.employees import list_employees
from switchhook.store.groups import find_group
from switchhook.store.lines import find_line

log = structlog.get_logger(__name__)

NOBODY: tuple[None, tuple[()]] = (None, ())


class LineGroups:
    """Reads the address book under the lookup deadline."""

    def __init__(self, store: Store, *, deadline_seconds: float, region: str = "RU") -> None:
        self._store = store
        self._deadline_seconds = deadline_seconds
        self._region = region

    async def of_line(self, account_id: int, did: str | None) -> tuple[Group | None, Sequence[Employee]]:
        """Give the group of a line and its members in order; nobody where there is none.

        Never raises for a silent store: then nothing is known of the line.
        """
        if not did:
            return NOBODY
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._read(account_id, did)
        except (HubError, TimeoutError) as error:
            log.warning("group of a line cannot be read", reason=str(error) or "no answer in time")
            return NOBODY

    async def _read(self, account_id: int, did: str) -> tuple[Group | None, Sequence[Employee]]:
        line = await self._store.glance(find_line, account_id, did, region=self._region)
        group = await self._store.glance(find_group, account_id, line.group) if line and line.group else None
        if group is None:
            return NOBODY
        known = {one.extension: one for one in await self._store.read(list_employees, account_id)}
        # An extension of a group that is nobody's, such as a door phone, has no status and is rung.
        members = [known.get(one) or Employee(id=0, name="", extension=one) for one in group.extensions]
        return group, members
