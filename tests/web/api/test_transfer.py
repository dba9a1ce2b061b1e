"""Address books in and out, who is behind a number, and which type of answer is preferred."""

import asyncio

import pytest

from switchhook.web.api.accept import preferred
from tests.web.api.client import Client

CSV = {"Content-Type": "text/csv"}
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL:+79101234567\r\nEND:VCARD\r\n"


@pytest.fixture
def client(kept_client: Client) -> Client:
    return kept_client


@pytest.fixture
def stranger(kept_stranger: Client) -> Client:
    return kept_stranger


async def test_a_table_is_read_once_however_often_it_is_sent(client: Client) -> None:
    table = "name;phone\nAnna;8 910 123-45-67\nБорис;+79990000000\n".encode("cp1251")

    first = await client.ask("POST", "/contacts/import", data=table, headers=CSV)
    again = await client.ask("POST", "/contacts/import", data=table, headers=CSV)
    listed = await client.get("/contacts")

    assert (first.json, again.json) == ({"read": 2, "added": 2}, {"read": 2, "added": 0})
    assert [one["name"] for one in listed.json["items"]] == ["Anna", "Борис"]


async def test_cards_are_read_and_written(client: Client) -> None:
    read = await client.ask("POST", "/contacts/import", data=CARD, headers={"Content-Type": "text/vcard"})
    written = await client.get("/contacts/export", headers={"Accept": "text/vcard"})

    assert read.json == {"read": 1, "added": 1}
    assert written.type == "text/vcard"
    assert b"FN:Anna" in written.body
    assert written.headers["content-disposition"] == 'attachment; filename="contacts.vcf"'


async def test_what_is_exported_has_no_formula_and_can_be_read_again(
    client: Client, stranger: Client
) -> None:
    await client.post("/contacts", {"name": "=cmd()", "phones": ["+79101234567"]})

    table = await client.get("/contacts/export")
    read = await stranger.ask("POST", "/contacts/import", data=table.body, headers=CSV)
    (theirs,) = (await stranger.get("/contacts")).json["items"]

    assert (table.type, read.json) == ("text/csv", {"read": 1, "added": 1})
    assert b"'=cmd(),'+79101234567" in table.body
    assert (theirs["name"], theirs["phones"]) == ("=cmd()", ["+79101234567"])


async def test_an_export_goes_on_over_pages_under_one_heading(client: Client) -> None:
    table = "name,phone\n" + "".join(f"n{n},+7910{n:07}\n" for n in range(2001))
    await client.ask("POST", "/contacts/import", data=table.encode(), headers=CSV)

    rows = (await client.get("/contacts/export")).body.decode().splitlines()

    assert [row.partition(",")[0] for row in rows] == ["name", *(f"n{n}" for n in range(2001))]


async def test_what_is_no_address_book_is_refused(client: Client) -> None:
    columns = await client.ask("POST", "/contacts/import", data=b"a,b\n1,2\n", headers=CSV)
    json = await client.post("/contacts/import", {"name": "Anna"})

    assert (columns.status, columns.wrong) == (400, ["name"])
    assert (json.status, json.problem) == (415, "unsupported_media_type")


async def test_a_file_that_is_too_large_is_not_waited_for(client: Client) -> None:
    host, _, port = client.hub.now.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /api/v1/contacts/import HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {client.secret}",
        "Content-Type: text/csv",
        f"Content-Length: {9 * 1024 * 1024}",
    )
    writer.write("\r\n".join((*head, "", "")).encode())
    answer = await asyncio.wait_for(reader.read(), timeout=20)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"/errors/too_large" in answer


async def test_a_caller_is_named_in_whatever_spelling(client: Client, stranger: Client) -> None:
    await client.post("/employees", {"name": "Ivan", "extension": "101"})
    contact = (
        await client.post("/contacts", {"name": "Anna", "phones": ["+7 910 123-45-67"], "responsible": "101"})
    ).json

    found = [
        await client.get(f"/contacts/lookup?number={n}")
        for n in ("89101234567", "+7 910 1234567".replace(" ", "%20"))
    ]
    unknown = await stranger.get("/contacts/lookup?number=89101234567")

    for one in found:
        assert (one.json["name"], one.json["contact"]) == ("Anna", contact)
        assert one.json["employee"]["name"] == "Ivan"
        assert one.json["number"]["e164"] == "+79101234567"
    assert (unknown.status, unknown.json["name"], unknown.json["contact"]) == (200, None, None)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "a/json"),
        ("*/*", "a/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("a/json, text/csv", "a/json"),
        ("a/json;q=0.1, text/csv", "text/csv"),
        ("text/csv;q=0, */*", "a/json"),
        ("text/csv;q=0.3, */*;q=0.5", "a/json"),
        ("text/csv; header=present; q=1, a/json;q=0.9", "text/csv"),
        ("image/png", "a/json"),
        (",;q=,///", "a/json"),
    ],
)
def test_the_type_that_is_liked_best_is_given(accept: str, chosen: str) -> None:
    assert preferred(accept, ("a/json", "text/csv")) == chosen
