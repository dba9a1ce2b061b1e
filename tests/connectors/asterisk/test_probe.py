"""What `connection try` says, in words, of each thing that may be wrong."""

import pytest

from switchhook.connectors.asterisk.as_crm import SIDE
from switchhook.core.connector import Finding
from switchhook.core.errors import PeerDown

from .holding import MemoryHub, link_to
from .played_ari import PlayedAri, playing, saying

NOBODY = "no running hub holds the link"


class Unheld(MemoryHub):
    async def ask_link(self, verb: str, body: object, *, seconds: float = 10) -> None:
        raise PeerDown(NOBODY)


class Held(MemoryHub):
    async def ask_link(self, verb: str, body: object, *, seconds: float = 10) -> None:
        return


async def tried(hub: MemoryHub | None = None, **settings: str) -> dict[str, Finding]:
    async with link_to(**{"user": "hub", "password": "canary-secret", **settings}) as link:
        assert SIDE.probe is not None
        found = await SIDE.probe(link, hub or Unheld())
    assert not any("canary" in f"{one.what} {one.detail}" for one in found)
    return {one.what: one for one in found}


async def tried_ari(ari: PlayedAri, hub: MemoryHub | None = None) -> dict[str, Finding]:
    async with playing(ari):
        return await tried(hub, mode="ari", url=ari.url)


async def test_all_is_well() -> None:
    found = await tried_ari(PlayedAri(lost_registrations=-1), Held())

    # The played one knows of a registration only by its sockets, and nobody has opened one.
    wrong = {what for what, one in found.items() if not one.is_ok}
    assert wrong <= {"application switchhook"}
    assert found["version"].detail == "Asterisk 22.10.1"


async def test_a_name_that_nobody_serves() -> None:
    found = await tried_ari(PlayedAri(lost_registrations=9))

    assert "nobody serves switchhook" in found["application switchhook"].detail
    assert (found["link"].is_ok, found["link"].detail) == (False, NOBODY)
    assert found["websocket"].is_ok


@pytest.mark.parametrize(
    ("ari", "what", "words"),
    [
        (PlayedAri(info_status=401), "user and password", "refuses user hub"),
        (PlayedAri(info_status=404), "address", "no ARI at"),
        (PlayedAri(info_body=b"<html>router</html>"), "address", "is no Asterisk"),
        (PlayedAri(info_body=b"\xff\xfe"), "address", "is no Asterisk"),
        (PlayedAri(info_status=302), "address", "is no Asterisk"),
        (PlayedAri(version="13.38.3"), "version", "Asterisk 13.38.3 is too old: 16 or later"),
        (PlayedAri(version="SVN-trunk-r1"), "version", "too old"),
        (PlayedAri(write_status=403), "user and password", "may only read: set read_only = no"),
    ],
    ids=["password", "off", "router", "bytes", "redirect", "old", "strange", "read-only"],
)
async def test_what_is_wrong_is_said(ari: PlayedAri, what: str, words: str) -> None:
    found = await tried_ari(ari)

    assert not found[what].is_ok
    assert words in found[what].detail


@pytest.mark.parametrize("version", ["16.28.0~dfsg-0", "18.24.1", "22.3.9"])
async def test_an_older_release_is_no_fault(version: str) -> None:
    found = await tried_ari(PlayedAri(version=version))

    assert found["version"].is_ok


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "refuses connections"),
        ("http://nowhere.invalid:8088", "cannot be found"),
    ],
)
async def test_a_host_that_is_not_there(url: str, words: str) -> None:
    found = await tried(mode="ari", url=url)

    assert words in found["address"].detail


async def test_tls_where_there_is_none_and_what_speaks_no_http() -> None:
    async with saying(b"SSH-2.0-OpenSSH_9\r\n") as port:
        plain = await tried(mode="ari", url=f"http://127.0.0.1:{port}")
        secure = await tried(mode="ari", url=f"https://127.0.0.1:{port}")

    assert not plain["address"].is_ok
    assert "TLS" in secure["address"].detail


async def test_a_manager_interface_that_is_none_or_is_spoken_to_in_tls() -> None:
    async with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        plain = await tried(mode="ami", host="127.0.0.1", port=str(port))
        secure = await tried(mode="ami", host="127.0.0.1", port=str(port), tls="true")
    nobody = await tried(mode="ami", host="127.0.0.1", port="1")

    assert "no manager interface" in plain["address"].detail
    assert "TLS" in secure["address"].detail
    assert "refuses connections" in nobody["address"].detail


async def test_a_pbx_that_has_not_connected_to_us() -> None:
    found = await tried(mode="ari-inbound", password="")

    assert not found["PBX"].is_ok
    assert "https://hub.example.com/x/url-key/ari" in found["PBX"].detail


async def test_a_pbx_that_has_connected_to_us() -> None:
    found = await tried(Held(), mode="ari-inbound", password="")

    assert {one.is_ok for one in found.values()} == {True}


async def test_a_setting_that_is_missing() -> None:
    found = await tried(mode="ari")

    assert found["settings"].detail == "expected a value for url with mode ari, got none"
