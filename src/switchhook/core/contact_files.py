"""Contacts to and from the files that address books make: CSV and vCard.

Pure. What other programs write is read leniently; what they cannot show safely is not written.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name
from switchhook.core.vcard import Property, read_cards, text_of, values_of, write_line


class ContactDraft(Struct, frozen=True, kw_only=True):
    """A contact that has no id yet."""

    name: str
    phones: tuple[str, ...] = ()
    responsible: str | None = None  # extension
    email: str | None = None


# How address books head their columns, in lower case; the first that fits in a file wins.
NAME_COLUMNS = (
    "name", "full name", "display name", "contact", "contact name", "fn",
    "имя и фамилия", "фио", "ф.и.о.", "контакт", "название", "наименование", "клиент", "отображаемое имя",
)  # fmt: skip
# A name in parts, in the order in which the parts are read aloud.
PART_COLUMNS = (
    ("first name", "given name", "имя"),
    ("middle name", "additional name", "отчество"),
    ("last name", "family name", "surname", "фамилия"),
)
COMPANY_COLUMNS = (
    "company",
    "organization",
    "organization name",
    "organization 1 - name",
    "компания",
    "организация",
)
RESPONSIBLE_COLUMNS = ("responsible", "owner", "manager", "extension", "ext", "ответственный", "менеджер")
EMAIL_COLUMN = re.compile(r"e-?mail\b(?!.*(type|label|тип))|.*почт", re.IGNORECASE)
PHONE_COLUMN = re.compile(
    r"(?!.*\b(type|label|тип)\b)(.*\b(phones?|tel|telephone|mobile|cell)\b|.*(телефон|мобильн)|numbers?$|номер)",
    re.IGNORECASE,
)

# Between two numbers in one cell. A comma before few digits is a pause before an extension.
BETWEEN_PHONES = re.compile(r"\s*(?:[\r\n]+|:::|;(?=\s*[+(\d])|,(?=\s*\+?[\d ()-]{7}))\s*")
# A spreadsheet runs a cell that begins so as a formula (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
LONGEST_PHONE = 64
LONGEST_CELL = 4096

EXPORTED_COLUMNS = ("name", "phones", "responsible", "email")
RESPONSIBLE_PROPERTY = "X-SWITCHHOOK-RESPONSIBLE"


def read_csv(data: bytes) -> list[ContactDraft]:
    """Read a table with a line of column names: comma, semicolon or tab; UTF-8, UTF-16 or Windows-1251.

    Rows that name nobody and no number are left out; without a name the first number is the name.

    Raises:
        BadMessage: no column is known for a name, or none for a number.
    """
    text = decode(data)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    try:
        head = [cell.strip().casefold() for cell in next(rows, [])]
        columns = Columns.find(head)
        return [draft for row in rows if (draft := columns.draft(row)) is not None]
    except csv.Error as error:
        raise BadMessage(f"expected a CSV table, got {error}", field="file") from None


def write_csv(contacts: Iterable[ContactDraft]) -> Iterator[str]:
    """Write a table that `read_csv` reads back, line by line; no cell of it is a formula."""
    line = io.StringIO()
    writer = csv.writer(line)
    rows = ((c.name, "; ".join(c.phones), c.responsible or "", c.email or "") for c in contacts)
    for row in (EXPORTED_COLUMNS, *rows):
        writer.writerow([defused(cell) for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def read_vcards(data: bytes) -> list[ContactDraft]:
    """Read vCards 2.1, 3.0 and 4.0; of each the name, numbers and the first address.

    Raises:
        BadMessage: there is no card in it.
    """
    cards = list(read_cards(data))
    if not cards:
        raise BadMessage("expected a vCard file, got no BEGIN:VCARD", field="file")
    drafts = [draft_of(card) for card in cards]
    return [draft for draft in drafts if draft is not None]


def write_vcards(contacts: Iterable[ContactDraft]) -> Iterator[str]:
    """Write vCards 3.0, which every phone reads, card by card."""
    for contact in contacts:
        lines = [
            "BEGIN:VCARD",
            "VERSION:3.0",
            write_line("FN", contact.name),
            write_line("N", contact.name, *[""] * 4),
        ]
        lines += [write_line("TEL", phone) for phone in contact.phones]
        if contact.email:
            lines.append(write_line("EMAIL", contact.email))
        if contact.responsible:
            lines.append(write_line(RESPONSIBLE_PROPERTY, contact.responsible))
        yield "\r\n".join([*lines, "END:VCARD", ""])


class Columns(Struct, frozen=True, kw_only=True):
    """Where in a row things are."""

    name: int | None
    parts: tuple[int, ...]
    company: int | None
    phones: tuple[int, ...]
    responsible: int | None
    email: int | None

    @classmethod
    def find(cls, head: Sequence[str]) -> "Columns":
        def first(names: Sequence[str]) -> int | None:
            return next((head.index(name) for name in names if name in head), None)

        parts = [first(names) for names in PART_COLUMNS]
        found = cls(
            name=first(NAME_COLUMNS),
            parts=tuple(part for part in parts if part is not None),
            company=first(COMPANY_COLUMNS),
            phones=tuple(i for i, name in enumerate(head) if PHONE_COLUMN.match(name)),
            responsible=first(RESPONSIBLE_COLUMNS),
            email=next((i for i, name in enumerate(head) if EMAIL_COLUMN.match(name)), None),
        )
        if found.name is None and not found.parts and found.company is None:
            raise BadMessage(f"expected a column 'name', got {', '.join(head)[:200]}", field="name")
        if not found.phones:
            raise BadMessage(f"expected a column 'phone', got {', '.join(head)[:200]}", field="phone")
        return found

    def draft(self, row: Sequence[str]) -> ContactDraft | None:
        def cell(index: int | None) -> str:
            return plain(row[index][:LONGEST_CELL]) if index is not None and index < len(row) else ""

        parts = " ".join(filter(None, (cell(part) for part in self.parts)))
        return make_draft(
            names=(cell(self.name), parts, cell(self.company)),
            phones=[phone for index in self.phones for phone in BETWEEN_PHONES.split(cell(index))],
            responsible=cell(self.responsible),
            email=cell(self.email),
        )


def draft_of(card: Sequence[Property]) -> ContactDraft | None:
    family, given, middle = (*values_of(card, "N"), "", "", "")[:3]
    return make_draft(
        names=(
            text_of(card, "FN"),
            " ".join(filter(None, (given, middle, family))),
            " ".join(values_of(card, "ORG")),
        ),
        phones=[p.text.removeprefix("tel:") for p in card if p.name == "TEL"],
        responsible=text_of(card, RESPONSIBLE_PROPERTY),
        email=text_of(card, "EMAIL"),
    )


def make_draft(
    *, names: Iterable[str], phones: Iterable[str], responsible: str, email: str
) -> ContactDraft | None:
    numbers = tuple(dict.fromkeys(filter(None, (clean_name(p, longest=LONGEST_PHONE) for p in phones))))
    name = next(filter(None, map(clean_name, names)), "") or next(iter(numbers), "")
    if not name:
        return None
    return ContactDraft(
        name=name,
        phones=numbers,
        responsible=clean_name(responsible) or None,
        email=clean_name(email, longest=254) or None,
    )


def defused(cell: str) -> str:
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell


def plain(cell: str) -> str:
    """Take off what `defused` (or another careful program) put on."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_STARTS) else cell


def decode(data: bytes) -> str:
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1251")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    # cp1251 leaves one byte undefined; latin-1 none.
    return data.decode("latin-1")


def delimiter_of(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)
