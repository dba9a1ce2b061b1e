"""Whole address books in and out, as CSV or vCard."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Annotated, NamedTuple

from litestar.response import Stream
from msgspec import Meta, Struct

from switchhook.core.api import Scope
from switchhook.core.contact_files import ContactDraft, read_csv, read_vcards, write_csv, write_vcards
from switchhook.store.contacts import chunks, import_contacts, list_contacts
from switchhook.web.api.accept import preferred
from switchhook.web.api.contacts import TAG
from switchhook.web.api.operation import Answer, Answers, Asked, json_answer, operation

PAGE = 1000
MAX_IMPORT_BYTES = 8 * 1024 * 1024
CSV, VCARD = "text/csv", "text/vcard"


class Format(NamedTuple):
    read: Callable[[bytes], list[ContactDraft]]
    write: Callable[[Iterable[ContactDraft]], Iterator[str]]
    file_name: str
    has_heading: bool  # the first thing written is about all of them
    example: str


FORMATS: Mapping[str, Format] = {
    CSV: Format(
        read_csv,
        write_csv,
        "contacts.csv",
        True,
        "name,phones,responsible,email\r\nAnna Petrova,'+7 910 123-45-67,101,anna@example.com\r\n",
    ),
    VCARD: Format(
        read_vcards,
        write_vcards,
        "contacts.vcf",
        False,
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna Petrova\r\nTEL:+7 910 123-45-67\r\nEND:VCARD\r\n",
    ),
}
EXAMPLES = {media_type: known.example for media_type, known in FORMATS.items()}


class Imported(Struct, frozen=True, kw_only=True):
    """What came of an import."""

    read: Annotated[int, Meta(description="Contacts in the file.")]
    added: Annotated[int, Meta(description="Those of them that were not here before.")]


@operation(
    "POST",
    "/contacts/import",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Add contacts from a CSV or vCard file",
    answers=Answers(Imported, Imported(read=120, added=118)),
    problems=("too_large",),
    body_types=tuple(FORMATS),
    body_example=EXAMPLES,
    max_body_bytes=MAX_IMPORT_BYTES,
)
async def import_contact_file(asked: Asked, body: bytes) -> Answer:
    """The body is the file, up to 8 MiB. Contacts that are here already (the same name and numbers) are left
    out, so a file may be sent again. A CSV file begins with a line of column names; those of common address
    books are known.
    """
    drafts = await asyncio.to_thread(FORMATS[asked.content_type].read, body)
    added = 0
    for chunk in chunks(drafts):
        added += await asked.store.write(import_contacts, asked.account_id, chunk, region=asked.region)
    return json_answer(Imported(read=len(drafts), added=added))


@operation(
    "GET",
    "/contacts/export",
    tag=TAG,
    scope=Scope.READ,
    summary="Get every contact as a CSV or vCard file",
    answers=Answers(media=EXAMPLES),
)
async def export_contact_file(asked: Asked) -> Answer:
    """`Accept: text/vcard` gives vCards 3.0, anything else CSV. No cell of the CSV is a formula: one that
    would be begins with an apostrophe, which the import takes off again.
    """
    media_type = preferred(asked.request.headers.get("accept", ""), tuple(FORMATS))
    known = FORMATS[media_type]
    return Stream(
        written(asked, known),
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{known.file_name}"', "vary": "accept"},
    )


async def written(asked: Asked, known: Format) -> AsyncIterator[str]:
    """Write all contacts, a page in memory at a time."""
    after, is_first = 0, True
    while True:
        page = await asked.store.read(list_contacts, asked.account_id, after_id=after, limit=PAGE)
        if not page and not is_first:
            return
        pieces = known.write(
            ContactDraft(name=one.name, phones=one.phones, responsible=one.responsible, email=one.email)
            for one in page
        )
        if known.has_heading and not is_first:
            next(pieces)
        yield "".join(pieces)
        if len(page) < PAGE:
            return
        after, is_first = page[-1].id, False
