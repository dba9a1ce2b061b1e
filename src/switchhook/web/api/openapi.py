"""The OpenAPI 3.1 document, made of the operations: nothing in it is written twice."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, UNSET, Struct

from switchhook import __version__
from switchhook.web.api.door import PER_SECONDS, REQUESTS
from switchhook.web.api.operation import JSON, PREFIX, Answers, Operation
from switchhook.web.api.operations import OPERATIONS
from switchhook.web.api.problem import KINDS, MEDIA_TYPE, Problem, WrongValue

REFERENCE = "#/components/schemas/{name}"
# What every operation may say no with; and what it may when it reads something.
ALWAYS = ("refused", "too_many", "store_down")
OF_QUERY, OF_PATH, OF_BODY = ("bad_message",), ("not_found",), ("bad_message", "too_large")

IN: Mapping[str, str] = {"path": "path", "query": "query", "headers": "header"}

RATE_HEADERS = {
    "RateLimit-Limit": "Requests that a key may make in a while.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until one more is free.",
}
INTRODUCTION = f"""\
Calls, recordings, the address book, connections and deliveries of one account.

Every request carries a key: `Authorization: Bearer KEY`. A key is made by `switchhook key add` and may be
limited to some scopes and addresses. {REQUESTS} requests in {PER_SECONDS} seconds are answered, unless the
key has a rate of its own.

Times are RFC 3339 in UTC, durations are seconds. What is wrong is answered with `application/problem+json`
(RFC 9457), which names each parameter and field that is wrong; names that are not known are refused.
"""


@cache
def document() -> Mapping[str, Any]:
    """Make the document."""
    shapes, components = schemas_of(OPERATIONS)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        told = described(operation, shapes)
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchhook",
            "version": __version__,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in OPERATIONS)],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
            "headers": {
                name: {"description": text, "schema": {"type": "integer"}}
                for name, text in RATE_HEADERS.items()
            },
            "responses": {problem_id: problem_answer(problem_id) for problem_id in KINDS},
        },
    }


@cache
def text() -> bytes:
    """Give the document as it is served."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=1)


def schemas_of(operations: Iterable[Operation]) -> tuple[Mapping[type, Any], dict[str, Any]]:
    """Give the schema of every shape that operations speak of, and the components that these refer to."""
    wanted: dict[type, None] = {Problem: None, WrongValue: None}
    for one in operations:
        spoken = (one.shapes.get("body"), one.answers.shape, *one.answers.parts)
        wanted |= {shape: None for shape in spoken if shape is not None and issubclass(shape, Struct)}
    shapes = tuple(wanted)
    found, components = msgspec.json.schema_components(shapes, ref_template=REFERENCE)
    return dict(zip(shapes, found, strict=True)), dict(components)


def described(operation: Operation, shapes: Mapping[type, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description}\n\nScope: `{operation.scope.value}`.".strip(),
        "parameters": [
            parameter
            for place, where in IN.items()
            if place in operation.shapes
            for parameter in parameters_of(operation.shapes[place], where)
        ],
        "responses": answers_of(operation, shapes),
    }
    if operation.reads_body:
        told["requestBody"] = {
            "required": True,
            "content": {media: body_of(operation, media, shapes) for media in operation.body_types},
        }
    return told


def parameters_of(shape: type[Struct], where: str) -> list[dict[str, Any]]:
    """Describe the parameters that a shape stands for; each is described by its own type."""
    found = []
    for field in msgspec.structs.fields(shape):
        (schema,), components = msgspec.json.schema_components([field.type], ref_template=REFERENCE)
        schema = inlined(schema, components)
        if field.default is not NODEFAULT and field.default is not UNSET and field.default != ():
            schema["default"] = msgspec.to_builtins(field.default)
        parameter: dict[str, Any] = {
            "name": field.encode_name,
            "in": where,
            "required": field.default is NODEFAULT,
            "schema": schema,
        }
        if "description" in schema:
            parameter["description"] = schema.pop("description")
        if "examples" in schema:
            parameter["example"] = schema.pop("examples")[0]
        found.append(parameter)
    return found


