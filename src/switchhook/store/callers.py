"""Who is behind a number, as far as our own books say, in one read."""

import sqlalchemy as sa
from msgspec import Struct

from switchhook.core.directory import Contact, Employee
from switchhook.core.number import Number, read_number
from switchhook.store import employees as people
from switchhook.store.contacts import find_contact_by_number
from switchhook.store.tables.book import employees


class Known(Struct, frozen=True, kw_only=True):
    """All None for a stranger."""

    contact: Contact | None = None
    responsible: Employee | None = None  # for the contact, when the extension is one of ours
    colleague: Employee | None = None  # the caller works here: inside, or from a number of their own


def know_caller(tx: sa.Connection, account_id: int, number: str, *, region: str = "RU") -> Known:
    """Look a number up among contacts, then among those who work here."""
    read = read_number(number, region)
    contact = None if read.is_extension else find_contact_by_number(tx, account_id, number, region=region)
    if contact is None:
        return Known(colleague=_colleague(tx, account_id, read))
    extension = contact.responsible
    return Known(
        contact=contact, responsible=people.find_employee(tx, account_id, extension) if extension else None
    )


def _colleague(tx: sa.Connection, account_id: int, read: Number) -> Employee | None:
    if read.is_extension:
        return people.find_employee(tx, account_id, read.digits) if read.digits else None
    if read.e164 is None:
        return None
    # A JSON list of texts; a company has few enough people to look through.
    written = employees.c.numbers.contains(f'"{read.e164}"', autoescape=True)
    found = sa.select(employees).where(employees.c.account_id == account_id, written)
    row = tx.execute(found.order_by(employees.c.id).limit(1)).first()
    return None if row is None else people.shown(row._mapping)
