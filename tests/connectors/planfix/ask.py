"""Short ways to ask either side, and to see what an account is told."""

from collections.abc import Mapping

from switchhook.connectors.planfix import as_crm, as_pbx, wire
from switchhook.connectors.planfix.deliver import deliver
from switchhook.core.call import Call, CallEvent, Change
from switchhook.core.connector import HttpPort, Link, Role
from switchhook.core.edge import Reply, Request
from switchhook.core.outcome import Outcome
from tests.connectors.planfix.calls import CALLER
from tests.connectors.planfix.calls import call as a_call
from tests.connectors.planfix.hub import ScriptedHub, link_to, real_net
from tests.connectors.planfix.peer import listening, says
from tests.connectors.planfix.sent import PLANFIX_KEY, to_crm

PARAMETERS = b'{"error":"Invalid parameters"}'
TOKEN = b'{"error":"Invalid token"}'
INCOMING = {
    "cmd": "event",
    "type": "in",
    "event": "INCOMING",
    "phone": CALLER,
    "ext": "101",
    "callid": "K-77",
}
COMPLETED = INCOMING | {"event": "COMPLETED", "duration": "124", "is_recorded": "0", "status": "Success"}


async def ask_crm(request: Request, hub: ScriptedHub | None = None, **settings: str) -> Reply:
    return await as_crm.serve(request, link_to(Role.PBX, settings), hub or ScriptedHub())


async def ask_pbx(request: Request, hub: ScriptedHub | None = None, **settings: str) -> Reply:
    link = link_to(Role.CRM, settings)
    hub = hub or ScriptedHub()
    hub.link = hub.link or link
    return await as_pbx.serve(request, link, hub)


async def heard(**fields: str) -> CallEvent:
    hub = ScriptedHub()
    reply = await ask_crm(to_crm(**fields), hub)
    assert reply.status == 200
    (event,) = hub.events
    return event


def to_account(url: str, net: HttpPort, settings: Mapping[str, str] | None = None) -> Link:
    keys = {"planfix_url": url, "planfix_token": PLANFIX_KEY}
    return link_to(Role.CRM, keys | dict(settings or {}), http=net)


async def delivered(
    change: Change,
    call: Call | None = None,
    *,
    status: int = 200,
    body: str = "",
    retry_after: str = "",
    **settings: str,
) -> Outcome:
    headers = {"Retry_After": retry_after} if retry_after else {}
    async with listening(says(status, body, **headers)) as peer, real_net() as net:
        link = to_account(peer.url, net, settings)
        return await deliver(change, call or a_call(), link, ScriptedHub())


async def told_of(change: Change, call: Call | None = None, **settings: str) -> dict[str, str]:
    async with listening(says()) as peer, real_net() as net:
        link = to_account(peer.url, net, settings)
        await deliver(change, call or a_call(), link, ScriptedHub())
    return wire.read_form(peer.requests[0].body)
