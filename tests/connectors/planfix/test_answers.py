"""Answers as peers really write them."""

import pytest

from switchhook.connectors.planfix import wire
from switchhook.core.directory import CallerAnswer
from switchhook.core.errors import BadMessage

IVANOV = "Иванов Иван Иванович"


@pytest.mark.parametrize(
    ("body", "name", "responsible"),
    [
        # Planfix help, VoIP API, section 'contact', answers: names without quotes.
        ('{ contact_name: "Иванов Иван Иванович", responsible: 103 }', IVANOV, "103"),
        # Seen from a C# library for a PBX of the sister dialect.
        ('{contact_name:"Иванов Иван Иванович", responsible:"103"}', IVANOV, "103"),
        ('{"contact_name":"Иванов Иван Иванович","responsible":"0103"}', IVANOV, "0103"),
        ('\ufeff{"contact_name":"Иванов Иван Иванович"}\n', IVANOV, None),
        ('{contact_name:"Name, responsible: none {x: 1}"}', "Name, responsible: none {x: 1}", None),
        ('{"contact_name":"A\\u202eB\\u0000C","responsible":null}', "ABC", None),
        ('{"contact_name":"","responsible":103}', None, "103"),
        ('{"contact_name":{"a":1},"responsible":[103],"card":true,"extra":1e400}', None, None),
    ],
)
def test_reads_who_is_calling(body: str, name: str | None, responsible: str | None) -> None:
    expected = CallerAnswer(name=name, responsible=responsible) if name or responsible else None

    assert wire.parse_contact_answer(body.encode()) == expected


@pytest.mark.parametrize("body", ["", "{}", " { } ", '{"contact_name":""}'])
def test_nothing_said_is_a_stranger(body: str) -> None:
    assert wire.parse_contact_answer(body.encode()) is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"null", b"{", b"\xff", b'{"a":NaN}', b"[" * 9000, b'{a:"' + b'\\"' * 9000]
)
def test_anything_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(BadMessage):
        wire.parse_contact_answer(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":"Invalid token"}', "Invalid token"),
        (b'{ error: "Invalid parameters" }', "Invalid parameters"),
        (b"Fatal error:\r\n  call with wrong arguments", "Fatal error: call with wrong arguments"),
        (b"", ""),
    ],
)
def test_shows_what_an_answer_says_to_a_person(body: bytes, text: str) -> None:
    assert wire.error_text(body) == text


def test_a_long_text_is_cut() -> None:
    assert len(wire.error_text(b"x" * 60_000)) == 200
