"""The address book: whom we know, and who is behind a number.

Contacts are always looked up here, never held in memory: there may be half a million.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from switchhook.core.contact_files import ContactDraft
from switchhook.core.directory import Contact
from switchhook.core.errors import NotFound
from switchhook.core.number import Number, fallback_digits, international_digits, read_number
from switchhook.store.hub_settings import bump
from switchhook.store.many import Find
from switchhook.store.tables.book import contact_phones, contacts

# Contacts of one transaction of an import: events wait no longer than for these.
IMPORT_CHUNK = 500
# How many rows with one number, or one ending, are looked at.
LIKELY_ROWS = 50

NUMBER_SEARCH = re.compile(r"[+() .-]*[0-9][0-9() .-]*")

OF_CONTACT = sa.select(contacts).join(contact_phones, contact_phones.c.contact_id == contacts.c.id)
BY_E164 = Find(
    OF_CONTACT.where(
        contact_phones.c.account_id == sa.bindparam("account"), contact_phones.c.e164 == sa.bindparam("e164")
    ).limit(LIKELY_ROWS),
    *("account", "e164"),
)
BY_ENDING = Find(
    OF_CONTACT.add_columns(contact_phones.c.raw.label("phone_raw"), contact_phones.c.e164.label("phone_e164"))
    .where(
        contact_phones.c.account_id == sa.bindparam("account"),
        contact_phones.c.reversed_digits >= sa.bindparam("ending"),
        contact_phones.c.reversed_digits < sa.bindparam("beyond"),
    )
    .limit(LIKELY_ROWS),
    *("account", "ending", "beyond"),
)
INSERT_CONTACTS = sa.insert(contacts).returning(contacts.c.id, sort_by_parameter_order=True)
INSERT_PHONES = sa.insert(contact_phones)


def add_contact(
    tx: sa.Connection,
    account_id: int,
    *,
    name: str,
    phones: Sequence[str] = (),
    responsible: str | None = None,
    email: str | None = None,
    region: str = "RU",
) -> Contact:
    """Add a contact, even if one of its numbers is another contact's too."""
    draft = ContactDraft(name=name, phones=tuple(phones), responsible=responsible, email=email)
    (contact,) = _insert_all(tx, account_id, [draft], region)
    bump(tx)
    return contact


def import_contacts(
    tx: sa.Connection, account_id: int, drafts: Sequence[ContactDraft], *, region: str = "RU"
) -> int:
    """Add many at once, less those that are here already; say how many were added.

    Here already: a contact of the same name with the same numbers. Callers give `IMPORT_CHUNK` of
    them at a time: see `chunks`.
    """
    by_card = {_card_of(account_id, draft): draft for draft in drafts}
    known = _known_cards(tx, account_id, by_card)
    new = [draft for card, draft in by_card.items() if card not in known]
    if new:
        _insert_all(tx, account_id, new, region)
        bump(tx)
    return len(new)


def chunks(drafts: Iterable[ContactDraft]) -> Iterator[list[ContactDraft]]:
    """Cut an import into transactions that nobody waits for long."""
    chunk: list[ContactDraft] = []
    for draft in drafts:
        chunk.append(draft)
        if len(chunk) == IMPORT_CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def get_contact(tx: sa.Connection, account_id: int, contact_id: int) -> Contact:
    """Raises: NotFound."""
    row = tx.execute(sa.select(contacts).where(_is_one(account_id, contact_id))).first()
    if row is None:
        raise NotFound(f"no such contact: {contact_id}")
    return _shown(row._mapping)


def list_contacts(
    tx: sa.Connection, account_id: int, *, after_id: int = 0, limit: int = 100, search: str = ""
) -> list[Contact]:
    """Give a page by id; the next one begins after the last id of this one.

    `search`: a part of the name, or the end of a number when it holds nothing but a number.
    """
    found = sa.select(contacts).where(contacts.c.account_id == account_id, contacts.c.id > after_id)
    if search.strip():
        found = found.where(_matches(account_id, search.strip()))
    return [_shown(row._mapping) for row in tx.execute(found.order_by(contacts.c.id).limit(limit))]


def update_contact(tx: sa.Connection, account_id: int, contact: Contact, *, region: str = "RU") -> None:
    """Store all of it over the one with its id.

    Raises: NotFound.
    """
    draft = ContactDraft(
        name=contact.name, phones=contact.phones, responsible=contact.responsible, email=contact.email
    )
    changed = sa.update(contacts).where(_is_one(account_id, contact.id)).values(**_columns(account_id, draft))
    if not tx.execute(changed).rowcount:
        raise NotFound(f"no such contact: {contact.id}")
    tx.execute(sa.delete(contact_phones).where(contact_phones.c.contact_id == contact.id))
    rows = list(_phone_rows(account_id, contact.id, contact.phones, region))
    if rows:
        tx.execute(INSERT_PHONES, rows)
    bump(tx)


def remove_contact(tx: sa.Connection, account_id: int, contact_id: int) -> None:
    """Raises: NotFound."""
    if not tx.execute(sa.delete(contacts).where(_is_one(account_id, contact_id))).rowcount:
        raise NotFound(f"no such contact: {contact_id}")
    bump(tx)


