"""One operation of the API: routes, the OpenAPI document, the page and the tests are made of these.

An operation is a coroutine that takes what was asked and gives the answer:

    @operation("GET", "/things/{thing_id}", ..., answers=Answers(Thing, example=THING))
    async def show_thing(asked: Asked, path: ThingPath) -> Answer: ...

Its parameters beside `asked` say what it reads, by name: `path`, `query`, `headers` and `body`, each a struct
whose fields are held to their types before the operation runs; a `body` of bytes is given as it came.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import getdoc
from typing import Any, get_type_hints
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from msgspec import Struct

from switchhook.core.api import Scope
from switchhook.store import Store
from switchhook.store.api_keys import ApiKey
from switchhook.web.api.office import Office

PREFIX = "/api/v1"
JSON = "application/json"
MAX_BODY_BYTES = 64 * 1024

AnyRequest = Request[Any, Any, State]
Answer = Response[Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asks for something, and how."""

    office: Office
    key: ApiKey
    request: AnyRequest
    content_type: str = ""  # of the body, less its parameters

    @property
    def account_id(self) -> int:
        return self.key.account_id

    @property
    def store(self) -> Store:
        return self.office.store

    @property
    def region(self) -> str:
        return self.office.hall.region


@dataclass(frozen=True)
class Answers:
    """What an operation answers when it does what is asked."""

    shape: type[Struct] | None = None  # None: no body, or no JSON
    example: object = None
    status: int = 200
    media: Mapping[str, str] = field(default_factory=dict)  # other types than JSON, each with an example
    others: Mapping[int, str] = field(default_factory=dict)  # other statuses, in words
    parts: tuple[type[Struct], ...] = ()  # shapes that the media are made of
    description: str = "Done."


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that may be asked."""

    method: str
    path: str  # below PREFIX, parameters in braces
    tag: str
    scope: Scope
    summary: str
    description: str
    answers: Answers
    problems: tuple[str, ...]  # ids, beside those that every operation has
    body_types: tuple[str, ...]
    body_example: object
    max_body_bytes: int
    run: Callable[..., Awaitable[Answer]]
    shapes: Mapping[str, type[Any]]  # by where they are read from: path, query, headers, body

    @property
    def id(self) -> str:
        return self.run.__name__

    @property
    def reads_body(self) -> bool:
        return bool(self.body_types)


PLACES = ("path", "query", "headers", "body")


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    scope: Scope,
    summary: str,
    answers: Answers,
    problems: tuple[str, ...] = (),
    body_types: tuple[str, ...] = (JSON,),
    body_example: object = None,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> Callable[[Callable[..., Awaitable[Answer]]], Operation]:
    """Make an operation of a coroutine; its docstring describes it to outsiders."""

    def made(run: Callable[..., Awaitable[Answer]]) -> Operation:
        hints = get_type_hints(run)
        return Operation(
            method=method,
            path=path,
            tag=tag,
            scope=scope,
            summary=summary,
            description=getdoc(run) or "",
            answers=answers,
            problems=problems,
            body_types=body_types if "body" in hints else (),
            body_example=body_example,
            max_body_bytes=max_body_bytes,
            run=run,
            shapes={place: hints[place] for place in PLACES if place in hints},
        )

    return made


def json_answer(value: Struct, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Response(
        msgspec.json.encode(value), status_code=status, media_type=JSON, headers=dict(headers or {})
    )


def created(value: Struct, path: str, name: object) -> Answer:
    """Answer with what was made, and say where it is: below `path`, by its name."""
    return json_answer(value, status=201, headers={"location": f"{PREFIX}{path}/{quote(str(name), safe='')}"})


def no_content() -> Answer:
    return Response(None, status_code=204)
