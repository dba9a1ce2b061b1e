"""`switchhook contact`: the address book, one by one or whole files."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cyclopts import App

from switchhook.cli.frame import COMMON, Common, Many, desk, show, table
from switchhook.core.contact_files import ContactDraft, read_csv, read_vcards, write_csv, write_vcards
from switchhook.core.directory import Contact
from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name
from switchhook.store.contacts import (
    add_contact,
    chunks,
    import_contacts,
    list_contacts,
    remove_contact,
)

app = App(name="contact")

PAGE = 1000
MAX_FILE_BYTES = 256 * 1024 * 1024

Reader = Callable[[bytes], list[ContactDraft]]
Writer = Callable[[Iterable[ContactDraft]], Iterator[str]]
FORMATS: dict[str, tuple[Reader, Writer]] = {
    ".csv": (read_csv, write_csv),
    ".vcf": (read_vcards, write_vcards),
}


@app.command
async def add(
    *,
    name: str,
    phone: Many,
    responsible: str | None = None,
    email: str | None = None,
    common: Common = COMMON,
) -> None:
    """Add a contact.

    Parameters
    ----------
    name
        Shown when they call.
    phone
        Their numbers, in whatever spelling.
    responsible
        Extension of the employee whose client they are; their calls are routed there.
    email
        Their address.
    """
    async with desk(common) as at:
        made = await at.store.write(
            add_contact,
            at.account_id,
            name=clean_name(name),
            phones=phone,
            responsible=responsible,
            email=email,
            region=at.region,
        )
    show(common, made, f"{made.name} is contact {made.id}")


@app.command(name="list")
async def list_(*, search: str = "", limit: int = 100, common: Common = COMMON) -> None:
    """List contacts.

    Parameters
    ----------
    search
        A part of the name, or the end of a number.
    limit
        How many at most.
    """
    async with desk(common) as at:
        found = await at.store.read(list_contacts, at.account_id, search=search, limit=limit)
    rows = [(one.id, one.name, one.phones, one.responsible, one.email) for one in found]
    columns = ("ID", "NAME", "NUMBERS", "RESPONSIBLE", "EMAIL")
    show(common, found, table(columns, rows, empty="No contacts."))


@app.command(name="import")
async def import_(file: Path, /, *, common: Common = COMMON) -> None:
    """Read contacts from a CSV or vCard file; those that are here already are left out.

    Parameters
    ----------
    file
        A .csv with a heading line (name, phone, responsible, email), or a .vcf.
    """
    read, _ = format_of(file)
    drafts = read(read_whole(file))
    added = 0
    async with desk(common) as at:
        for chunk in chunks(drafts):
            added += await at.store.write(import_contacts, at.account_id, chunk, region=at.region)
    value = {"read": len(drafts), "added": added}
    show(common, value, f"{added} of {len(drafts)} contacts are new")


@app.command
async def export(file: Path, /, *, common: Common = COMMON) -> None:
    """Write every contact to a CSV or vCard file.

    Parameters
    ----------
    file
        Where to; a .csv or a .vcf.
    """
    _, write = format_of(file)
    found: list[Contact] = []
    async with desk(common) as at:
        after = 0
        while page := await at.store.read(list_contacts, at.account_id, after_id=after, limit=PAGE):
            found += page
            after = page[-1].id
    drafts = (
        ContactDraft(name=one.name, phones=one.phones, responsible=one.responsible, email=one.email)
        for one in found
    )
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            opened.writelines(write(drafts))
    except OSError as error:
        raise BadMessage(f"cannot write {file}: {error.strerror}", field="file") from error
    show(common, {"written": len(found), "file": str(file)}, f"{len(found)} contacts are in {file}")


@app.command
async def remove(contact_id: int, /, *, common: Common = COMMON) -> None:
    """Remove a contact; their calls stay."""
    async with desk(common) as at:
        await at.store.write(remove_contact, at.account_id, contact_id)
    show(common, {"removed": contact_id}, f"Contact {contact_id} is removed")


def format_of(file: Path) -> tuple[Reader, Writer]:
    """Raises: BadMessage: the file's name says neither CSV nor vCard."""
    known = FORMATS.get(file.suffix.lower())
    if known is None:
        raise BadMessage(f"expected a file that ends in .csv or .vcf, got {file.name[:60]!r}", field="file")
    return known


def read_whole(file: Path) -> bytes:
    """Raises: BadMessage: the file cannot be read, or is too large to be an address book."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise BadMessage(f"expected a file of up to {MAX_FILE_BYTES} bytes", field="file")
        return file.read_bytes()
    except OSError as error:
        raise BadMessage(f"cannot read {file}: {error.strerror}", field="file") from error
