"""`switchhook line`: our outside numbers."""

from cyclopts import App

from switchhook.cli.frame import COMMON, Common, desk, show, table
from switchhook.core.number import dialable
from switchhook.core.text import clean_name
from switchhook.store.lines import add_line, list_lines, remove_line

app = App(name="line")


@app.command
async def add(
    *,
    number: str,
    name: str,
    site: str | None = None,
    group: str | None = None,
    common: Common = COMMON,
) -> None:
    """Add a line.

    Parameters
    ----------
    number
        The number that callers dial.
    name
        What to call it on cards and in the history.
    site
        Code of the shop it belongs to, where a CRM has several.
    group
        Name of the group that answers it.
    """
    async with desk(common) as at:
        made = await at.store.write(
            add_line,
            at.account_id,
            number=dialable(number),
            name=clean_name(name),
            site=site,
            group=group,
            region=at.region,
        )
    show(common, made, f"{made.number} is {made.name}")


@app.command(name="list")
async def list_(*, common: Common = COMMON) -> None:
    """List the lines."""
    async with desk(common) as at:
        found = await at.store.read(list_lines, at.account_id)
    rows = [(one.number, one.name, one.site, one.group) for one in found]
    show(common, found, table(("NUMBER", "NAME", "SITE", "GROUP"), rows, empty="No lines yet."))


@app.command
async def remove(number: str, /, *, common: Common = COMMON) -> None:
    """Remove a line, in whatever spelling."""
    async with desk(common) as at:
        await at.store.write(remove_line, at.account_id, number, region=at.region)
    show(common, {"removed": number}, f"{number} is removed")