def find_contact_by_number(
    tx: sa.Connection, account_id: int, number: str, *, region: str = "RU"
) -> Contact | None:
    """Say who is behind a number; of several with the same one, the first that was added.

    Exactly by E.164. Only if that finds nobody, by the last ten digits, and then only if they name
    one contact (decision 11 of docs/connectors/planfix.md). Two numbers both written in full that
    differ are two parties, whatever their last digits.
    """
    read = read_number(number, region)
    if read.is_withheld:
        return None
    if read.e164 is not None:
        exact = BY_E164.run(tx, account_id, read.e164)
        if exact:
            return _shown(min(exact, key=itemgetter("id")))
    ending = fallback_digits(read)
    if ending is None:
        return _by_all_digits(tx, account_id, read)
    start = ending[::-1]
    # ":" follows "9": everything that begins with these digits lies before it.
    rows = BY_ENDING.run(tx, account_id, start, start + ":")
    likely = {
        row["id"]: row
        for row in rows
        if not (read.e164 and row["phone_e164"] and _is_in_full(number, row["phone_raw"]))
    }
    return _shown(next(iter(likely.values()))) if len(likely) == 1 and len(rows) < LIKELY_ROWS else None


def _by_all_digits(tx: sa.Connection, account_id: int, read: Number) -> Contact | None:
    """Find a short number, or one that no plan knows, by exactly its digits."""
    if not read.digits:
        return None
    wanted = OF_CONTACT.where(
        contact_phones.c.account_id == account_id, contact_phones.c.reversed_digits == read.digits[::-1]
    )
    rows = {row.id: row for row in tx.execute(wanted.limit(LIKELY_ROWS))}
    return _shown(next(iter(rows.values()))._mapping) if len(rows) == 1 else None


def _is_in_full(number: str, written: str) -> bool:
    return number.strip().startswith("+") and written.strip().startswith("+")


def _matches(account_id: int, search: str) -> sa.ColumnElement[bool]:
    if NUMBER_SEARCH.fullmatch(search):
        start = "".join(c for c in search if c.isdecimal())[::-1]
        return contacts.c.id.in_(
            sa.select(contact_phones.c.contact_id).where(
                contact_phones.c.account_id == account_id,
                contact_phones.c.reversed_digits >= start,
                contact_phones.c.reversed_digits < start + ":",
            )
        )
    return contacts.c.name_folded.contains(search.casefold(), autoescape=True)


def _card_of(account_id: int, draft: ContactDraft) -> int:
    text = msgspec.json.encode((account_id, draft.name, draft.phones))
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)


def _known_cards(tx: sa.Connection, account_id: int, cards: Iterable[int]) -> set[int]:
    # Plus nothing: PostgreSQL without statistics, as in a first import, would rather read the
    # whole account by its index than look each card up.
    mine = contacts.c.account_id + 0 == account_id
    return set(tx.execute(sa.select(contacts.c.card).where(contacts.c.card.in_(cards), mine)).scalars())


def _insert_all(
    tx: sa.Connection, account_id: int, drafts: Sequence[ContactDraft], region: str
) -> list[Contact]:
    rows = [{"account_id": account_id, **_columns(account_id, draft)} for draft in drafts]
    ids = list(tx.execute(INSERT_CONTACTS, rows).scalars())
    phones = [
        row
        for contact_id, draft in zip(ids, drafts, strict=True)
        for row in _phone_rows(account_id, contact_id, draft.phones, region)
    ]
    if phones:
        tx.execute(INSERT_PHONES, phones)
    return [
        Contact(id=i, name=d.name, phones=d.phones, responsible=d.responsible, email=d.email)
        for i, d in zip(ids, drafts, strict=True)
    ]


def _phone_rows(
    account_id: int, contact_id: int, phones: Iterable[str], region: str
) -> Iterator[dict[str, object]]:
    """Give a row per number that can be read at all."""
    for position, raw in enumerate(phones):
        read = read_number(raw, region)
        digits = international_digits(read)
        if digits:
            yield {
                "account_id": account_id,
                "contact_id": contact_id,
                "position": position,
                "raw": raw,
                "e164": read.e164,
                "reversed_digits": digits[::-1],
            }


def _is_one(account_id: int, contact_id: int) -> sa.ColumnElement[bool]:
    return (contacts.c.account_id == account_id) & (contacts.c.id == contact_id)


def _columns(account_id: int, draft: ContactDraft) -> dict[str, object]:
    return {
        "card": _card_of(account_id, draft),
        "name": draft.name,
        "name_folded": draft.name.casefold(),
        "responsible": draft.responsible,
        "email": draft.email,
        "phones": msgspec.json.encode(draft.phones).decode(),
    }


def _shown(stored: Mapping[Any, Any]) -> Contact:
    return Contact(
        id=stored["id"],
        name=stored["name"],
        phones=msgspec.json.decode(stored["phones"], type=tuple[str, ...]),
        responsible=stored["responsible"],
        email=stored["email"],
    )
