"""A query is read with every value of a repeated name, as its last values are read elsewhere."""

import pytest

from switchhook.core.edge import every_value
from switchhook.net.asgi import read_query


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", {}),
        ("a=1", {"a": ["1"]}),
        ("a=1&a=2&b=3&a=1", {"a": ["1", "2", "1"], "b": ["3"]}),
        ("names%5B%5D=Front+desk&names[]=Caf%C3%A9", {"names[]": ["Front desk", "Café"]}),
        ("a&b=&=c", {"a": [""], "b": [""], "": ["c"]}),
        ("a=1=2&&a=%26", {"a": ["1=2", "&"]}),
        ("a=%zz&a=%ff", {"a": ["%zz", "\ufffd"]}),
        # Bytes of UTF-8 that nobody escaped: a character each, as the edge gives them.
        ("a=\xd0\x96", {"a": ["Ж"]}),
        ("a=\u0416", {"a": ["?"]}),
    ],
)
def test_gives_every_value_in_order(raw: str, expected: dict[str, list[str]]) -> None:
    assert every_value(raw) == expected


@pytest.mark.parametrize("raw", [b"a=1&a=2", b"x=%D0%96&y=+z", b"\xd0\x96=\xff&a", b"&&a=%2"])
def test_the_last_of_them_is_what_the_query_has(raw: bytes) -> None:
    lists = every_value(raw.decode("latin-1"))

    assert {name: values[-1] for name, values in lists.items()} == read_query(raw)
