"""`switchhook key`: keys of our own APIs."""

from datetime import UTC, datetime

import msgspec
from cyclopts import App

from switchhook.cli.frame import COMMON, Common, Many, desk, show, table
from switchhook.core.text import clean_name
from switchhook.store.api_keys import add_api_key, list_api_keys, revoke_api_key

app = App(name="key")


@app.command
async def add(
    *,
    name: str,
    allow: Many = [],  # noqa: B006 - read only
    common: Common = COMMON,
) -> None:
    """Make a key. It is shown now and never again.

    Parameters
    ----------
    name
        Who or what uses it.
    allow
        Networks that it may be used from, such as 10.0.0.0/8; from anywhere when none is given.
    """
    async with desk(common) as at:
        made, key = await at.store.write(
            add_api_key, at.account_id, at.box, name=clean_name(name), at=datetime.now(UTC), allow=allow
        )
    show(common, {**msgspec.to_builtins(made), "key": key}, key)


@app.command(name="list")
async def list_(*, common: Common = COMMON) -> None:
    """List the keys, without the keys themselves."""
    async with desk(common) as at:
        found = await at.store.read(list_api_keys, at.account_id)
    rows = [
        (one.id, one.name, one.allow or "anywhere", one.created_at, one.last_used_at, one.revoked_at)
        for one in found
    ]
    columns = ("ID", "NAME", "FROM", "MADE", "LAST USED", "REVOKED")
    show(common, found, table(columns, rows, empty="No keys yet."))


@app.command
async def revoke(key_id: int, /, *, common: Common = COMMON) -> None:
    """Revoke a key: it opens nothing from now on."""
    async with desk(common) as at:
        await at.store.write(revoke_api_key, at.account_id, key_id, at=datetime.now(UTC))
    show(common, {"revoked": key_id}, f"Key {key_id} is revoked")
