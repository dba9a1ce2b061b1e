"""How three known clients read this API, each in its own strictness; written from what they were seen to do.

`read_as_typed` stands for a .NET service, `read_as_strict` for a TypeScript client with a contract
test, `read_as_loose` for one that only looks at what it needs. Nothing of ours is used here.
"""

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct


class TypedRow(Struct, kw_only=True):
    """One class for the rows of all three histories. Lengths are numbers without a null."""

    unique_call_id: str | None = None
    type: str | None = None
    caller_id: str | None = None
    caller_name: str | None = None
    dest_number: str | None = None
    user_name: str | None = None
    user_number: str | None = None
    call_start_at: datetime
    connected_at: datetime | None = None
    call_duration: int
    conversation_duration: int
    queue_name: str | None = None
    ring_group_name: str | None = None
    status: str | None = None


class TypedAnswer(Struct, kw_only=True):
    status: str | None = None
    message: str | None = None
    code: int
    data: list[TypedRow] | None = None


class TypedOrder(Struct, kw_only=True):
    user_name: str | None = None
    user_number: str | None = None
    caller_id: str | None = None
    dest_number: str | None = None
    call_id: str | None = None


class TypedOrderAnswer(Struct, kw_only=True):
    status: str | None = None
    message: str | None = None
    code: int
    data: TypedOrder | None = None


def read_as_typed(body: bytes) -> Sequence[TypedRow]:
    answer = msgspec.json.decode(body, type=TypedAnswer)
    rows = answer.data or []
    for row in rows:
        assert row.unique_call_id is None or len(str(int(row.unique_call_id))) <= 20
    return rows


def read_order_as_typed(body: bytes) -> TypedOrder:
    answer = msgspec.json.decode(body, type=TypedOrderAnswer)
    assert answer.data is not None
    return answer.data


def read_as_strict(body: bytes, user: str) -> list[dict[str, Any]]:
    """Give this user's rows; any row of theirs that lacks something makes it give up on the answer."""
    answer = json.loads(body)
    assert type(answer["code"]) is int
    assert answer["code"] == 200
    assert isinstance(answer["data"], list)
    rows = [row for row in answer["data"] if row["user_number"] == user]
    for row in rows:
        for name in ("unique_call_id", "type", "dest_number", "user_name", "user_number"):
            assert isinstance(row[name], str), name
            assert row[name].strip(), name
        assert datetime.fromisoformat(row["call_start_at"]).tzinfo is not None
        for name in ("call_duration", "conversation_duration"):
            assert isinstance(row[name], int | float), name
            assert math.isfinite(row[name]), name
            assert row[name] >= 0, name
    return rows


def read_order_as_strict(body: bytes) -> str:
    """Give the id of the call, out of an object or a list of one."""
    answer = json.loads(body)
    assert answer["status"].lower() == "success"
    data = answer["data"][0] if isinstance(answer["data"], list) else answer["data"]
    assert isinstance(data["unique_call_id"], str)
    return str(data["unique_call_id"])


def read_as_loose(body: bytes) -> list[dict[str, Any]]:
    answer = json.loads(body)
    assert answer.get("status") in (None, "", "success"), answer.get("status")
    rows = answer["data"]
    assert isinstance(rows, list)
    return rows


def read_groups_as_loose(body: bytes) -> list[tuple[str | None, str]]:
    """Give caller and outcome of each row of a queue or a ring group."""
    return [(row["callerid"], row["status"]) for row in read_as_loose(body)]
