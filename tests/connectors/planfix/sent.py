"""Requests and answers as they stand in the golden files."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from switchhook.core.call import CallEvent
from switchhook.core.edge import Request

FORM = "application/x-www-form-urlencoded"
PLANFIX_KEY = "303cb962ac59075b964b07152d234b70"  # of the examples in the vendor's help
PBX_KEY = "202cb962ac59075b964b07152d234b70"


def post(path: str, body: bytes, content_type: str = FORM, *, method: str = "POST") -> Request:
    headers = {"content-type": content_type} if content_type else {}
    return Request(method=method, path=path, headers=headers, body=body)


def to_crm(**fields: str) -> Request:
    return post("/tel/api", urlencode({**fields, "planfix_token": PLANFIX_KEY}).encode())


def to_pbx(**fields: str) -> Request:
    names = {name.rstrip("_"): value for name, value in fields.items()}  # from_, since from is Python's
    return post("/planfix", urlencode({**names, "token": PBX_KEY}).encode())


def requests(case: Path) -> Iterator[Request]:
    """Give the requests of a case: one whole HTTP request, or forms of one field a line."""
    whole = case / "request.http"
    if whole.exists():
        yield _read_http(whole.read_bytes())
        return
    for block in (case / "request.form").read_text().strip().split("\n\n"):
        fields = [(line.partition("=")[0], line.partition("=")[2]) for line in block.splitlines()]
        yield post("/tel/api", urlencode(fields).encode())


def shown(event: CallEvent) -> object:
    """Give an event as the golden files show it; the raw fields are in the request."""
    return msgspec.to_builtins(msgspec.structs.replace(event, as_sent={}))


def _read_http(data: bytes) -> Request:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method=method, path=path, headers=headers, body=body)