def inlined(schema: Any, components: Mapping[str, Any]) -> Any:
    """Put components in the place of what refers to them: parameters are small and stand alone."""
    if isinstance(schema, dict):
        reference = str(schema.get("$ref", "")).rpartition("/")[2]
        merged = {**components.get(reference, {}), **schema} if reference else schema
        return {
            name: inlined(value, components)
            for name, value in merged.items()
            if name != "$ref" and not (reference and name == "title")
        }
    return [inlined(one, components) for one in schema] if isinstance(schema, list) else schema


def body_of(operation: Operation, media: str, shapes: Mapping[type, Any]) -> dict[str, Any]:
    example = operation.body_example
    if media != JSON:
        assert isinstance(example, Mapping)
        return {"schema": {"type": "string", "minLength": 1}, "examples": shown(example[media])}
    return {"schema": shapes[operation.shapes["body"]], "examples": shown(msgspec.to_builtins(example))}


def answers_of(operation: Operation, shapes: Mapping[type, Any]) -> dict[str, Any]:
    answers = operation.answers
    told: dict[str, Any] = {str(answers.status): done(answers, shapes)}
    told |= {
        str(status): {"description": text, "headers": rate_headers()}
        for status, text in answers.others.items()
    }
    for status, ids in problems_of(operation).items():
        if len(ids) == 1:
            told[str(status)] = {"$ref": f"#/components/responses/{ids[0]}"}
        else:
            told[str(status)] = problem_answer(*ids)
    return dict(sorted(told.items()))


def done(answers: Answers, shapes: Mapping[type, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if answers.shape is not None:
        content[JSON] = {
            "schema": shapes[answers.shape],
            "examples": shown(msgspec.to_builtins(answers.example)),
        }
    for media, example in answers.media.items():
        content[media] = {"schema": {"type": "string"}, "examples": shown(example)}
    told: dict[str, Any] = {"description": answers.description, "headers": rate_headers()}
    return {**told, "content": content} if content else told


def problems_of(operation: Operation) -> dict[int, list[str]]:
    """Give the problems that an operation may have, by status."""
    ids = [*ALWAYS, *OF_QUERY, *operation.problems]
    if "path" in operation.shapes:
        ids += OF_PATH
    if operation.reads_body:
        ids += [*OF_BODY, "unsupported_media_type"]
    found: dict[int, list[str]] = {}
    for problem_id in dict.fromkeys(ids):
        found.setdefault(KINDS[problem_id].status, []).append(problem_id)
    return found


def problem_answer(*ids: str) -> dict[str, Any]:
    return {
        "description": "; or ".join(KINDS[problem_id].title for problem_id in ids) + ".",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": REFERENCE.format(name=Problem.__name__)},
                "examples": {problem_id: {"value": example_of(problem_id)} for problem_id in ids},
            }
        },
    }


def example_of(problem_id: str) -> Mapping[str, object]:
    kind = KINDS[problem_id]
    told = Problem(
        type=f"/errors/{problem_id}",
        title=kind.title,
        status=kind.status,
        detail=EXAMPLES[problem_id],
    )
    if problem_id == "bad_message":
        wrong = WrongValue(field="limit", detail="expected int <= 200")
        told = msgspec.structs.replace(told, field=wrong.field, errors=(wrong,))
    found: Mapping[str, object] = msgspec.to_builtins(told)
    return found


# One `detail` for each kind of problem.
EXAMPLES: Mapping[str, str] = {
    "bad_message": "limit: expected int <= 200",
    "refused": "not authorised",
    "not_found": "no such contact: 17",
    "method_not_allowed": "Method Not Allowed",
    "conflict": "extension 101 is taken",
    "unsupported": "this phone system cannot be asked to dial",
    "misconfigured": "the connection has no address to dial at",
    "forbidden_target": "the address is private and the connection was not granted such targets",
    "too_large": "expected up to 65536 bytes",
    "unsupported_media_type": "expected application/json, got text/plain",
    "range_not_satisfiable": "expected a part that lies inside the file",
    "too_many": f"expected up to {REQUESTS} requests in {PER_SECONDS} seconds",
    "internal": "the log of the hub says more",
    "peer_down": "the phone system did not answer in 15 s; the phone may ring all the same",
    "unplayable": "expected one or two channels, got 6",
    "link_lost": "another process holds the link to this peer",
    "store_down": "the disk is full",
    "busy": "too many recordings are being worked on",
}


def shown(value: object) -> dict[str, Any]:
    return {"example": {"value": value}}


def rate_headers() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
