"""`switchhook key`: keys of our own APIs."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from switchhook.cli.frame import COMMON, Common, Many, desk, show, table
from switchhook.core.api import Scope
from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name
from switchhook.store.api_keys import (
    EVERY_SCOPE,
    UTC_ZONE,
    ApiKey,
    add_api_key,
    list_api_keys,
    revoke_api_key,
)

app = App(name="key")

RATE = re.compile(r"(?P<requests>[0-9]{1,9})/(?P<seconds>[0-9]{1,9})")

Scopes = Annotated[list[Scope], Parameter(consume_multiple=True, negative=())]


@app.command
async def add(
    *,
    name: str,
    allow: Many = [],  # noqa: B006 - read only
    scope: Scopes = [],  # noqa: B006 - read only
    zone: str = UTC_ZONE,
    rate: str | None = None,
    common: Common = COMMON,
) -> None:
    """Make a key. It is shown now and never again.

    Parameters
    ----------
    name
        Who or what uses it.
    allow
        Networks that it may be used from, such as 10.0.0.0/8; from anywhere when none is given. The
        VoIPcloud-style API takes no key without any.
    scope
        What it may be used for: read, write, dial, lookup; everything when none is given.
    zone
        Time zone in which its days begin and end, such as Europe/Berlin.
    rate
        Requests and seconds, such as 100/900; as each API has it when none is given.
    """
    async with desk(common) as at:
        made, key = await at.store.write(
            add_api_key,
            at.account_id,
            at.box,
            name=clean_name(name),
            at=datetime.now(UTC),
            allow=allow,
            scopes=scope or EVERY_SCOPE,
            zone=zone,
            rate=read_rate(rate),
        )
    show(common, {**msgspec.to_builtins(made), "key": key}, key)


@app.command(name="list")
async def list_(*, common: Common = COMMON) -> None:
    """List the keys, without the keys themselves."""
    async with desk(common) as at:
        found = await at.store.read(list_api_keys, at.account_id)
    rows = [
        (
            one.id,
            one.name,
            one.hint,
            one.scopes,
            one.allow or "anywhere",
            shown_rate(one),
            one.zone,
            one.created_at,
            one.last_used_at,
            one.revoked_at,
        )
        for one in found
    ]
    columns = ("ID", "NAME", "KEY", "FOR", "FROM", "RATE", "ZONE", "MADE", "LAST USED", "REVOKED")
    show(common, found, table(columns, rows, empty="No keys yet."))


@app.command
async def revoke(key_id: int, /, *, common: Common = COMMON) -> None:
    """Revoke a key: it opens nothing from now on."""
    async with desk(common) as at:
        await at.store.write(revoke_api_key, at.account_id, key_id, at=datetime.now(UTC))
    show(common, {"revoked": key_id}, f"Key {key_id} is revoked")


def read_rate(text: str | None) -> tuple[int, int] | None:
    """Read `100/900`: requests and seconds.

    Raises:
        BadMessage: it is written otherwise.
    """
    if text is None:
        return None
    written = RATE.fullmatch(text)
    if written is None:
        raise BadMessage(f"expected requests and seconds such as 100/900, got {text[:40]!r}", field="rate")
    return int(written["requests"]), int(written["seconds"])


def shown_rate(key: ApiKey) -> str | None:
    return None if key.rate_requests is None else f"{key.rate_requests}/{key.rate_seconds}"
