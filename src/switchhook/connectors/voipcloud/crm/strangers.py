"""Users of the PBX whom the address book does not have: no error, but somebody should know."""

from collections.abc import Iterable, Mapping

import structlog

from switchhook.connectors.voipcloud.wire.row import Row
from switchhook.core.connector import Hub, Link

log = structlog.get_logger(__name__)

STATE = "strangers"
MOST = 50


async def note_strangers(rows: Iterable[Row], looked_up: set[str], link: Link, hub: Hub) -> None:
    """Remember users that the address book does not know; each is looked up once (`looked_up`)."""
    users = {row.user_number: row.user_name or "" for row in rows if row.user_number}
    new = {number: name for number, name in users.items() if number not in looked_up}
    if not new:
        return
    looked_up.update(new)
    found = await unknown_of(new, hub)
    known = remembered(link)
    if not found.keys() - known.keys():
        return
    log.info("voipcloud: users that the address book does not know", connection=link.id, users=sorted(found))
    await hub.pair(state={STATE: dict(list({**known, **found}.items())[-MOST:])})


async def unknown_of(users: Mapping[str, str], hub: Hub) -> dict[str, str]:
    """Give those of the users, extension to name, whom the address book does not have."""
    employees = {employee.extension for employee in await hub.book.employees()}
    return {number: name for number, name in users.items() if number not in employees}


def remembered(link: Link) -> dict[str, str]:
    stored = link.state.get(STATE)
    return {str(number): str(name) for number, name in stored.items()} if isinstance(stored, dict) else {}
