"""The printed configuration: right values, no password that was entered, every event that is read."""

import re

import pytest

from switchhook.connectors.asterisk.listen import from_ami
from switchhook.connectors.asterisk.snippets import EVENTS, HIDDEN, snippets
from switchhook.core.connector import Snippet
from switchhook.core.errors import Misconfigured

from .holding import make_link

MODES = {
    "ari": {"mode": "ari", "url": "https://pbx.example.com:8089/pbx"},
    "ari-inbound": {"mode": "ari-inbound"},
    "ami": {"mode": "ami", "host": "pbx", "port": "5039", "context": "out"},
}


def printed(mode: str, **more: str) -> dict[str, str]:
    given = {"user": "office", "password": "canary-secret", "app": "hub-2"} | MODES[mode] | more
    texts: dict[str, str] = {}
    for one in snippets(make_link(given)):
        assert isinstance(one, Snippet)
        assert one.text.endswith("\n")
        texts[one.file] = texts.get(one.file, "") + one.text
    return texts


@pytest.mark.parametrize("mode", MODES)
def test_a_password_that_was_entered_is_not_printed(mode: str) -> None:
    texts = printed(mode)

    assert "canary" not in "".join(texts.values())
    assert HIDDEN in "".join(texts.values())


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_has_its_files(mode: str) -> None:
    expected = {
        "ari": {"http.conf", "ari.conf", "extensions.conf"},
        "ari-inbound": {"websocket_client.conf", "ari.conf", "extensions.conf"},
        "ami": {"manager.conf", "cdr_manager.conf", "extensions.conf"},
    }
    assert set(printed(mode)) == expected[mode]


def test_the_connections_own_values_are_in_it() -> None:
    ari = printed("ari", fallback="201", did_variable="DNIS")

    assert "prefix = pbx" in ari["http.conf"]
    assert "tlsbindaddr = 0.0.0.0:8089" in ari["http.conf"]
    assert "[office]\ntype = user\nread_only = no\n" in ari["ari.conf"]
    assert "channelvars = CHANNEL(linkedid),DNIS" in ari["ari.conf"]
    assert "Stasis(hub-2,inbound,${EXTEN})\n; the hub is away" in ari["extensions.conf"]
    assert "n,GotoIf($[0${HUB_2_HERE_UNTIL} < ${EPOCH}]?away)\n" in ari["extensions.conf"]
    assert "n(away),Dial(PJSIP/201,30)" in ari["extensions.conf"]


def test_a_pbx_that_comes_to_us_is_given_our_key_and_address() -> None:
    inbound = printed("ari-inbound", password="")

    assert "uri = wss://hub.example.com/x/url-key/ari" in inbound["websocket_client.conf"]
    assert "username = office\npassword = hub-made-key\n" in inbound["websocket_client.conf"]
    assert "subscribe_all = no\nlocal_ari_user = office\n" in inbound["ari.conf"]
    assert re.search(r"\npassword = [0-9a-f]{32}\n", inbound["ari.conf"])
    assert "hub-made-key" not in inbound["ari.conf"]


def test_the_local_users_password_stays_when_the_key_is_replaced() -> None:
    """Asterisk would go on with the old one until it is started anew."""
    settings = {"mode": "ari-inbound"}
    made = [snippets(make_link(settings, keys={"password": key}))[1].text for key in ("one", "two")]

    assert made[0] == made[1]


def test_every_event_that_is_read_passes_the_filter() -> None:
    """`VarSet` is let through by the variable's name, and only where files are fetched."""
    read = set(from_ami._READERS) | {"DeviceStateChange", "QueueMemberPause"}

    assert set(EVENTS) == read - {"VarSet"}
    assert "MIXMONITOR_FILENAME" not in printed("ami")["manager.conf"]
    fetched = printed("ami", recordings_url="https://files.example.com")["manager.conf"]
    assert "eventfilter = Variable: MIXMONITOR_FILENAME" in fetched
    assert "read = call,agent,cdr,dialplan\n" in fetched
    assert "linkedid => LinkedID\n" in printed("ami")["cdr_manager.conf"]


def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(Misconfigured, match="url"):
        snippets(make_link({"mode": "ari"}))
