"""APIs of ours at vendors' own paths, for whoever holds a key of the account."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from msgspec.structs import replace

from switchhook.core.api import Api, ApiHub
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError, Refused, StoreDown, TooMany
from switchhook.flow.gate import Gate, headers_of_refusal
from switchhook.store.api_keys import ApiKey

log = structlog.get_logger(__name__)

RETRY_AFTER = "retry-after"
# For what is over at an unknown time.
RETRY_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class ApiDoors:
    """One for the process."""

    gate: Gate
    hub_for: Callable[[ApiKey], ApiHub]

    async def serve(self, api: Api, request: Request, *, sorry: Callable[[Exception], Reply]) -> Reply:
        """Judge the key and have the connector answer, whatever happens in words of its `sorry`.

        The connector sees a HEAD as the GET that it stands for; the answer goes without its body.
        """
        if request.method == "HEAD":
            request = replace(request, method="GET")
        headers: Mapping[str, str] = {}
        try:
            admission = await self.gate.admit(
                api.presented_key(request),
                request.client,
                scope=api.scope(request),
                requests=api.requests,
                per_seconds=api.per_seconds,
                needs_listed_address=api.needs_listed_address,
            )
            headers = admission.headers
            return with_headers(await api.serve(request, self.hub_for(admission.key)), headers)
        except HubError as error:
            note_failure("api request failed", error, client=request.client)
            return failed(sorry(error), error, headers)
        except Exception as error:
            log.exception("api request failed", method=request.method, client=request.client)
            return with_headers(sorry(error), headers)


def note_failure(what: str, error: HubError, *, client: str) -> None:
    """Log what went wrong, at the level that its kind deserves."""
    if not isinstance(error, Refused | TooMany):  # the gate has said why
        level = log.error if isinstance(error, StoreDown) else log.info
        level(what, error=error.id, reason=error.reason, client=client)


def with_headers(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """Put headers on a reply, over those of the same name in whatever case."""
    given = {name.lower(): value for name, value in headers.items()}
    own = {name.lower(): value for name, value in reply.headers.items()}
    return replace(reply, headers={**own, **given}) if given else reply


def failed(reply: Reply, error: HubError, headers: Mapping[str, str]) -> Reply:
    """Put on the connector's words what they may have left out: when to come again, in whole seconds.

    `headers` are those of the admission; none when there was no admission.
    """
    if not isinstance(error, TooMany):
        return with_headers(reply, headers)
    told = {name.lower(): value for name, value in reply.headers.items()}
    seconds = told.get(RETRY_AFTER) or str(max(math.ceil(error.retry_after_seconds or RETRY_SECONDS), 1))
    return with_headers(reply, {RETRY_AFTER: seconds, **(headers or headers_of_refusal(error, seconds))})
