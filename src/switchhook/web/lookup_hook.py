"""Who is calling, for any PBX that can fetch a URL: `/lookup/{key}/name`, `/caller`, `/route`.

A caller is on the line, so the answer comes in time whatever is wrong with CRMs.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic

import structlog

from switchhook.core.api import Scope as KeyScope
from switchhook.core.edge import Reply
from switchhook.core.errors import HubError, StoreDown
from switchhook.flow.gate import Admission, Gate
from switchhook.flow.lookup import Lookup
from switchhook.flow.routes import Routes
from switchhook.net.asgi import ClientGone, Receive, Scope, Send, read_request, send_reply, short_cut_of
from switchhook.web.api_doors import failed, note_failure, with_headers
from switchhook.web.headers import PLAIN_HEADERS
from switchhook.web.lookup_words import (
    FORMATS,
    Question,
    caller_reply,
    name_reply,
    read_question,
    route_reply,
    sorry,
    text_error,
)
from switchhook.web.switch import Meter, Proxies

log = structlog.get_logger(__name__)

PATH = re.compile(r"/lookup/(?P<key>[^/]*)/(?P<what>name|caller|route)/?")
METHODS = ("GET", "HEAD")
# There is one request for each call, and a PBX at noon has many.
REQUESTS, PER_SECONDS = 600, 60
# A GET has no body; what clients send all the same is read away.
MAX_BODY_BYTES = 1024

# Names of callers are nobody's to keep on the way.
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, kw_only=True)
class LookupHook:
    """An ASGI app. One for the process."""

    gate: Gate
    lookup: Lookup
    routes: Routes
    deadline_seconds: float
    proxies: Proxies
    region: str = "RU"
    meter: Meter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = monotonic()
        try:
            reply = await self._reply(scope, receive)
        except ClientGone:
            return
        if self.meter is not None:
            self.meter("lookup", reply.status, monotonic() - started)
        await send_reply(
            send,
            with_headers(reply, NO_STORE),
            is_head=scope["method"] == "HEAD",
            is_last=reply.status == 413,  # its body was not read to the end
            extra=PLAIN_HEADERS,
            short_cut=short_cut_of(scope),
        )

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        path = "/" + scope["path"].lstrip("/")  # a base address typed with a slash at its end
        asked = PATH.fullmatch(path)
        if asked is None:
            return text_error(404, "expected /lookup/{key}/name, /caller or /route")
        if scope["method"] not in METHODS:
            return with_headers(text_error(405, "expected GET"), {"Allow": ", ".join(METHODS)})
        what = asked["what"]
        is_text = FORMATS[what][0] == "text"
        client = self.proxies.client(scope)
        headers: Mapping[str, str] = {}
        try:
            request = await read_request(
                scope, receive, path=path, client=client, max_body_bytes=MAX_BODY_BYTES
            )
            is_text = is_text or request.query.get("format") == "text"
            admission = await self._admit(asked["key"], client)
            headers = admission.headers
            question = read_question(request.query, what, admission.key.account_id)
            reply = await ANSWERS[what](self, question)
        except HubError as error:
            note_failure("lookup failed", error, client=client)
            return failed(sorry(error, is_text=is_text), error, headers)
        except Exception as error:
            log.exception("lookup failed")
            reply = sorry(error, is_text=is_text)
        return with_headers(reply, headers)

    async def _admit(self, key: str, client: str) -> Admission:
        try:
            async with asyncio.timeout(self.deadline_seconds):
                return await self.gate.admit(
                    key, client, scope=KeyScope.LOOKUP, requests=REQUESTS, per_seconds=PER_SECONDS
                )
        except TimeoutError as error:
            raise StoreDown("the key could not be looked for in time") from error

    async def _name(self, question: Question) -> Reply:
        return name_reply(await self.lookup.who_is(question.account_id, question.number), question)

    async def _caller(self, question: Question) -> Reply:
        caller = await self.lookup.who_is(question.account_id, question.number)
        return caller_reply(caller, question, region=self.region)

    async def _route(self, question: Question) -> Reply:
        route = await self.routes.route(question.account_id, question.number, did=question.did)
        return route_reply(route, question)


ANSWERS: Mapping[str, Callable[[LookupHook, Question], Awaitable[Reply]]] = {
    "name": LookupHook._name,
    "caller": LookupHook._caller,
    "route": LookupHook._route,
}
