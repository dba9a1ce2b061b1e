"""`switchhook group`: extensions that ring together."""

from cyclopts import App

from switchhook.cli.frame import COMMON, Common, Many, desk, show, table
from switchhook.core.directory import GroupKind
from switchhook.core.errors import BadMessage
from switchhook.core.number import extension_of
from switchhook.core.text import clean_name
from switchhook.store.groups import add_group, list_groups, remove_group

app = App(name="group")


@app.command
async def add(*, name: str, kind: GroupKind, extension: Many, common: Common = COMMON) -> None:
    """Add a group.

    Parameters
    ----------
    name
        By which lines refer to it.
    kind
        How its phones ring: all at once, in a queue, or one after another.
    extension
        Its members, in their order.
    """
    members = tuple(dict.fromkeys(extension_of(one) for one in extension))
    if not members:
        raise BadMessage("expected at least one extension", field="extension")
    async with desk(common) as at:
        made = await at.store.write(
            add_group, at.account_id, name=clean_name(name), kind=kind, extensions=members
        )
    show(common, made, f"{made.name}: {', '.join(made.extensions)} ({made.kind.value})")


@app.command(name="list")
async def list_(*, common: Common = COMMON) -> None:
    """List the groups."""
    async with desk(common) as at:
        found = await at.store.read(list_groups, at.account_id)
    rows = [(one.name, one.kind.value, one.extensions) for one in found]
    show(common, found, table(("NAME", "KIND", "EXTENSIONS"), rows, empty="No groups yet."))


@app.command
async def remove(name: str, /, *, common: Common = COMMON) -> None:
    """Remove a group; its members stay."""
    async with desk(common) as at:
        await at.store.write(remove_group, at.account_id, name)
    show(common, {"removed": name}, f"{name} is removed")
