"""Which request is which, who may ask it, and how it fails."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from switchhook.connectors.voipcloud.api.answers import (
    METHOD_NOT_ALLOWED,
    NO_METHOD,
    NO_ROWS,
    NOTHING,
    failure,
    failure_of,
)
from switchhook.connectors.voipcloud.api.histories import serve_history
from switchhook.connectors.voipcloud.api.order import serve_order
from switchhook.connectors.voipcloud.api.status import serve_status
from switchhook.connectors.voipcloud.wire import call_to_number, status
from switchhook.connectors.voipcloud.wire.row import PATHS
from switchhook.core.api import Api, ApiHub, HistoryKind, Scope
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError

V1, V2 = "/api/integration/v1", "/api/integration/v2"
KEY_HEADER = "token"
# 100 requests in 15 minutes is the vendor's limit (its first article).
REQUESTS, PER_SECONDS = 100, 900

Serve = Callable[[Request, ApiHub], Awaitable[Reply]]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of the API. `no_data` is what a failure has in place of data."""

    verb: str
    serve: Serve
    no_data: object
    scope: Scope = Scope.READ


def _history(kind: HistoryKind) -> Method:
    async def serve(request: Request, hub: ApiHub) -> Reply:
        # The first version knows no `sort_by`: the newest come first.
        return await serve_history(kind, request, hub, has_order=not request.path.startswith(V1))

    return Method(verb="GET", serve=serve, no_data=NO_ROWS)


async def _status(request: Request, hub: ApiHub) -> Reply:
    return await serve_status(hub, at=datetime.now(UTC))


METHODS: Mapping[str, Method] = {
    **{path: _history(kind) for kind, path in PATHS.items()},
    status.PATH: Method(verb="GET", serve=_status, no_data=NOTHING),
    call_to_number.PATH: Method(verb="POST", serve=serve_order, no_data=NOTHING, scope=Scope.DIAL),
}


def presented_key(request: Request) -> str | None:
    """Give the key of the header `token`; the vendor has stopped taking it from the query."""
    return request.headers.get(KEY_HEADER, "").strip() or None


def scope_of(request: Request) -> Scope:
    method = METHODS.get(_tail(request))
    return method.scope if method else Scope.READ


async def serve(request: Request, hub: ApiHub) -> Reply:
    """Answer one request of a key's owner, in this family's words whatever happens."""
    method = METHODS.get(_tail(request))
    if method is None:
        return failure(404, NO_METHOD)
    if request.method != method.verb:
        return failure(405, METHOD_NOT_ALLOWED, data=method.no_data, headers={"Allow": method.verb})
    try:
        return await method.serve(request, hub)
    except HubError as error:
        return failure_of(error, data=method.no_data)


def _tail(request: Request) -> str:
    """Give the name of the method: what follows the version."""
    root = next((root for root in (V1, V2) if request.path.startswith(f"{root}/")), None)
    return "" if root is None else request.path[len(root) :].strip("/")


API = Api(
    root_paths=(V1, V2),
    presented_key=presented_key,
    scope=scope_of,
    serve=serve,
    needs_listed_address=True,
    requests=REQUESTS,
    per_seconds=PER_SECONDS,
)
