"""Whom to play, set up with the words of `connection add` as they are at the other end."""

import io
import json
import wave

import pytest

from switchhook.core.connector import Role
from switchhook.core.errors import Misconfigured
from switchhook.sim.recordings import make_recording
from switchhook.sim.settings import part_of
from switchhook.sim.wires import as_php_writes, spoiled


def test_a_pbx_is_set_up_with_what_the_hub_was_given_and_gave() -> None:
    part = part_of(
        "pbx",
        "planfix",
        url="http://hub.example/tel/api",
        given={"planfix_token": "hub-key", "pbx_token": "our-key"},
    )

    assert part.role is Role.PBX
    assert part.settings["planfix_url"] == "http://hub.example/tel/api"
    assert (part.settings["planfix_token"], part.keys["token"]) == ("hub-key", "our-key")


def test_a_crm_is_set_up_with_what_the_hub_was_given_and_gave() -> None:
    part = part_of(
        "crm",
        "planfix",
        url="http://hub.example/planfix",
        given={"token": "hub-key", "planfix_token": "ours"},
    )

    assert part.settings["pbx_url"] == "http://hub.example/planfix"
    assert (part.settings["pbx_token"], part.keys["planfix_token"]) == ("hub-key", "ours")


def test_keys_that_nobody_gave_are_made_up_and_told() -> None:
    part = part_of("crm", "retailcrm", url=None, given={})

    assert part.made_keys == {"api_key"}
    assert len(part.keys["api_key"]) == 32


def test_a_retailcrm_pbx_calls_its_module_something() -> None:
    part = part_of("pbx", "retailcrm", url="http://hub.example", given={"api_key": "hub-key"})

    assert part.settings["code"] == "sim-pbx"


@pytest.mark.parametrize(
    ("role", "kind", "given", "field"),
    [
        ("pbx", "nobody", {}, "kind"),
        ("exchange", "planfix", {}, "kind"),
        ("pbx", "planfix", {"colour": "red"}, "colour"),
        ("pbx", "retailcrm", {}, "api_key"),
    ],
)
def test_what_cannot_be_played_names_what_is_wrong(
    role: str, kind: str, given: dict[str, str], field: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        part_of(role, kind, url="http://hub.example", given=given)

    assert caught.value.field == field


def test_a_recording_is_a_wav_file_and_the_same_for_the_same_call() -> None:
    body = make_recording("call-1", seconds=0.5)

    with wave.open(io.BytesIO(body)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (1, 8000)
        assert wav.getnframes() == pytest.approx(4000, rel=0.01)
    assert body == make_recording("call-1", seconds=0.5)
    assert body != make_recording("call-2", seconds=0.5)


def test_fields_are_spoiled_the_way_pbxs_were_seen_to_do_it() -> None:
    form = {"status": "NotAvailable", "duration": "0", "event": "COMPLETED", "phone": "79165550142"}

    assert spoiled(form) == {**form, "status": "NotAvaliable", "duration": ""}


def test_json_is_spoiled_as_php_writes_it() -> None:
    text = as_php_writes('{"type":"in","site":"a/b"}')

    assert "\\/" in text
    assert json.loads(text) == {
        "type": "in",
        "site": "a/b",
        "webAnalyticsData": [],
        "hangupStatus": None,
        "callExternalId": None,
        "externalPhone": None,
    }
