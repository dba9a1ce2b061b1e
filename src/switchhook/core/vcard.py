"""vCard lines to properties and back: versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350).

Pure. Only as much as an address book of names and numbers needs.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

LONGEST_LINE_BYTES = 75

# 3.0 and 4.0 continue a line by a blank; 2.1 continues quoted-printable by "=" at its end.
FOLD = re.compile(rb"\r?\n[ \t]")
LINE = re.compile(rb'(?P<name>[^:;]+)(?P<parameters>(?:;(?:[^":;]|"[^"]*")*)*):(?P<value>.*)', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPED = {"n": "\n", "N": "\n"}
UNESCAPED_SEMICOLON = re.compile(r"(?<!\\)((?:\\\\)*);")


class Property(Struct, frozen=True):
    name: str  # in capitals, without its group
    raw: str  # decoded, escapes still in it

    @property
    def text(self) -> str:
        return unescape(self.raw)

    @property
    def values(self) -> tuple[str, ...]:
        """The parts of a structured value such as N or ORG."""
        return tuple(unescape(part).strip() for part in split(self.raw))


def read_cards(data: bytes) -> Iterator[list[Property]]:
    """Give the properties of each card in a file; lines that are no property are passed over."""
    card: list[Property] | None = None
    for line in logical_lines(data):
        if line.upper() == b"BEGIN:VCARD":
            card = []
        elif line.upper() == b"END:VCARD":
            if card is not None:
                yield card
            card = None
        elif card is not None:
            found = read_property(line)
            if found is not None:
                card.append(found)


def text_of(card: Sequence[Property], name: str) -> str:
    return next((p.text.strip() for p in card if p.name == name), "")


def values_of(card: Sequence[Property], name: str) -> tuple[str, ...]:
    return next((p.values for p in card if p.name == name), ())


def write_line(name: str, *values: str) -> str:
    """Write one property, folded so that no line is longer than 75 bytes (RFC 2426, 2.6)."""
    line = f"{name}:" + ";".join(escape(value) for value in values)
    lines = [""]
    room = LONGEST_LINE_BYTES
    for character in line:
        size = len(character.encode())
        if size > room:
            lines.append(" ")
            room = LONGEST_LINE_BYTES - 1
        lines[-1] += character
        room -= size
    return "\r\n".join(lines)


def logical_lines(data: bytes) -> Iterator[bytes]:
    unfolded = FOLD.sub(b"", to_utf8(data))
    pending = b""
    for line in re.split(rb"\r?\n|\r", unfolded):
        line = pending + line
        if line.endswith(b"=") and b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper():
            pending = line[:-1]
            continue
        pending = b""
        if line.strip():
            yield line.strip()


def to_utf8(data: bytes) -> bytes:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def read_property(line: bytes) -> Property | None:
    match = LINE.fullmatch(line)
    if match is None:
        return None
    parameters = match["parameters"].decode("ascii", "replace").upper().split(";")
    charset = next((p.removeprefix("CHARSET=") for p in parameters if p.startswith("CHARSET=")), None)
    value = match["value"]
    if any(p.removeprefix("ENCODING=") in {"QUOTED-PRINTABLE", "Q"} for p in parameters):
        value = quopri.decodestring(value)
    elif any(p in {"ENCODING=B", "ENCODING=BASE64", "BASE64"} for p in parameters):
        try:
            value = base64.b64decode(value)
        except binascii.Error:
            return None
    name = match["name"].decode("ascii", "replace").upper().rpartition(".")[2].strip()
    return Property(name, decode(value, charset))


def decode(value: bytes, charset: str | None) -> str:
    # Without a charset, version 2.1 says ASCII; programs of its time wrote their own code page.
    for name in (charset, "utf-8", "cp1251"):
        try:
            if name is not None:
                return value.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return value.decode("latin-1")


def split(raw: str) -> list[str]:
    return UNESCAPED_SEMICOLON.sub("\\1\x00", raw).split("\x00")


def unescape(text: str) -> str:
    return ESCAPE.sub(lambda match: ESCAPED.get(match[1], match[1]), text)


def escape(text: str) -> str:
    for character in ("\\", ";", ","):
        text = text.replace(character, "\\" + character)
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")
