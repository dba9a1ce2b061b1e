"""`switchhook connection`: the PBXs and CRMs that are connected."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from switchhook.app.desk import Desk
from switchhook.cli.frame import COMMON, Common, Switch, desk, facts, read_pairs, show, shown, table
from switchhook.connectors import discover, fields_of
from switchhook.core.connector import Side
from switchhook.core.text import mask
from switchhook.flow.configure import (
    Configured,
    change_connection,
    create_connection,
    show_connection,
    side_of,
)
from switchhook.flow.rotation import rotate_connection
from switchhook.store.connections import (
    ConnectionRow,
    ConnectionStatus,
    get_connection,
    list_connections,
    remove_connection,
    set_status,
)
from switchhook.store.deliveries import forget_connection
from switchhook.store.link_leases import get_link
from switchhook.store.times import to_millis

app = App(name="connection")


@app.command
async def add(
    kind: str,
    /,
    *,
    role: str,
    name: str,
    set_: Annotated[list[str], Parameter(name="--set", negative=())] = [],  # noqa: B006 - read only
    common: Common = COMMON,
) -> None:
    """Add a connection; prints the addresses and keys to enter at the peer.

    Parameters
    ----------
    kind
        The protocol: planfix, retailcrm, ...
    role
        What the peer is: pbx or crm.
    name
        What to call it.
    set_
        A setting, as field=value; may be given many times.
    """
    async with desk(common) as at:
        made = await create_connection(
            at.store,
            at.box,
            discover(),
            at.account_id,
            kind=kind,
            role=role,
            name=name,
            settings=read_pairs(set_),
            at=datetime.now(UTC),
        )
    show(common, made, what_to_enter(made))


@app.command(name="list")
async def list_(*, common: Common = COMMON) -> None:
    """List the connections."""
    async with desk(common) as at:
        found = await at.store.read(list_connections, at.account_id, at.box)
    listed = [
        {
            "id": row.id,
            "kind": row.kind,
            "role": row.role,
            "name": row.name,
            "status": row.status,
            "status_reason": row.status_reason,
            "created_at": row.created_at,
        }
        for row in found
    ]
    rows = [(r.id, r.kind, r.role.value, r.name, r.status.value, r.status_reason) for r in found]
    show(
        common,
        listed,
        table(("ID", "KIND", "PEER IS A", "NAME", "STATUS", "BECAUSE"), rows, empty="Nothing connected."),
    )


@app.command(name="show")
async def show_(
    connection_id: str,
    /,
    *,
    keys: Switch = False,
    snippet: Switch = False,
    common: Common = COMMON,
) -> None:
    """Show a connection with its settings; secrets are masked.

    Parameters
    ----------
    connection_id
        Its id.
    keys
        Show the keys that its peer presents to us.
    snippet
        Print the lines for the peer's own configuration instead, with the keys if these are asked for.
    """
    if snippet:
        await _show_snippets(connection_id, common, with_keys=keys)
        return
    async with desk(common) as at:
        row = await at.store.read(get_connection, at.account_id, at.box, connection_id)
        configured = await show_connection(at.store, discover(), row)
        lease = await at.store.read(get_link, at.account_id, connection_id)
    link = lease and lease.works(to_millis(datetime.now(UTC)))
    side = side_of(discover(), row.kind, row.role)
    shown_keys = configured.keys if keys else {name: mask(key) for name, key in configured.keys.items()}
    old_keys = {name: until for name, until in row.old_keys_until.items() if until > datetime.now(UTC)}
    value = {
        **msgspec.to_builtins(configured),
        "keys": shown_keys,
        "settings": masked(side, row.settings),
        "status": row.status,
        "status_reason": row.status_reason,
        "link": link,
        "created_at": row.created_at,
        "old_keys_until": old_keys,
    }
    human = facts(
        {
            "id": row.id,
            "name": row.name,
            "kind": f"{row.kind} ({row.role.value})",
            "status": f"{row.status.value}{f', because {row.status_reason}' if row.status_reason else ''}",
            **({"link": link} if link else {}),
            **{f"url {name}": url for name, url in configured.urls.items()},
            **{f"key {name}": key for name, key in shown_keys.items()},
            **{f"old key {name}": f"holds until {shown(until)}" for name, until in old_keys.items()},
            **masked(side, row.settings),
        }
    )
    show(common, value, human)


async def _show_snippets(connection_id: str, common: Common, *, with_keys: bool) -> None:
    from switchhook.app.workshop import open_workshop
    from switchhook.core.errors import Unsupported

    async with desk(common) as at, open_workshop(at) as workshop:
        attached = workshop.registry.link(at.account_id, connection_id)
        link = attached.link
        if attached.side.snippets is None:
            raise Unsupported(f"nothing can be pasted into {link.name}: it is set up by hand")
        if not with_keys:
            link = replace(link, keys={name: mask(key) for name, key in link.keys.items()})
        made = attached.side.snippets(link)
    if common.json:
        show(common, made)
        return
    for one in made:  # as it is: a line that is folded or cut would not be the same in a file
        print(f"; {one.file}{': ' if one.note else ''}{one.note}\n{one.text}")


@app.command(name="set")
async def set_settings(connection_id: str, /, *fields: str, common: Common = COMMON) -> None:
    """Change settings, as field=value; an empty value takes one away.

    Parameters
    ----------
    connection_id
        Its id.
    fields
        The settings, as field=value.
    """
    async with desk(common) as at:
        changed = await change_connection(
            at.store, at.box, discover(), at.account_id, connection_id, read_pairs(fields)
        )
    show(common, without_keys(changed), f"{changed.name} is changed")


@app.command(name="try")
async def try_(connection_id: str, /, *, common: Common = COMMON) -> None:
    """Try a connection and say in words what is wrong."""
    from switchhook.app.workshop import open_workshop
    from switchhook.core.errors import Refused

    async with desk(common) as at, open_workshop(at) as workshop:
        findings = await workshop.prober.try_connection(at.account_id, connection_id)
    rows = [("✓" if one.is_ok else "✗", one.what, one.detail) for one in findings]
    show(common, findings, table(("", "TRIED", "RESULT"), rows, empty="This protocol has nothing to try."))
    wrong = [one for one in findings if not one.is_ok]
    if wrong:
        raise Refused(f"{len(wrong)} of {len(findings)} did not work: {wrong[0].what}")


@app.command
async def rotate(
    connection_id: str, /, *, key: str | None = None, overlap_hours: float = 24, common: Common = COMMON
) -> None:
    """Make a new key or signing secret; the one before holds a while longer.

    Parameters
    ----------
    connection_id
        Its id.
    key
        Which key, where there are several.
    overlap_hours
        How long the one before still holds; 0 ends it at once.
    """
    async with desk(common) as at:
        made = await rotate_connection(
            at.store,
            at.box,
            discover(),
            at.account_id,
            connection_id,
            key_name=key,
            overlap_hours=overlap_hours,
            at=datetime.now(UTC),
        )
    until = made.old_key_until
    old = "holds no more" if until is None else f"holds until {shown(until)}"
    head = Text(f"{made.name} has a new key; the one before {old}. Enter at the other side:")
    show(common, made, Group(head, facts({f"key {name}": one for name, one in made.keys.items()})))


@app.command
async def pause(connection_id: str, /, *, common: Common = COMMON) -> None:
    """Stop telling this connection anything; what it should be told is kept."""
    await _put(common, connection_id, ConnectionStatus.PAUSED, "paused")


@app.command
async def resume(connection_id: str, /, *, common: Common = COMMON) -> None:
    """Go on telling this connection, beginning with what was kept."""
    await _put(common, connection_id, ConnectionStatus.ACTIVE, "resumed")


@app.command
async def remove(connection_id: str, /, *, common: Common = COMMON) -> None:
    """Remove a connection, its keys and all that waits for it; its calls stay."""
    async with desk(common) as at:
        await at.store.write(remove_connection, at.account_id, connection_id)
        await at.store.write(forget_connection, at.account_id, connection_id)
    show(common, {"removed": connection_id}, f"{connection_id} is removed")


async def _put(common: Common, connection_id: str, status: ConnectionStatus, word: str) -> None:
    async with desk(common) as at:
        row = await _status(at, connection_id, status)
    show(common, {"id": row.id, "name": row.name, "status": row.status}, f"{row.name} is {word}")


async def _status(at: Desk, connection_id: str, status: ConnectionStatus) -> ConnectionRow:
    await at.store.write(set_status, at.account_id, connection_id, status)
    return await at.store.read(get_connection, at.account_id, at.box, connection_id)


def masked(side: Side, settings: Mapping[str, str]) -> dict[str, str]:
    """Give the settings as they may be shown."""
    secret = {one.name for one in fields_of(side) if one.is_secret}
    return {
        name: mask(value) if name in secret and value else value for name, value in sorted(settings.items())
    }


def without_keys(configured: Configured) -> dict[str, object]:
    given: dict[str, object] = msgspec.to_builtins(configured)
    del given["keys"]
    return given


def what_to_enter(made: Configured) -> Group:
    """Lay out what the administrator has to enter at the peer."""
    given: dict[str, object] = {
        **{f"url {name}": url for name, url in made.urls.items()},
        **{f"key {name}": key for name, key in made.keys.items()},
    }
    head = Text(f"{made.name} is connected as {made.id}.")
    if not given:
        return Group(head)
    laid: Table = facts(given)
    return Group(head, Text("Enter at the other side:"), laid)
