"""Every no of the API as `application/problem+json` (RFC 9457): one table from error to status and title.

The ids are those of docs/errors.md.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException
from msgspec import Meta, Struct

from switchhook.core.errors import BadMessage, HubError, Refused, StoreDown, TooLarge, TooMany
from switchhook.flow.media.jobs import Busy, Unplayable

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="switchhook"'
# A disk is not mended sooner.
STORE_RETRY_SECONDS = 30

CONFLICT, METHOD, INTERNAL = "conflict", "method_not_allowed", "internal"
MEDIA, RANGE = "unsupported_media_type", "range_not_satisfiable"
UNPLAYABLE, BUSY = Unplayable.id, Busy.id


class Kind(NamedTuple):
    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    "bad_message": Kind(400, "The request is not as it has to be"),
    "refused": Kind(401, "The key opens nothing here"),
    "not_found": Kind(404, "There is no such thing in this account"),
    METHOD: Kind(405, "This cannot be done here"),
    CONFLICT: Kind(409, "It does not fit what is there already"),
    "unsupported": Kind(409, "The protocol of the other side has no words for this"),
    "misconfigured": Kind(409, "A setting of a connection has to change first"),
    "forbidden_target": Kind(409, "The connection may not reach this address"),
    "too_large": Kind(413, "The request is too large"),
    MEDIA: Kind(415, "A body of this type is not read here"),
    RANGE: Kind(416, "The file has no such part"),
    UNPLAYABLE: Kind(422, "Nothing can be made of this recording"),
    "too_many": Kind(429, "Slower, please"),
    INTERNAL: Kind(500, "Something went wrong here"),
    "peer_down": Kind(502, "The phone system or the CRM does not answer"),
    "link_lost": Kind(503, "Another process holds the link to the phone system now"),
    "store_down": Kind(503, "Nothing can be stored or read just now"),
    BUSY: Kind(503, "Others are served first"),
}
# What the framework says no with, before any operation is found.
OF_FRAMEWORK = {404: "not_found", 405: METHOD, 413: "too_large"}


class WrongValue(Struct, frozen=True, kw_only=True):
    """One parameter, or one field of the body, that is wrong."""

    field: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was not done (RFC 9457)."""

    type: Annotated[str, Meta(description="Stable; `/errors/` and an id.", examples=["/errors/not_found"])]
    title: Annotated[str, Meta(description="What kind of problem it is, always in the same words.")]
    status: Annotated[int, Meta(description="The status of the answer.", examples=[404])]
    detail: Annotated[str, Meta(description="What is wrong with this request.")]
    field: Annotated[str | None, Meta(description="The first parameter or field that is wrong.")] = None
    errors: Annotated[tuple[WrongValue, ...], Meta(description="All that is wrong.")] = ()


class WrongValues(BadMessage):
    """Some parameters or fields are wrong; names each of them."""

    def __init__(self, wrong: Sequence[WrongValue]) -> None:
        first = wrong[0]
        super().__init__(f"{first.field}: {first.detail}", field=first.field)
        self.wrong = tuple(wrong)


class Conflict(HubError):
    """What is asked for does not fit what is there already."""

    id = CONFLICT

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


class WrongMediaType(HubError):
    """The body is of a type that this operation does not read."""

    id = MEDIA


def refusal(error: HubError) -> Response[bytes]:
    """Say no in the words of the error."""
    # A connector may narrow an error of ours.
    ids = (getattr(shape, "id", "") for shape in type(error).__mro__)
    problem_id = next((one for one in ids if one in KINDS), INTERNAL)
    wrong = wrong_values(error)
    return answer(problem_id, error.reason, wrong=wrong, headers=headers_of(error))


def framework_refusal(error: HTTPException) -> Response[bytes]:
    """Say no for the framework, which found no operation for a request."""
    problem_id = OF_FRAMEWORK.get(error.status_code, "bad_message")
    return answer(problem_id, error.detail, headers=error.headers)


def failure() -> Response[bytes]:
    """Say that something went wrong, and nothing of what it was."""
    return answer(INTERNAL, "the log of the hub says more")


def answer(
    problem_id: str,
    detail: str,
    *,
    wrong: tuple[WrongValue, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    kind = KINDS[problem_id]
    problem = Problem(
        type=f"/errors/{problem_id}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        field=wrong[0].field if wrong else None,
        errors=wrong,
    )
    return Response(
        msgspec.json.encode(problem),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def headers_of(error: HubError) -> dict[str, str]:
    """Give what clients act upon beside the status."""
    match error:
        case Refused():
            return {"www-authenticate": CHALLENGE}
        case TooMany():
            return {"retry-after": str(max(1, ceil(error.retry_after_seconds or 1)))}
        case StoreDown():
            return {"retry-after": str(STORE_RETRY_SECONDS)}
        case TooLarge():  # the rest of the body is not waited for
            return {"connection": "close"}
        case _:
            return {}


def wrong_values(error: HubError) -> tuple[WrongValue, ...]:
    if isinstance(error, WrongValues):
        return error.wrong
    field: str | None = getattr(error, "field", None)
    return (WrongValue(field=field, detail=error.reason),) if field else ()
