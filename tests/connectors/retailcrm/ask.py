"""Requests to the served connector in one line, without HTTP."""

import itertools
import json
from typing import Any
from urllib.parse import urlencode

from switchhook.connectors.retailcrm import as_crm
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.core.edge import Reply, Request
from tests.connectors.retailcrm.hub import API_KEY, ScriptedHub

EVENT = "/api/v5/telephony/call/event"
UPLOAD = "/api/v5/telephony/calls/upload"
EDIT = "/api/v5/integration-modules/acme-pbx/edit"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def posted(path: str, *, key: str | None = API_KEY, **parameters: Any) -> Request:
    """A urlencoded POST; what is no text is sent as JSON."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()
    }
    headers = {**FORM, "x-api-key": key} if key is not None else FORM
    return Request(method="POST", path=path, headers=headers, body=urlencode(texts).encode())


def asked(path: str, *, method: str = "GET", key: str | None = API_KEY, **query: str) -> Request:
    return Request(
        method=method, path=path, query=query, headers={"x-api-key": key} if key is not None else {}
    )


async def answer(request: Request, hub: ScriptedHub) -> tuple[int, Any]:
    """Give status and body; a second passes between any two requests."""
    reply: Reply = await as_crm.answer(request, hub.link, hub, limits=RateLimits(itertools.count().__next__))
    return reply.status, json.loads(reply.body)
