"""URLs read strictly, and written in one way only."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.errors import ForbiddenTarget, Misconfigured
from switchhook.net.target import judge_target, read_target


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://crm.example.test", "https://crm.example.test/"),
        ("HTTPS://CRM.Example.Test:443/a?b=c#d", "https://crm.example.test/a?b=c"),
        ("http://crm.example.test:8080/x", "http://crm.example.test:8080/x"),
        ("https://s3.example.test/a%2Fb%20c.mp3?sig=a%2Bb%3D&x=%41+1", "https://s3.example.test/a%2Fb%20c.mp3?sig=a%2Bb%3D&x=%41+1"),
        ("https://pbx.example.test/запись 1.mp3", "https://pbx.example.test/%D0%B7%D0%B0%D0%BF%D0%B8%D1%81%D1%8C%201.mp3"),
        ("https://почта.example.test/", "https://xn--80a1acny.example.test/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433:8080/", "http://127.0.0.1:8080/"),
        ("http://①②⑦.0.0.1/", "http://127.0.0.1/"),
        ("http://127。0。0。1/", "http://127.0.0.1/"),
        # Python 3.13 writes the end of these as IPv4, Pythons before it do not.
        ("http://[::FFFF:127.0.0.1]/", f"http://[{IPv6Address('::ffff:7f00:1')}]/"),
    ],
)  # fmt: skip
def test_keeps_path_and_query_and_writes_the_host_one_way(url: str, written: str) -> None:
    assert str(read_target(url).url) == written


@pytest.mark.parametrize(
    ("url", "query", "written"),
    [
        ("https://a.test/x", {"phone": "+7916"}, "https://a.test/x?phone=%2B7916"),
        ("https://a.test/x?run=planfix", {"to": "a b&c"}, "https://a.test/x?run=planfix&to=a%20b%26c"),
        ("https://a.test/x?", {"to": "1"}, "https://a.test/x?to=1"),
        ("https://a.test/x?y=1#z", {}, "https://a.test/x?y=1"),
    ],
)
def test_adds_to_the_query_that_is_there(url: str, query: dict[str, str], written: str) -> None:
    assert str(read_target(url, query=query).url) == written


@pytest.mark.parametrize(
    "url",
    ["", "crm.example.test", "//crm.example.test/", "ftp://a.test/", "file:///etc/passwd", "gopher://a.test/",
     "http://", "http:///x", "http://user@a.test/", "http://user:secret@a.test/", "http://@a.test/",
     "http://a.test\\@b.test/", "http://a.test\\b/", "http://a.test:port/", "http://a.test:99999/",
     "http://[::1/",
     "http://a b.test/", "http://a.test/\r\nX: y", "http://a.test/\0", "http://a..test/",
     "http://[fe80::1%25eth0]/",
     "http://127.0.0.1%00.a.test/", "http://1.2.3.4.5/", "http://08.0.0.1/", "http://a.test./" + "x" * 8000,
     "http://-a.test/", "http://a.test,b.test/", "http://*.test/"],
)  # fmt: skip
def test_refuses_what_two_readers_could_read_differently(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_target(url)

    assert "secret" not in caught.value.reason


@pytest.mark.parametrize(
    ("url", "allow_private"),
    [
        ("http://127.0.0.1/", False),
        ("http://0x7f000001/", False),
        ("http://017700000001/", False),
        ("http://[::]/", False),
        ("http://[64:ff9b::7f00:1]/", False),
        ("https://8.8.8.8:22/", False),
        ("https://crm.example.test:6379/", False),
        ("https://crm.example.test:0/", True),
        ("http://169.254.169.254/latest/meta-data", True),
        ("http://[::ffff:a9fe:a9fe]/", True),
        ("http://0/", True),
    ],
)
def test_forbids(url: str, allow_private: bool) -> None:
    with pytest.raises(ForbiddenTarget):
        judge_target(read_target(url), allow_private=allow_private, ports={80, 443})


@pytest.mark.parametrize(
    ("url", "allow_private"),
    [
        ("http://8.8.8.8/", False),
        ("https://crm.example.test/", False),
        ("http://127.0.0.1:8088/", True),
        ("http://[fd12::1]:5000/", True),
        ("http://pbx.lan:8089/", True),
    ],
)
def test_allows(url: str, allow_private: bool) -> None:
    judge_target(read_target(url), allow_private=allow_private, ports={80, 443})


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://a.test/x?key=1", "https://a.test"), ("http://[::1]:81/x", "http://[::1]:81")],
)
def test_the_origin_holds_no_secret(url: str, origin: str) -> None:
    assert read_target(url).origin == origin


@given(st.text())
def test_any_text_is_refused_or_becomes_a_plain_url(text: str) -> None:
    try:
        target = read_target(f"http://{text}")
    except Misconfigured:
        return

    assert str(target.url).isascii()
    assert not set(str(target.url)) & set(" \r\n\0\\")
    assert (target.url.raw_host, target.url.port) == (target.host, target.port)
