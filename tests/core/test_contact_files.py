"""Address books of other programs are read, and ours are written so that nothing in them runs."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.contact_files import ContactDraft, read_csv, read_vcards, write_csv, write_vcards
from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name

IVAN = ContactDraft(name="Иван Петров", phones=("+7 916 123-45-67",))


@pytest.mark.parametrize(
    "text",
    [
        "name,phone\nИван Петров,+7 916 123-45-67\n",
        "Имя;Фамилия;Телефон\r\nИван;Петров;+7 916 123-45-67\r\n",
        "First Name\tLast Name\tMobile Phone\nИван\tПетров\t+7 916 123-45-67\n",
        "ФИО,Комментарий,Мобильный телефон\n Иван  Петров ,x,'+7 916 123-45-67\n,,\n",
        "Name,Phone 1 - Type,Phone 1 - Value\nИван Петров,Mobile,+7 916 123-45-67\n",
    ],
)
def test_reads_the_columns_that_address_books_write(text: str) -> None:
    assert read_csv(text.encode()) == [IVAN]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_reads_the_encodings_that_spreadsheets_write(encoding: str) -> None:
    assert read_csv("Имя;Телефон\nИван Петров;+7 916 123-45-67\n".encode(encoding)) == [IVAN]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("+79161234567; 84951112233", ("+79161234567", "84951112233")),
        ("+79161234567 ::: 84951112233", ("+79161234567", "84951112233")),
        ("+79161234567\n101", ("+79161234567", "101")),
        ("+79161234567, +7 495 111-22-33", ("+79161234567", "+7 495 111-22-33")),
        ("+74951112233;ext=5", ("+74951112233;ext=5",)),
        ("+74951112233,105", ("+74951112233,105",)),
        ("", ()),
    ],
)
def test_takes_the_numbers_of_one_cell_apart(cell: str, expected: tuple[str, ...]) -> None:
    (draft,) = read_csv(f'name,phone\nИван,"{cell}"\n'.encode())

    assert draft.phones == expected


def test_reads_who_is_responsible_and_the_address() -> None:
    (draft,) = read_csv(b"name,phone,email,responsible\nIvan,101,i@example.com,205\n")

    assert draft == ContactDraft(name="Ivan", phones=("101",), email="i@example.com", responsible="205")


def test_names_a_nameless_contact_by_its_number() -> None:
    assert read_csv(b"name,phone\n,101\n") == [ContactDraft(name="101", phones=("101",))]


@pytest.mark.parametrize(
    ("text", "field"), [("phone\n101\n", "name"), ("name\nIvan\n", "phone"), ("", "name")]
)
def test_says_which_column_is_missing(text: str, field: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read_csv(text.encode())

    assert caught.value.field == field


NAMES = st.text(max_size=40).map(clean_name).filter(bool)
PHONE = st.builds(str.__add__, st.sampled_from(["", "+"]), st.text("0123456789", min_size=2, max_size=15))
PHONES = st.lists(PHONE, max_size=3, unique=True).map(tuple)
DRAFTS = st.builds(
    ContactDraft,
    name=NAMES,
    phones=PHONES,
    responsible=st.none() | st.just("101"),
    email=st.none() | st.just("a@b.c"),
)


@given(st.lists(DRAFTS, max_size=5))
def test_reads_back_the_table_that_it_writes(drafts: list[ContactDraft]) -> None:
    assert read_csv("".join(write_csv(drafts)).encode()) == drafts


@given(st.lists(DRAFTS, max_size=5))
def test_reads_back_the_cards_that_it_writes(drafts: list[ContactDraft]) -> None:
    data = "".join(write_vcards(drafts)).encode()

    assert (read_vcards(data) if drafts else []) == drafts
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))


@given(st.text(max_size=20), st.sampled_from("=+-@\t\r"))
def test_no_cell_that_it_writes_is_a_formula(rest: str, start: str) -> None:
    written = "".join(
        write_csv([ContactDraft(name=start + rest, phones=(start + rest,), email=start + rest)])
    )
    _, row = csv.reader(io.StringIO(written, newline=""))

    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


CARD_21 = (
    "BEGIN:VCARD\r\nVERSION:2.1\r\n"
    "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9F=D0=B5=D1=82=D1=80=D0=BE=D0=B2;=\r\n"
    "=D0=98=D0=B2=D0=B0=D0=BD\r\n"
    "TEL;CELL:+7 916 123-45-67\r\nPHOTO;BASE64;JPEG:/9j/4AAQ\r\n SkZJRg==\r\n\r\nEND:VCARD\r\n"
)
CARD_30 = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Иван \n Петров\nN:Петров;Иван;;;\n"
    "item1.TEL;type=CELL:+7 916 123-45-67\nitem1.X-ABLabel:Work: main\nEND:VCARD\n"
)
CARD_40 = (
    'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Иван Петров\r\nTEL;VALUE=uri;TYPE="voice,cell":tel:+7 916 123-45-67\r\n'
    "END:VCARD\r\n"
)


@pytest.mark.parametrize("card", [CARD_21, CARD_30, CARD_40])
def test_reads_every_version_of_a_card(card: str) -> None:
    assert read_vcards(card.encode()) == [IVAN]


def test_reads_a_company_and_escaped_characters() -> None:
    card = "BEGIN:VCARD\nORG:Рога\\, копыта\\; и хвосты;Отдел\nTEL:101\nEMAIL;TYPE=work:a@b.c\nEND:VCARD\n"

    (draft,) = read_vcards(card.encode())
    assert draft == ContactDraft(name="Рога, копыта; и хвосты Отдел", phones=("101",), email="a@b.c")


def test_says_that_a_file_holds_no_card() -> None:
    with pytest.raises(BadMessage) as caught:
        read_vcards(b"name,phone\n")

    assert caught.value.field == "file"


@given(st.binary(max_size=300))
def test_never_fails_but_by_saying_what_was_expected(data: bytes) -> None:
    for read in (read_csv, read_vcards):
        for text in (data, b"name,phone\n" + data, b"BEGIN:VCARD\n" + data + b"\nEND:VCARD\n"):
            with suppress(BadMessage):
                read(text)
