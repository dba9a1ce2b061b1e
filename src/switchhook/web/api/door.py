"""How a request goes through an operation: first its key, then what it says, then the work."""

from collections.abc import Iterable, Mapping, Sequence

import structlog
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from msgspec import Struct

from switchhook.core.errors import BadMessage, HubError, NotFound, TooMany
from switchhook.flow.gate import headers_of_refusal
from switchhook.net.asgi import BODY_SECONDS, ClientGone, Receive, read_body, read_headers
from switchhook.web.api.office import Office
from switchhook.web.api.operation import PREFIX, Answer, AnyRequest, Asked, Operation
from switchhook.web.api.problem import WrongMediaType, WrongValue, WrongValues, failure, refusal
from switchhook.web.api.reading import read_json, read_query, read_texts

log = structlog.get_logger(__name__)

REQUESTS, PER_SECONDS = 600, 60
# Of a whole file; who sends it slower only holds a socket.
SLOWEST_BYTES_PER_SECOND = 128 * 1024
NO_STORE = {"cache-control": "no-store"}
SCHEME = "bearer"


class Nothing(Struct):
    """What an operation without parameters is asked with."""


def routes_of(operations: Iterable[Operation]) -> list[HTTPRouteHandler]:
    """Make the framework's handlers, one for each path."""
    by_path: dict[str, dict[str, Operation]] = {}
    for one in operations:
        by_path.setdefault(one.path, {})[one.method] = one
    return [route_of(path, methods) for path, methods in by_path.items()]


def route_of(path: str, operations: Mapping[str, Operation]) -> HTTPRouteHandler:
    """Make the handler of a path. GET answers HEAD too, and OPTIONS tells what there is."""
    methods = sorted({*operations, *({"HEAD"} if "GET" in operations else ()), "OPTIONS"})

    async def handle(request: AnyRequest) -> Answer:
        if request.method == "OPTIONS":
            return Response(None, status_code=204, headers={"allow": ", ".join(methods)})
        return await serve(operations["GET" if request.method == "HEAD" else request.method], request)

    return HTTPRouteHandler(
        PREFIX + path.replace("}", ":str}"),
        http_method=methods,
        status_code=200,
    )(handle)


async def serve(operation: Operation, request: AnyRequest) -> Answer:
    """Answer one request, whatever happens."""
    office: Office = request.app.state.office
    rate: Mapping[str, str] = {}
    try:
        admission = await office.gate.admit(
            presented_key(request),
            office.hall.proxies.client(dict(request.scope)),
            scope=operation.scope,
            requests=REQUESTS,
            per_seconds=PER_SECONDS,
        )
        rate = admission.headers
        asked = Asked(
            office=office, key=admission.key, request=request, content_type=content_type_of(request)
        )
        response = await operation.run(asked, **await read(operation, asked))
    except ClientGone:
        return Response(None, status_code=204)  # to nobody
    except HubError as error:
        response = refusal(error)
        if isinstance(error, TooMany) and not rate:  # the gate's own
            rate = headers_of_refusal(error, response.headers["retry-after"])
    except Exception:
        log.exception("request to the API failed", operation=operation.id)
        response = failure()
    response.headers = {**NO_STORE, **response.headers, **rate}
    return without_body(response) if request.method == "HEAD" else response


def without_body(response: Answer) -> Answer:
    """Give the head of an answer; the framework will have no body to a HEAD."""
    headers = dict(response.headers)
    if response.media_type is not None:
        headers["content-type"] = str(response.media_type)
    if isinstance(response.content, bytes) and not isinstance(response, Stream):
        headers["content-length"] = str(len(response.content))
    return Response(None, status_code=response.status_code, headers=headers)


async def read(operation: Operation, asked: Asked) -> dict[str, object]:
    """Read all that an operation wants to know; everything that is wrong is told at once.

    Raises: BadMessage, TooLarge, WrongMediaType, NotFound, ClientGone.
    """
    wrong: list[WrongValue] = []
    request = asked.request
    found: dict[str, object] = {}
    if (path := operation.shapes.get("path")) is not None:
        found["path"] = read_path(request, path)
    query = read_query(request.scope["query_string"])
    found["query"] = read_texts(query, operation.shapes.get("query", Nothing), wrong)
    if (headers := operation.shapes.get("headers")) is not None:
        found["headers"] = read_texts(headers_for(request, headers), headers, wrong)
    if operation.reads_body:
        found["body"] = await read_content(operation, asked, wrong)
    if wrong:
        raise WrongValues(wrong)
    return {place: value for place, value in found.items() if place in operation.shapes}


def read_path(request: AnyRequest, shape: type[Struct]) -> Struct:
    """Raises: NotFound: no such thing could have this name."""
    wrong: list[WrongValue] = []
    given = {name: [str(value)] for name, value in request.path_params.items()}
    found = read_texts(given, shape, wrong)
    if found is None:
        raise NotFound(f"there is nothing by this {wrong[0].field}")
    return found


def headers_for(request: AnyRequest, shape: type[Struct]) -> Mapping[str, Sequence[str]]:
    """Give the headers that a shape asks for, under the names that it has for them."""
    wanted = {name.lower(): name for name in shape.__struct_encode_fields__}
    given: dict[str, list[str]] = {}
    for raw, value in request.scope["headers"]:
        name = wanted.get(raw.decode("latin-1").lower())
        if name is not None:
            given.setdefault(name, []).append(value.decode("latin-1"))
    return given


async def read_content(operation: Operation, asked: Asked, wrong: list[WrongValue]) -> object:
    receive: Receive = asked.request.receive  # type: ignore[assignment]
    content = await read_body(
        receive,
        read_headers(list(asked.request.scope["headers"])),
        operation.max_body_bytes,
        body_seconds=max(BODY_SECONDS, operation.max_body_bytes / SLOWEST_BYTES_PER_SECOND),
    )
    if not content:
        raise BadMessage("expected a body, got none", field="body")
    if asked.content_type not in operation.body_types:
        got = asked.content_type[:60] or "no Content-Type"
        raise WrongMediaType(f"expected {' or '.join(operation.body_types)}, got {got}")
    shape = operation.shapes["body"]
    return read_json(content, shape, wrong) if issubclass(shape, Struct) else content


def content_type_of(request: AnyRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def presented_key(request: AnyRequest) -> str | None:
    """Give what stands behind `Authorization: Bearer`, said once; None for anything else."""
    said = request.headers.getall("authorization", [])
    scheme, _, key = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    return key.strip() or None if scheme.lower() == SCHEME else None
