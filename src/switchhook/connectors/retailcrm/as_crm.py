"""The hub plays a retailCRM account: a PBX registers itself, posts its calls and asks who is calling.

Answers are JSON whatever happens: official clients break on HTML, and read 405 with HTML as an
account that does not exist.
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from switchhook.connectors.retailcrm.crm import events, managers, modules, people, service, uploads
from switchhook.connectors.retailcrm.crm.asked import Asked
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.connectors.retailcrm.wire.answers import (
    METHOD_NOT_ALLOWED,
    NO_METHOD,
    failure,
    refusal,
)
from switchhook.connectors.retailcrm.wire.parameters import parameters, presented_key
from switchhook.core.connector import Hub, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError, Refused

Duty = Callable[[Asked], Awaitable[Reply]]

PATH = re.compile(r"/api(?:/v(?P<version>[345]))?(?P<rest>/.*)")
NAME = r"(?P<name>[\w.-]{1,100})"


@dataclass(frozen=True)
class Route:
    """One method of the API. Version 0 is a path without a version."""

    versions: frozenset[int]
    path: re.Pattern[str]
    duties: dict[str, Duty]


def route(versions: tuple[int, ...], path: str, **duties: Duty) -> Route:
    return Route(frozenset(versions), re.compile(path.replace("{name}", NAME)), duties)


ROUTES = (
    route((0,), "/api-versions", GET=service.api_versions),
    route((0,), "/credentials", GET=service.credentials),
    route((0,), "/system-info", GET=service.system_info),
    route((5,), "/integration-modules/{name}/edit", POST=modules.edit),
    route((5,), "/integration-modules/{name}", GET=modules.show),
    route((4,), "/telephony/setting/{name}/edit", POST=modules.edit_configuration),
    route((4,), "/telephony/setting/{name}", GET=modules.show_configuration),
    # The Python client for v3 says `settings`, the others `setting`.
    route((3,), "/telephony/settings?/{name}", POST=modules.edit_fields, GET=modules.show_configuration),
    route((3, 4, 5), "/telephony/call/event", POST=events.call_event),
    route((3, 4, 5), "/telephony/calls/upload", POST=uploads.calls_upload),
    # A community client posts the question.
    route((3, 4, 5), "/telephony/manager", GET=managers.manager, POST=managers.manager),
    route((3, 4, 5), "/users", GET=people.users),
    route((3, 4, 5), "/users/{name}", GET=people.user),
    route((5,), "/users/{name}/status", POST=people.user_status),
    route((3, 4, 5), "/reference/sites", GET=service.sites),
)


async def answer(request: Request, link: Link, hub: Hub, *, limits: RateLimits) -> Reply:
    """Answer one request: the key first, then the rate, then the method."""
    try:
        check_key(request, link)
        version, path = split_path(request.path)
        limits.take(link.id, path)
        for each in ROUTES:
            found = each.path.fullmatch(path) if version in each.versions else None
            if found is None:
                continue
            duty = each.duties.get(request.method)
            if duty is None:
                return failure(405, METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(each.duties)})
            given = parameters(request)
            name = found.groupdict().get("name", "")
            return await duty(Asked(given=given, link=link, hub=hub, version=version, name=name))
        return failure(404, NO_METHOD)
    except HubError as error:
        return refusal(error)


def check_key(request: Request, link: Link) -> None:
    """Compare the presented key in constant time.

    Raises:
        Refused: no key, or another one.
    """
    presented = presented_key(request)
    if presented is None:
        raise Refused("no apiKey", is_missing=True)
    if not link.accepts("api_key", presented):
        raise Refused("the apiKey does not match")


def split_path(path: str) -> tuple[int, str]:
    """Give the version (0: none) and the rest. Clients that concatenate make doubled slashes."""
    found = PATH.fullmatch(re.sub("/{2,}", "/", path).rstrip("/"))
    if found is None:
        return 0, path
    return int(found["version"] or 0), found["rest"]


serve = partial(answer, limits=RateLimits(time.monotonic))
