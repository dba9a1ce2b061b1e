"""Trying a CRM without telling it of a call that never was."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

from switchhook.connectors.voipcloud.pbx.posting import post
from switchhook.connectors.voipcloud.pbx.sending import GONE, read_outcome
from switchhook.connectors.voipcloud.pbx.targets import targets_of
from switchhook.core.connector import Finding, Hub, Link
from switchhook.core.errors import HubError
from switchhook.core.outcome import Delivered

# Receivers take one event or a list of them: this is a list with nothing in it.
NO_EVENTS = b"[]"
# What a receiver may say to an empty list that it does not understand: its address and our key are right.
PUZZLED = frozenset({400, 415, 422})


async def probe(link: Link, hub: Hub, *, at: datetime) -> Sequence[Finding]:
    """Post an empty list of events to each address, with the secret and the signature of a real one."""
    try:
        targets = targets_of(link)
    except HubError as error:
        return [Finding("settings", False, error.reason)]
    ticked = ", ".join(sorted(kind.value for kind in targets.ticked)) or "none"
    tried = [await _try(url, link, at) for url in targets.urls]
    return [*tried, Finding("events", bool(targets.ticked), ticked)]


async def _try(url: str, link: Link, at: datetime) -> Finding:
    what = f"address {urlsplit(url).hostname or url[:60]}"
    if link.state.get(GONE) == url:
        text = "said 410: it wants no more events. Set another address, or resume the connection"
        return Finding(what, False, text)
    try:
        answer = await post(url, NO_EVENTS, link, delivery_id=str(uuid4()), at=at)
    except HubError as error:
        return Finding(what, False, error.reason)
    if answer.status in PUZZLED:
        return Finding(what, True, f"answers {answer.status} to an empty list of events, as receivers may")
    match read_outcome(answer, at=at):
        case Delivered():
            return Finding(what, True, f"took an empty list of events in {answer.seconds:.2f} s")
        case outcome:
            return Finding(what, False, outcome.reason)
