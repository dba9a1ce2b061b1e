"""Calls folded from plain news and delivered the way the lanes do it: step by step, merged, in order."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from switchhook.connectors.retailcrm import CONNECTOR
from switchhook.core.call import Call, CallEvent, Change, Direction, Disposition, Happening, News, Tick
from switchhook.core.connector import HttpPort, Role
from switchhook.core.edge import Reply
from switchhook.core.fold import Birth, fold
from switchhook.core.outcome import Outcome
from switchhook.net.http import HttpClient
from tests.connectors.retailcrm.http import ScriptedPeer, listening
from tests.connectors.retailcrm.hub import NOW, ScriptedHub, crm_hub

SIDE = CONNECTOR.sides[Role.CRM]
BIRTH = Birth(id="1", connection_id="c-2", shared_id="pbx-8f21", recording_token="t0ken", call_id="pbx-8f21")
NUMBER, DID = "79261234567", "+74951112233"
IN, OUT = Direction.INBOUND, Direction.OUTBOUND

Step = tuple[Sequence[Change], Call]


def told(happening: Happening, extension: str, direction: Direction = IN, **more: Any) -> CallEvent:
    given = {"number": NUMBER, "did": DID, **more}
    return CallEvent(
        call_id="pbx-8f21", happening=happening, direction=direction, extension=extension, **given
    )


def rings(extension: str, direction: Direction = IN, **more: Any) -> CallEvent:
    return told(Happening.RINGING, extension, direction, **more)


def answers(extension: str, direction: Direction = IN, **more: Any) -> CallEvent:
    return told(Happening.ANSWERED, extension, direction, **more)


def ends(extension: str, how: Disposition, direction: Direction = IN, **more: Any) -> CallEvent:
    return told(Happening.ENDED, extension, direction, disposition=how, **more)


def steps_of(*news: News | Sequence[News], every_seconds: int = 10) -> list[Step]:
    """Fold news, one step each (or one for several), then let the clock run until all is final."""
    call: Call | None = None
    at = NOW - timedelta(seconds=every_seconds)
    steps: list[Step] = []
    ticks = [Tick(call_id="pbx-8f21")] * 200
    for each in [*news, *ticks]:
        at += timedelta(seconds=every_seconds)
        changes: list[Change] = []
        for one in each if isinstance(each, Sequence) else [each]:
            call, made = fold(call, one, at=at, birth=BIRTH)
            changes += made
        if changes and call is not None:
            steps.append((changes, call))
    return steps


def merged(steps: Sequence[Step]) -> list[tuple[Change, Call]]:
    """Choose and merge as the lanes do: `hears` for each change, then `merge` for the step."""
    return [
        (change, call)
        for changes, call in steps
        for change in SIDE.merge([each for each in changes if SIDE.hears(each)], call)
    ]


async def deliver(steps: Sequence[Step], hub: ScriptedHub) -> list[Outcome]:
    assert SIDE.deliver is not None
    return [await SIDE.deliver(change, call, hub.link, hub) for change, call in merged(steps)]


@asynccontextmanager
async def way_out() -> AsyncIterator[HttpPort]:
    async with HttpClient() as client:
        yield client.granted(allow_private=True)


@asynccontextmanager
async def account(*replies: Reply, **link: Any) -> AsyncIterator[tuple[ScriptedPeer, ScriptedHub]]:
    """An account that answers as scripted, and the hub registered at it."""
    peer = ScriptedPeer(replies=list(replies)) if replies else ScriptedPeer()
    async with listening(peer.answer) as url, way_out() as http:
        settings = {"url": url, **link.pop("settings", {})}
        yield peer, crm_hub(settings=settings, http=http, **link)


def sent(peer: ScriptedPeer) -> list[tuple[str, Any]]:
    """Give the last word of each path and the JSON inside the form."""
    return [
        (request.path.rpartition("/")[2], json.loads(next(iter(form.values()))))
        for request, form in zip(peer.requests, peer.forms, strict=True)
    ]
