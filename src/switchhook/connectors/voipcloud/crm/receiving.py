"""The PBX posts its events here. Whatever they say, they count as taken: it may not say them twice."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from switchhook.connectors.voipcloud.crm.news import news_of_notice
from switchhook.connectors.voipcloud.crm.parties import plan_of
from switchhook.connectors.voipcloud.crm.sources import is_listed
from switchhook.connectors.voipcloud.wire.members import read_moment, write_moment
from switchhook.connectors.voipcloud.wire.notice import SECRET_HEADER, read_notices
from switchhook.core.connector import Hub, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError, Refused

log = structlog.get_logger(__name__)

PATH = "/webhooks"
KEY = "webhook_token"
TAKEN = Reply(body=b'{"status":"success"}')
METHOD_NOT_ALLOWED = Reply(
    status=405,
    body=b'{"status":"error","code":405,"message":"Method not allowed","data":[]}',
    headers={"Allow": "POST"},
)

# What the last refusal was is remembered for whoever looks after the connection, this often at most.
NOTED_EVERY = timedelta(minutes=10)
REFUSED = "refused"


async def receive(request: Request, link: Link, hub: Hub, *, now: Callable[[], datetime]) -> Reply:
    """Take events: one, or an array of them. The path below the connection's own says nothing.

    Raises:
        Refused: the secret is missing or wrong, or the address is not listed.
        BadMessage: the body is no JSON object, nor an array.
        StoreDown: nothing was kept.
    """
    presented = request.headers.get(SECRET_HEADER)
    if not link.accepts(KEY, presented):
        reason = f"{SECRET_HEADER} {'does not match' if presented else 'is missing'}"
        await _remember(reason, link, hub, now())
        raise Refused(reason, is_missing=not presented)
    if not is_listed(request.client, link):
        reason = f"the address {request.client} is not listed"
        await _remember(reason, link, hub, now())
        raise Refused(reason)
    if request.method != "POST":
        return METHOD_NOT_ALLOWED
    plan, at = plan_of(link.settings), now()
    notices = read_notices(request.body)
    news = [one for notice in notices for one in news_of_notice(notice, plan, at=at)]
    if news:
        await hub.accept(news)
    nameless = sum(notice.unique_call_id is None for notice in notices)
    if nameless:
        log.info("voipcloud: events that name no call", connection=link.id, count=nameless)
    if link.state.get(REFUSED):
        with suppress(HubError):
            await hub.pair(state={REFUSED: None})
    return TAKEN


async def _remember(reason: str, link: Link, hub: Hub, at: datetime) -> None:
    """Note a refusal: a secret that does not match is the fault that is hardest to see."""
    last = link.state.get(REFUSED)
    if isinstance(last, dict) and last.get("reason") == reason:
        last_at = read_moment(str(last.get("at")))
        if last_at is not None and at - last_at < NOTED_EVERY:
            return
    with suppress(HubError):
        await hub.pair(state={REFUSED: {"reason": reason, "at": write_moment(at)}})
