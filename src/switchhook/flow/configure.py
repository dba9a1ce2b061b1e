"""Add and change connections, held to their connector's manifest; beside a running hub or without one."""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from switchhook.connectors import fields_of
from switchhook.core.connector import Connector, Field, FieldKind, Key, Role, Side
from switchhook.core.errors import BadMessage, HubError, Misconfigured
from switchhook.core.text import has_control
from switchhook.flow.registry import urls_of
from switchhook.net.target import read_target
from switchhook.store import Store
from switchhook.store.connections import (
    ConnectionRow,
    add_connection,
    get_connection,
    set_keys,
    set_settings,
)
from switchhook.store.hub_settings import PUBLIC_URL, get_setting
from switchhook.store.secrets import SecretBox

LONGEST_VALUE = 4000
# A key that an administrator brings along must not be easier to guess than this many characters.
SHORTEST_KEY = 8

ON, OFF = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class Configured(Struct, frozen=True, kw_only=True):
    """A connection as its administrator is shown it: keys and addresses to give to the peer."""

    id: str
    kind: str
    role: Role
    name: str
    urls: dict[str, str]
    keys: dict[str, str]


async def create_connection(
    store: Store,
    box: SecretBox,
    connectors: Mapping[str, Connector],
    account_id: int,
    *,
    kind: str,
    role: str,
    name: str,
    settings: Mapping[str, str],
    at: datetime,
) -> Configured:
    """Add a connection and make its keys; a key may be given among the settings instead.

    Raises:
        Misconfigured: names the field that is unknown, missing or wrong.
    """
    side = side_of(connectors, kind, role)
    given, keys = check_settings(side, settings)
    for one in side.fields:
        if one.is_required and not given.get(one.name):
            raise Misconfigured(f"expected a value for {one.name}, got none", field=one.name)
    if not name.strip() or has_control(name):
        raise Misconfigured("expected a name of visible characters", field="name")
    made = {key.name: keys.get(key.name) or make_key(key) for key in side.keys}
    row = await store.write(
        add_connection,
        account_id,
        box,
        kind=kind,
        role=side.role,
        name=name.strip(),
        at=at,
        settings=given,
        secret_names=secret_names(side),
        keys=made,
    )
    return await show_connection(store, connectors, row)


async def change_connection(
    store: Store,
    box: SecretBox,
    connectors: Mapping[str, Connector],
    account_id: int,
    connection_id: str,
    settings: Mapping[str, str],
) -> Configured:
    """Change settings, or keys, of a connection; an empty value takes an optional setting away.

    Raises:
        Misconfigured: names the field that is unknown or wrong.
        NotFound: no such connection.
    """
    row = await store.read(get_connection, account_id, box, connection_id)
    side = side_of(connectors, row.kind, row.role)
    given, keys = check_settings(side, settings)
    for one in side.fields:
        if one.is_required and given.get(one.name) == "":
            raise Misconfigured(f"expected a value for {one.name}, got none", field=one.name)
    if given:
        row = await store.write(
            set_settings, account_id, box, connection_id, given, secret_names=secret_names(side)
        )
    if keys:
        row = await store.write(set_keys, account_id, box, connection_id, keys)
    return await show_connection(store, connectors, row)


async def show_connection(
    store: Store, connectors: Mapping[str, Connector], row: ConnectionRow
) -> Configured:
    """Give what the administrator has to enter at the peer."""
    side = side_of(connectors, row.kind, row.role)
    public_url = await store.read(get_setting, PUBLIC_URL) or ""
    return Configured(
        id=row.id,
        kind=row.kind,
        role=row.role,
        name=row.name,
        urls=urls_of(side, public_url, row.url_key),
        keys=row.keys,
    )


def side_of(connectors: Mapping[str, Connector], kind: str, role: str) -> Side:
    """Find what a protocol can do with a peer of this role.

    Raises: Misconfigured: names `kind` or `role`.
    """
    connector = connectors.get(kind)
    if connector is None:
        raise Misconfigured(
            f"expected one of {', '.join(sorted(connectors))}, got {kind[:40]!r}", field="kind"
        )
    roles = {one.value: side for one, side in connector.sides.items()}
    if role not in roles:
        known = " or ".join(sorted(roles)) or "another kind: none of this one can be added yet"
        raise Misconfigured(f"expected {known}, got {role[:40]!r}", field="role")
    return roles[role]


def make_key(key: Key) -> str:
    return secrets.token_hex(key.bytes) if key.make is None else key.make()


def secret_names(side: Side) -> frozenset[str]:
    return frozenset(one.name for one in fields_of(side) if one.is_secret)


def check_settings(side: Side, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Hold values to the manifest; give the settings and, apart, the keys among them.

    Raises: Misconfigured: names the first field that is unknown or wrong.
    """
    fields = {one.name: one for one in fields_of(side)}
    known_keys = {one.name: one for one in side.keys}
    settings: dict[str, str] = {}
    keys: dict[str, str] = {}
    for name, text in given.items():
        value = text.strip()
        if len(value) > LONGEST_VALUE or has_control(value):
            raise Misconfigured(f"expected {name[:40]} as one line of text", field=name)
        if name in fields:
            settings[name] = _check_setting(fields[name], value) if value else ""
        elif name in known_keys:
            keys[name] = _check_key(known_keys[name], value)
        else:
            known = ", ".join(sorted({*fields, *known_keys}))
            raise Misconfigured(f"expected one of {known}, got {name[:40]!r}", field=name)
    return settings, keys


def _check_setting(field: Field, value: str) -> str:
    read = _CHECKS[field.kind](field, value)
    _ask(field.check, field.name, read)
    return read


def _check_key(key: Key, value: str) -> str:
    if len(value) < SHORTEST_KEY:
        raise Misconfigured(f"expected {key.name} of {SHORTEST_KEY} characters or more", field=key.name)
    _ask(key.check, key.name, value)
    return value


def _ask(check: Callable[[str], None] | None, name: str, value: str) -> None:
    """Have the connector judge a value of its own."""
    try:
        if check is not None:
            check(value)
    except BadMessage as error:
        raise Misconfigured(f"{name}: {error.reason}", field=name) from error


def _check_text(field: Field, value: str) -> str:
    if field.choices and value not in field.choices:
        raise Misconfigured(
            f"expected {field.name} as one of {', '.join(field.choices)}, got {_shown(field, value)}",
            field=field.name,
        )
    return value


def _check_url(field: Field, value: str) -> str:
    # A link to a PBX may be a websocket; its address is judged by the same rules.
    judged = re.sub(r"\Aws(s?)://", r"http\1://", value)
    try:
        read_target(judged)
    except HubError as error:
        raise Misconfigured(f"{field.name}: {error.reason}", field=field.name) from error
    return value


def _check_number(field: Field, value: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", value):
        raise Misconfigured(
            f"expected {field.name} as a number, got {_shown(field, value)}", field=field.name
        )
    return value


def _check_switch(field: Field, value: str) -> str:
    if value.lower() not in ON + OFF:
        raise Misconfigured(
            f"expected {field.name} as true or false, got {_shown(field, value)}", field=field.name
        )
    return "true" if value.lower() in ON else "false"


def _shown(field: Field, value: str) -> str:
    return "something else" if field.is_secret else repr(value[:40])


_CHECKS: Mapping[FieldKind, Callable[[Field, str], str]] = {
    FieldKind.TEXT: _check_text,
    FieldKind.URL: _check_url,
    FieldKind.NUMBER: _check_number,
    FieldKind.SWITCH: _check_switch,
}
