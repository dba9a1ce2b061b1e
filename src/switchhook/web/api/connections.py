"""Connections: the phone systems and CRMs that are joined here. Secrets go in, and come out masked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from switchhook.core.api import Scope
from switchhook.core.call_view import rfc3339
from switchhook.core.connector import Role
from switchhook.core.errors import BadMessage, Misconfigured
from switchhook.core.text import mask
from switchhook.flow.configure import (
    Configured,
    change_connection,
    create_connection,
    secret_names,
    show_connection,
    side_of,
)
from switchhook.store.connections import (
    ConnectionRow,
    ConnectionStatus,
    get_connection,
    list_connections,
    remove_connection,
    rename_connection,
)
from switchhook.store.deliveries import forget_connection
from switchhook.store.link_leases import get_link
from switchhook.store.times import to_millis
from switchhook.web.api.changes import taken_is_conflict, visible
from switchhook.web.api.fields import ConnectionId, Limit, Name, Next, Time
from switchhook.web.api.operation import Answer, Answers, Asked, created, json_answer, no_content, operation
from switchhook.web.api.paging import LIMIT
from switchhook.web.api.problem import CONFLICT

TAG = "Connections"

Settings = Annotated[
    dict[str, Annotated[str, Meta(max_length=4000)]],
    Meta(description="By name; what a kind of connection has is on its page of the documentation."),
]


class ConnectionView(Struct, frozen=True, kw_only=True):
    """One configured phone system or CRM."""

    id: ConnectionId
    kind: Annotated[str, Meta(description="The protocol.", examples=["planfix"])]
    role: Annotated[Role, Meta(description="What the other side is.")]
    name: str
    status: Annotated[
        ConnectionStatus, Meta(description="While it is paused, what it should be told is kept.")
    ]
    status_reason: Annotated[str | None, Meta(description="Why the hub has paused it by itself.")]
    link: Annotated[
        str | None,
        Meta(description="What the open link to the other side says while it works, where there is such."),
    ]
    created_at: Time
    urls: Annotated[
        dict[str, str],
        Meta(description="Where the other side reaches the hub; whole for keys that may `write`."),
    ]
    keys: Annotated[
        dict[str, str],
        Meta(description="What the other side presents: whole when it is made, masked ever after."),
    ]
    settings: Annotated[dict[str, str], Meta(description="Secrets are masked.")]


class ConnectionPage(Struct, frozen=True, kw_only=True):
    items: tuple[ConnectionView, ...]
    next: Next


class ConnectionPath(Struct, frozen=True, kw_only=True):
    connection_id: ConnectionId


class ConnectionsQuery(Struct, frozen=True, kw_only=True):
    cursor: Annotated[ConnectionId, Meta(description="`next` of the page before.")] | UnsetType = UNSET
    limit: Limit = LIMIT


class NewConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connection to be added."""

    kind: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$", examples=["planfix"])]
    role: Role
    name: Name
    settings: Settings = {}


class ConnectionChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a connection. A setting left out stays, an empty one is taken away."""

    name: Name | UnsetType = UNSET
    settings: Settings = {}


PBX = ConnectionView(
    id="c-ab2cd3ef4g",
    kind="planfix",
    role=Role.PBX,
    name="Office PBX",
    status=ConnectionStatus.ACTIVE,
    status_reason=None,
    link=None,
    created_at="2026-01-31T09:00:00.000Z",
    urls={"api": "https://hub.example.com/x/3q2-7w/tel/api"},
    keys={"planfix_token": "5f2a…"},
    settings={"pbx_url": "https://pbx.example.com/api"},
)


async def view(asked: Asked, row: ConnectionRow, *, made: Configured | None = None) -> ConnectionView:
    """Show a connection; keys are whole when it has just been made."""
    side = side_of(asked.office.connectors, row.kind, row.role)
    shown = made or await show_connection(asked.store, asked.office.connectors, row)
    # Who has the address of a connection can already say something in its name.
    is_trusted = Scope.WRITE in asked.key.scopes
    return ConnectionView(
        id=row.id,
        kind=row.kind,
        role=row.role,
        name=row.name,
        status=row.status,
        status_reason=row.status_reason,
        link=await link_of(asked, row) if side.run is not None else None,
        created_at=rfc3339(row.created_at),
        urls={
            name: url if is_trusted else url.replace(row.url_key, mask(row.url_key))
            for name, url in shown.urls.items()
        },
        keys=shown.keys if made else {name: mask(key) for name, key in shown.keys.items()},
        settings=masked(row.settings, secret_names(side)),
    )


async def link_of(asked: Asked, row: ConnectionRow) -> str | None:
    lease = await asked.store.read(get_link, row.account_id, row.id)
    return None if lease is None else lease.works(to_millis(asked.office.clock.now()))


def masked(settings: Mapping[str, str], secret: frozenset[str]) -> dict[str, str]:
    return {
        name: mask(value) if name in secret and value else value for name, value in sorted(settings.items())
    }


@contextmanager
def wrong_settings(*own: str) -> Iterator[None]:
    """Have a setting that is wrong said as the mistake of whoever sent it.

    `own` are fields of the body itself.

    Raises: BadMessage.
    """
    try:
        yield
    except Misconfigured as error:
        is_own = error.field is None or error.field in own
        raise BadMessage(error.reason, field=error.field if is_own else f"settings.{error.field}") from error


async def read_row(asked: Asked, connection_id: str) -> ConnectionRow:
    """Raises: NotFound."""
    return await asked.store.read(get_connection, asked.account_id, asked.office.box, connection_id)


@operation(
    "GET",
    "/connections",
    tag=TAG,
    scope=Scope.READ,
    summary="List connections",
    answers=Answers(ConnectionPage, ConnectionPage(items=(PBX,), next=None)),
)
async def list_all_connections(asked: Asked, query: ConnectionsQuery) -> Answer:
    """By id."""
    rows = await asked.store.read(list_connections, asked.account_id, asked.office.box)
    known = [row for row in rows if row.kind in asked.office.connectors and row.id > (query.cursor or "")]
    found = sorted(known, key=lambda row: row.id)[: query.limit + 1]
    shown = tuple([await view(asked, row) for row in found[: query.limit]])
    following = shown[-1].id if len(found) > query.limit else None
    return json_answer(ConnectionPage(items=shown, next=following))


@operation(
    "POST",
    "/connections",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Add a connection",
    answers=Answers(ConnectionView, PBX, status=201),
    problems=(CONFLICT,),
    body_example=NewConnection(
        kind="planfix", role=Role.PBX, name="Office PBX", settings={"pbx_url": "https://pbx.example.com/api"}
    ),
)
async def add_connection(asked: Asked, body: NewConnection) -> Answer:
    """Its keys are made here and shown whole in this answer only: enter them, and its addresses, at the other
    side. The hub serves it at once.
    """
    name = visible(body.name)
    with wrong_settings("kind", "role", "name"), taken_is_conflict():
        made = await create_connection(
            asked.store,
            asked.office.box,
            asked.office.connectors,
            asked.account_id,
            kind=body.kind,
            role=body.role.value,
            name=name,
            settings=body.settings,
            at=asked.office.clock.now(),
        )
    await asked.office.hall.registry.refresh()
    row = await read_row(asked, made.id)
    return created(await view(asked, row, made=made), "/connections", row.id)


@operation(
    "GET",
    "/connections/{connection_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show a connection",
    answers=Answers(ConnectionView, PBX),
)
async def show_one_connection(asked: Asked, path: ConnectionPath) -> Answer:
    return json_answer(await view(asked, await read_row(asked, path.connection_id)))


@operation(
    "PATCH",
    "/connections/{connection_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Change a connection",
    answers=Answers(ConnectionView, PBX),
    problems=(CONFLICT,),
    body_example=ConnectionChanges(settings={"pbx_url": "https://pbx2.example.com/api"}),
)
async def update_connection(asked: Asked, path: ConnectionPath, body: ConnectionChanges) -> Answer:
    """Its keys may be given among the settings too."""
    name = None if body.name is UNSET else visible(body.name)
    with wrong_settings(), taken_is_conflict():
        await change_connection(
            asked.store,
            asked.office.box,
            asked.office.connectors,
            asked.account_id,
            path.connection_id,
            body.settings,
        )
    if name is not None:
        await asked.store.write(rename_connection, asked.account_id, path.connection_id, name)
    await asked.office.hall.registry.refresh()
    return await show_one_connection.run(asked, path)


@operation(
    "DELETE",
    "/connections/{connection_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Remove a connection",
    answers=Answers(status=204),
)
async def delete_connection(asked: Asked, path: ConnectionPath) -> Answer:
    """Its keys and all that waits for it go too; its calls stay."""
    await asked.store.write(remove_connection, asked.account_id, path.connection_id)
    await asked.store.write(forget_connection, asked.account_id, path.connection_id)
    await asked.office.hall.registry.refresh()
    return no_content()
