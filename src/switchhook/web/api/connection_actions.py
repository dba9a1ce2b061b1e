"""What is done with a connection: paused, resumed, tried, given a new key."""

from typing import Annotated

from msgspec import Meta, Struct

from switchhook.core.api import Scope
from switchhook.core.call_view import rfc3339
from switchhook.flow.rotation import LONGEST_OVERLAP_HOURS, rotate_connection
from switchhook.store.connections import ConnectionStatus, set_status
from switchhook.web.api.connections import (
    PBX,
    TAG,
    ConnectionPath,
    ConnectionView,
    read_row,
    view,
    wrong_settings,
)
from switchhook.web.api.fields import Time
from switchhook.web.api.operation import Answer, Answers, Asked, json_answer, operation


class FindingView(Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    what: str
    is_ok: bool
    detail: str


class TrialView(Struct, frozen=True, kw_only=True):
    """What came of trying a connection."""

    is_ok: Annotated[bool, Meta(description="Everything that was tried works.")]
    findings: tuple[FindingView, ...]


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which key is to be replaced, and how long the one before still holds."""

    key: (
        Annotated[
            str,
            Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$", description="Where there are several"),
        ]
        | None
    ) = None
    overlap_hours: Annotated[
        float, Meta(ge=0, le=LONGEST_OVERLAP_HOURS, description="0 ends the one before at once.")
    ] = 24


class RotatedView(Struct, frozen=True, kw_only=True):
    """A new key, whole: enter it at the other side."""

    keys: dict[str, str]
    old_key_until: Annotated[Time | None, Meta(description="Null: the one before holds no more.")]


async def put_status(asked: Asked, path: ConnectionPath, status: ConnectionStatus) -> Answer:
    await asked.store.write(set_status, asked.account_id, path.connection_id, status)
    await asked.office.hall.registry.refresh()
    return json_answer(await view(asked, await read_row(asked, path.connection_id)))


@operation(
    "POST",
    "/connections/{connection_id}/pause",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Pause a connection",
    answers=Answers(ConnectionView, PBX),
)
async def pause_connection(asked: Asked, path: ConnectionPath) -> Answer:
    """Nothing is told to it any more, and what it should be told is kept; what it tells is still taken."""
    return await put_status(asked, path, ConnectionStatus.PAUSED)


@operation(
    "POST",
    "/connections/{connection_id}/resume",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Resume a connection",
    answers=Answers(ConnectionView, PBX),
)
async def resume_connection(asked: Asked, path: ConnectionPath) -> Answer:
    """It is told again, beginning with what was kept."""
    return await put_status(asked, path, ConnectionStatus.ACTIVE)


@operation(
    "POST",
    "/connections/{connection_id}/try",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Try a connection",
    answers=Answers(
        TrialView,
        TrialView(
            is_ok=False,
            findings=(FindingView(what="ping", is_ok=False, detail="the name pbx.example.com is not known"),),
        ),
    ),
)
async def try_connection(asked: Asked, path: ConnectionPath) -> Answer:
    """Says in words what works and what does not; takes up to 30 seconds."""
    await read_row(asked, path.connection_id)
    await asked.office.hall.registry.refresh()
    findings = await asked.office.prober.try_connection(asked.account_id, path.connection_id)
    shown = tuple(FindingView(what=one.what, is_ok=one.is_ok, detail=one.detail) for one in findings)
    return json_answer(TrialView(is_ok=all(one.is_ok for one in shown), findings=shown))


@operation(
    "POST",
    "/connections/{connection_id}/rotate",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Make a new key for a connection",
    answers=Answers(
        RotatedView,
        RotatedView(
            keys={"planfix_token": "5f2a0c71d3f64b0e8a4dbb0f6b1c9e27"},
            old_key_until="2026-02-01T09:00:00.000Z",
        ),
    ),
    body_example=Rotation(overlap_hours=24),
)
async def rotate_connection_key(asked: Asked, path: ConnectionPath, body: Rotation) -> Answer:
    """The key that is replaced is taken beside the new one for a while, so that no request is lost."""
    with wrong_settings("key", "overlap_hours"):
        made = await rotate_connection(
            asked.store,
            asked.office.box,
            asked.office.connectors,
            asked.account_id,
            path.connection_id,
            key_name=body.key,
            overlap_hours=body.overlap_hours,
            at=asked.office.clock.now(),
        )
    await asked.office.hall.registry.refresh()
    until = made.old_key_until
    return json_answer(RotatedView(keys=made.keys, old_key_until=rfc3339(until) if until else None))
