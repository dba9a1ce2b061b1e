"""ARI: events of any shape are read, requests say what was meant and nothing else."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.asterisk.listen.from_ari import sight_of
from switchhook.connectors.asterisk.wire import ari, rest
from switchhook.connectors.asterisk.wire.rest import RestRequest
from switchhook.core.errors import BadMessage

from .recordings import GOLDEN

STASIS_START = {
    "type": "StasisStart",
    "timestamp": "2026-11-21T04:50:28.251+0000",
    "args": ["inbound", "74950000000"],
    "channel": {
        "id": "1795236628.78",
        "name": "PJSIP/trunk-00000027",
        "state": "Ring",
        "protocol_id": "1-6426@127.0.0.1",
        "caller": {"name": "", "number": "79101234567"},
        "connected": {"name": "", "number": ""},
        "accountcode": "",
        "dialplan": {
            "context": "did",
            "exten": "0",
            "priority": 1,
            "app_name": "Stasis",
            "app_data": "load,inbound,74950000000",
        },
        "creationtime": "2026-11-21T04:50:28.251+0000",
        "language": "en",
        "channelvars": {"CHANNEL(linkedid)": "1795236628.78", "HUB_CALLID": "", "HUB_DID": "74950000000"},
    },
    "asterisk_id": "02:fc:00:00:00:01",
    "application": "load",
}


def test_a_recorded_event_is_read_and_what_we_do_not_know_of_it_kept() -> None:
    message = ari.read_message(json.dumps(STASIS_START))

    event = message.event
    assert isinstance(event, ari.StasisStart)
    assert event.args == ("inbound", "74950000000")
    assert event.channel.linkedid == "1795236628.78"
    assert event.channel.dialplan.app_name == "Stasis"
    assert message.as_sent() == STASIS_START


def test_every_recorded_event_is_read() -> None:
    """Those of a kind that we do not know stay without a reason: nothing is wrong with them."""
    for path in GOLDEN.glob("*/ari.jsonl"):
        for line in path.read_text().splitlines():
            message = ari.read_message(json.dumps(json.loads(line)[1]))

            if isinstance(message.event, ari.Other):
                assert message.event.reason == "", line
                assert message.event.kind, line


@pytest.mark.parametrize(
    ("body", "kind", "has_reason"),
    [
        (b'{"type":"CallBroadcast","x":1}', "CallBroadcast", False),
        (b'{"type":"StasisEnd","channel":5}', "StasisEnd", True),
        (b'{"type":"StasisEnd"}', "StasisEnd", True),
        (b'{"type":7}', "", True),
        (b"[]", "", True),
        (b"{", "", True),
        (b"\xff", "", True),
        (b'{"type":"Dial","x":' + b"[" * 100_000, "", True),
        (b"", "", True),
    ],
)
def test_what_cannot_be_read_is_kept_and_no_error(body: bytes, kind: str, has_reason: bool) -> None:
    message = ari.read_message(body)

    assert isinstance(message.event, ari.Other)
    assert (message.event.kind, bool(message.event.reason)) == (kind, has_reason)
    assert message.body == body
    assert sight_of(message.event) is None


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_any_message_can_be_read(body: bytes | str) -> None:
    message = ari.read_message(body)

    assert isinstance(message.as_sent(), dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["channel", "caller", "peer", "bridge", "recording", "cause", "dialstatus", "args", "soft"]
)


@given(
    kind=st.sampled_from(
        ["StasisStart", "Dial", "ChannelDestroyed", "ChannelEnteredBridge", "RecordingFinished"]
    ),
    fields=st.dictionaries(FIELDS, JSON, max_size=4),
)
def test_an_event_of_any_shape_can_be_read(kind: str, fields: dict[str, Any]) -> None:
    message = ari.read_message(json.dumps({"type": kind, **fields}))

    assert type(message.event).__name__ in (kind, "Other")
    sight_of(message.event)


def test_a_response_over_the_socket_is_read() -> None:
    body = (
        b'{"type":"RESTResponse","request_id":"r1","status_code":204,"reason_phrase":"No Content","uri":"x"}'
    )

    event = ari.read_message(body).event

    assert isinstance(event, ari.RESTResponse)
    assert (event.request_id, event.status_code, event.is_success) == ("r1", 204, True)


CLICK: dict[str, Any] = {
    "endpoint": "PJSIP/101",
    "channel_id": "ours-1",
    "app": "hub",
    "app_args": ["manager", "101"],
}


def test_an_originate_has_our_own_id_and_shows_the_number_that_will_be_called() -> None:
    request = rest.originate(
        **CLICK,
        caller_number="79997776655",
        caller_name="Иван",
        timeout_seconds=20,
        originator="1.1",
        variables={"HUB_CALLID": "c-1"},
    )

    assert (request.method, request.uri) == ("POST", "channels")
    assert dict(request.query) == {
        "endpoint": "PJSIP/101",
        "channelId": "ours-1",
        "app": "hub",
        "timeout": "20",
        "appArgs": "manager,101",
        "callerId": '"Иван" <79997776655>',
        "originator": "1.1",
    }
    assert request.json == b'{"variables":{"HUB_CALLID":"c-1"}}'
    path, _, query = request.path().partition("?")
    assert path == "/channels"
    assert dict(parse_qsl(query)) == dict(request.query)


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (rest.answer("1.1"), "POST", "/channels/1.1/answer"),
        (rest.ring("1.1"), "POST", "/channels/1.1/ring"),
        (rest.hangup("1.1", reason_code=26), "DELETE", "/channels/1.1?reason_code=26"),
        (rest.continue_in_dialplan("1.1"), "POST", "/channels/1.1/continue"),
        (
            rest.continue_in_dialplan("1.1", context="did", extension="6"),
            "POST",
            "/channels/1.1/continue?context=did&extension=6&priority=1",
        ),
        (
            rest.set_variable("1.1", variable="CALLERID(name)", value="Ivan Petrov"),
            "POST",
            "/channels/1.1/variable?variable=CALLERID%28name%29&value=Ivan%20Petrov",
        ),
        (rest.channels(), "GET", "/channels"),
        (rest.bridges(), "GET", "/bridges"),
        (rest.create_bridge("br-1.1"), "POST", "/bridges/br-1.1?type=mixing"),
        (rest.add_to_bridge("b", ["1.1", "2.2"]), "POST", "/bridges/b/addChannel?channel=1.1%2C2.2"),
        (
            rest.record_bridge("b", recording="rec-1"),
            "POST",
            "/bridges/b/record?name=rec-1&format=wav&ifExists=overwrite&beep=false",
        ),
        (rest.destroy_bridge("b"), "DELETE", "/bridges/b"),
        (rest.stored_file("a/b c"), "GET", "/recordings/stored/a%2Fb%20c/file"),
        (rest.application("hub"), "GET", "/applications/hub"),
        (rest.event_filter("hub"), "PUT", "/applications/hub/eventFilter"),
        (
            rest.hear_all_calls("hub"),
            "POST",
            "/applications/hub/subscription?eventSource=channel%3A%2Cbridge%3A",
        ),
        (rest.info(), "GET", "/asterisk/info"),
        (rest.global_variable("EPOCH"), "GET", "/asterisk/variable?variable=EPOCH"),
        (
            rest.set_global_variable(variable="HERE_UNTIL", value="1795285271"),
            "POST",
            "/asterisk/variable?variable=HERE_UNTIL&value=1795285271",
        ),
    ],
)
def test_a_request_is_a_plain_value(request_: RestRequest, method: str, path: str) -> None:
    assert (request_.method, request_.path()) == (method, path)


def test_what_no_hub_needs_is_filtered_at_the_pbx() -> None:
    body = rest.event_filter("hub", disallowed=["ChannelVarset"]).json

    assert body == b'{"disallowed":[{"type":"ChannelVarset"}]}'


@pytest.mark.parametrize(
    "made",
    [
        lambda: rest.answer("1.1/../../asterisk"),
        lambda: rest.answer(""),
        lambda: rest.hangup("1.1", reason_code=0),
        lambda: rest.originate(**CLICK | {"endpoint": "101"}),
        lambda: rest.originate(**CLICK | {"endpoint": "PJSIP/7999;x@trunk"}),
        lambda: rest.originate(**CLICK | {"endpoint": "PJSIP/101&PJSIP/102"}),
        lambda: rest.originate(**CLICK | {"app_args": ["a,b"]}),
        lambda: rest.originate(**CLICK, caller_name='" <1>'),
        lambda: rest.originate(**CLICK, caller_number="1\r\n"),
        lambda: rest.continue_in_dialplan("1.1", context="did", extension="6,1"),
        lambda: rest.set_variable("1.1", variable="SHELL(rm)|x", value="1"),
        lambda: rest.set_variable("1.1", variable="A", value="1\n"),
        lambda: rest.global_variable("${SHELL(rm)}"),
        lambda: rest.add_to_bridge("b", ["1.1,2.2"]),
        lambda: rest.record_bridge("b", recording="../x"),
        lambda: rest.record_bridge("b", recording="x", file_format="sh"),
        lambda: rest.stored_file(".."),
        lambda: rest.stored_file("\ud800"),
        lambda: rest.originate(**CLICK, caller_name="\ud800"),
        lambda: rest.set_variable("1.1", variable="A", value="\ud800"),
        lambda: rest.stored_file(""),
        lambda: rest.application("hub/x"),
        lambda: rest.hear_all_calls("hub&eventSource=deviceState:"),
        lambda: rest.over_websocket(rest.info(), request_id="a b"),
    ],
)
def test_a_value_that_would_say_something_else_is_refused(made: Callable[[], object]) -> None:
    with pytest.raises(BadMessage) as refused:
        made()

    assert refused.value.field


@given(st.text(max_size=60))
def test_a_name_of_a_recording_is_refused_or_stays_one_part_of_the_path(name: str) -> None:
    try:
        path = rest.stored_file(name).path()
    except BadMessage:
        return

    parts = path.split("/")
    assert len(parts) == 5
    assert unquote(parts[3]) == name


@given(st.text(max_size=60))
def test_a_name_of_a_caller_is_refused_or_arrives_whole(name: str) -> None:
    try:
        request = rest.originate(**CLICK, caller_name=name, caller_number="101")
    except BadMessage:
        return

    assert request.query["callerId"] == f'"{name}" <101>'
    assert '"' not in name
    assert request.path()


def test_a_request_goes_over_the_socket_with_its_query_and_its_body() -> None:
    request = rest.originate(**CLICK, variables={"a": "b"})

    envelope = msgspec.json.decode(rest.over_websocket(request, request_id="r-1"))

    assert envelope["type"] == "RESTRequest"
    assert (envelope["request_id"], envelope["method"], envelope["uri"]) == ("r-1", "POST", "channels")
    assert {"name": "endpoint", "value": "PJSIP/101"} in envelope["query_strings"]
    assert envelope["content_type"] == "application/json"
    assert json.loads(envelope["message_body"]) == {"variables": {"a": "b"}}
    assert set(msgspec.json.decode(rest.over_websocket(rest.info(), request_id="r-2"))) == {
        "type",
        "request_id",
        "method",
        "uri",
    }
