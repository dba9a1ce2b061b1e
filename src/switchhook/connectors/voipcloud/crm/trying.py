"""Trying the connection: one harmless request, and what the events and the histories have shown."""

from collections.abc import Sequence
from datetime import date

from switchhook.connectors.voipcloud.crm.asking import KEY_OR_ADDRESS, get, understood, version_of
from switchhook.connectors.voipcloud.crm.receiving import REFUSED
from switchhook.connectors.voipcloud.crm.strangers import remembered, unknown_of
from switchhook.connectors.voipcloud.wire.notice import SECRET_HEADER
from switchhook.connectors.voipcloud.wire.query import Page, write_query
from switchhook.connectors.voipcloud.wire.row import PATHS, read_rows
from switchhook.core.api import HistoryKind
from switchhook.core.connector import Finding, Hub, Link
from switchhook.core.errors import BadMessage, HubError, PeerDown


async def probe(link: Link, hub: Hub, *, today: date) -> Sequence[Finding]:
    """Read one row of the users' history, and say in words what is wrong."""
    return [*await _try_api(link, today), _events(link), *await _strangers(link, hub)]


async def _try_api(link: Link, today: date) -> list[Finding]:
    page = Page(from_date=today, to_date=today, is_newest_first=True, limit=1)
    query = write_query(page, has_order=version_of(link) != "v1")
    try:
        answer = await get(link, PATHS[HistoryKind.USER], query)
    except HubError as error:
        return [Finding("PBX address", False, error.reason)]
    reached = Finding("PBX address", True, f"answered in {answer.seconds:.2f} s")
    try:
        rows = read_rows(understood(answer, link).data, HistoryKind.USER)
    except PeerDown as error:
        return [Finding("PBX address", False, error.reason)]
    except BadMessage as error:
        return [reached, Finding("call history", False, error.reason)]
    except HubError as error:
        what = "API key and listed address" if error.reason == KEY_OR_ADDRESS else "call history"
        return [reached, Finding(what, False, error.reason)]
    seen = "a call of today was read" if rows else "no call of today yet"
    return [reached, Finding("API key and listed address", True), Finding("call history", True, seen)]


def _events(link: Link) -> Finding:
    last = link.state.get(REFUSED)
    if isinstance(last, dict):
        detail = f"the last one, at {last.get('at')}, was refused: {last.get('reason')}"
        return Finding("events", False, detail)
    url = link.urls.get("webhooks", "")
    return Finding("events", True, f"to be posted to {url} with {SECRET_HEADER.title()}")


async def _strangers(link: Link, hub: Hub) -> list[Finding]:
    users = await unknown_of(remembered(link), hub)
    if not users:
        return []
    named = ", ".join(f"{number} {name}".strip() for number, name in sorted(users.items()))
    return [Finding("users", True, f"not in our address book: {named}")]
