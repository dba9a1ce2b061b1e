"""`switchhook employee`: who works here, by extension."""

from cyclopts import App

from switchhook.cli.frame import COMMON, Common, Many, desk, show, table
from switchhook.core.number import extension_of
from switchhook.core.text import clean_name
from switchhook.store.employees import add_employee, list_employees, remove_employee

app = App(name="employee")


@app.command
async def add(
    *,
    name: str,
    extension: str,
    login: str | None = None,
    email: str | None = None,
    number: Many = [],  # noqa: B006 - read only
    common: Common = COMMON,
) -> None:
    """Add an employee.

    Parameters
    ----------
    name
        As callers and colleagues know them.
    extension
        Their inside number.
    login
        Their name in the CRM, where it asks for one.
    email
        Their address.
    number
        Their own outside numbers.
    """
    async with desk(common) as at:
        made = await at.store.write(
            add_employee,
            at.account_id,
            name=clean_name(name),
            extension=extension_of(extension),
            login=login,
            email=email,
            numbers=number,
            region=at.region,
        )
    show(common, made, f"{made.name} has extension {made.extension}")


@app.command(name="list")
async def list_(*, common: Common = COMMON) -> None:
    """List the employees."""
    async with desk(common) as at:
        found = await at.store.read(list_employees, at.account_id)
    rows = [(e.extension, e.name, e.availability.value, e.login, e.email, e.numbers) for e in found]
    columns = ("EXTENSION", "NAME", "STATUS", "LOGIN", "EMAIL", "NUMBERS")
    show(common, found, table(columns, rows, empty="No employees yet."))


@app.command
async def remove(extension: str, /, *, common: Common = COMMON) -> None:
    """Remove an employee; their calls stay."""
    async with desk(common) as at:
        await at.store.write(remove_employee, at.account_id, extension)
    show(common, {"removed": extension}, f"Extension {extension} is removed")
