"""What anybody may read of the API: its OpenAPI document, and the page for people that is made of it."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from litestar import MediaType, Response, get
from msgspec import Struct

from switchhook.web.api import openapi
from switchhook.web.api.operation import JSON, PREFIX
from switchhook.web.render import render, utc_now

KEPT = {"cache-control": "no-cache"}
CODE = re.compile(r"`([^`]+)`")
ADDRESS = "https://hub.example.com"


@get(f"{PREFIX}/openapi.json", sync_to_thread=False)
def describe() -> Response[bytes]:
    return Response(openapi.text(), media_type=JSON, headers=KEPT)


@get("/api/docs", sync_to_thread=False)
def show_docs() -> Response[str]:
    return Response(page(), media_type=MediaType.HTML, headers=KEPT)


class Words(Struct, frozen=True):
    """A piece of text, or of code."""

    text: str
    is_code: bool


class Block(Struct, frozen=True, kw_only=True):
    """A paragraph, or a table."""

    words: Sequence[Words] = ()
    rows: Sequence[Sequence[Sequence[Words]]] = ()


class ParameterLine(Struct, frozen=True, kw_only=True):
    name: str
    where: str
    kind: str
    is_required: bool
    about: Sequence[Words]


class AnswerLine(Struct, frozen=True, kw_only=True):
    status: str
    about: str
    media: str
    example: str


class Section(Struct, frozen=True, kw_only=True):
    """One operation as the page shows it."""

    id: str
    tag: str
    method: str
    path: str
    summary: str
    about: Sequence[Block]
    parameters: Sequence[ParameterLine]
    bodies: Mapping[str, str]
    answers: Sequence[AnswerLine]
    command: str


@cache
def page() -> str:
    """Write the page; it changes with the program only."""
    told = openapi.document()
    sections = [
        section(path, method, operation, told)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    ]
    by_tag: dict[str, list[Section]] = {tag["name"]: [] for tag in told["tags"]}
    for one in sections:
        by_tag[one.tag].append(one)
    return render(
        "api_docs.html",
        "en",
        utc_now(),
        introduction=blocks(told["info"]["description"]),
        version=told["info"]["version"],
        sections=by_tag,
        problems=list(map(problem_line, told["components"]["responses"].values())),
    )


def section(path: str, method: str, operation: Mapping[str, Any], told: Mapping[str, Any]) -> Section:
    content = operation.get("requestBody", {}).get("content", {})
    bodies = {media: example_of(one) for media, one in content.items()}
    return Section(
        id=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        about=blocks(operation["description"]),
        parameters=[
            ParameterLine(
                name=one["name"],
                where=one["in"],
                kind=kind_of(one["schema"]),
                is_required=one["required"],
                about=words(one.get("description", "")),
            )
            for one in operation["parameters"]
        ],
        bodies=bodies,
        answers=[
            AnswerLine(
                status=status,
                about=answer["description"],
                media=", ".join(answer.get("content", {})),
                example=next((example_of(one) for one in answer.get("content", {}).values()), "")
                if status < "400"
                else "",
            )
            for status, answer in (
                (status, resolved(answer, told)) for status, answer in operation["responses"].items()
            )
        ],
        command=command(path, method, operation["parameters"], bodies),
    )


def command(
    path: str, method: str, parameters: Sequence[Mapping[str, Any]], bodies: Mapping[str, str]
) -> str:
    """Write a request as people try it."""
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(one.get("example", one["name"])))
    lines = [f"curl {ADDRESS}{path}", '-H "Authorization: Bearer $KEY"']
    if method != "get":
        lines[0] = f"curl -X {method.upper()} {ADDRESS}{path}"
    for media, example in list(bodies.items())[:1]:
        is_json = media == JSON
        compact = msgspec.json.encode(msgspec.json.decode(example)).decode() if is_json else "@contacts.csv"
        lines += [f"-H 'Content-Type: {media}'", f"--data-binary '{compact}'"]
    return " \\\n  ".join(lines)


def resolved(answer: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = str(answer.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = told["components"]["responses"][reference] if reference else answer
    return found


def problem_line(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the problem that a kind of answer tells, as an example has it."""
    (content,) = answer["content"].values()
    (example,) = content["examples"].values()
    found: Mapping[str, Any] = example["value"]
    return found


def example_of(content: Mapping[str, Any]) -> str:
    value = next(iter(content["examples"].values()))["value"]
    return value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()


def kind_of(schema: Mapping[str, Any]) -> str:
    """Say in short what a value is."""
    if "anyOf" in schema:
        return " or ".join(kind_of(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"{kind_of(schema['items'])}, several times"
    bounds = [
        f"{word} {schema[name]}" for name, word in (("minimum", "from"), ("maximum", "to")) if name in schema
    ]
    default = [f"default {schema['default']}"] if "default" in schema and schema["default"] != "" else []
    return ", ".join([schema.get("format") or schema.get("type", "any"), *bounds, *default])


def blocks(text: str) -> Sequence[Block]:
    """Read the little Markdown that descriptions are written in: paragraphs, tables, code in a line."""
    found = []
    for part in text.strip().split("\n\n"):
        if part.startswith("|"):
            lines = [line.strip().strip("|").split(" | ") for line in part.splitlines()]
            rows = [[words(cell.strip()) for cell in line] for line in lines]
            found.append(Block(rows=[rows[0], *rows[2:]]))
        else:
            found.append(Block(words=words(" ".join(part.split()))))
    return found


def words(text: str) -> Sequence[Words]:
    parts = CODE.split(text)
    return [Words(part, is_code=bool(number % 2)) for number, part in enumerate(parts) if part]
