"""ARI: requests as plain values, and the envelope that carries them over the websocket.

Nothing here sends anything. Paths and parameters as rest-api/api-docs of Asterisk 22 has them; what each
request was seen to do is said where it is not what one expects. Every value is judged before it is in.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct, field

from switchhook.connectors.asterisk.wire import values
from switchhook.core.errors import BadMessage

# Events that no hub needs; half of an answered call's events are the first.
NOISE = (
    "ChannelVarset",
    "ChannelDialplan",
    "ChannelTalkingStarted",
    "ChannelTalkingFinished",
    "ContactStatusChange",
    "DeviceStateChanged",
    "PeerStatusChange",
)
RECORDING_FORMATS = frozenset({"wav", "wav16", "ulaw", "alaw", "gsm", "sln16"})
LONGEST_CALLER_NAME = 80


class RestRequest(Struct, frozen=True, kw_only=True):
    """One request: `uri` is the path below `/ari`, without a slash in front, its parts escaped."""

    method: str
    uri: str
    query: Mapping[str, str] = field(default_factory=dict)
    json: bytes | None = None

    def path(self) -> str:
        """Give path and query for HTTP, below `/ari`."""
        asked = urlencode(self.query, quote_via=quote)
        return f"/{self.uri}?{asked}" if asked else f"/{self.uri}"


class _Pair(Struct, frozen=True):
    name: str
    value: str


class _Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="RESTRequest"):
    request_id: str
    method: str
    uri: str
    query_strings: list[_Pair] = field(default_factory=list)
    content_type: str | None = None
    message_body: str | None = None


def over_websocket(request: RestRequest, *, request_id: str) -> bytes:
    """Put a request into the envelope of the websocket (Asterisk 20.14, 21.9, 22.4 and later).

    The answer is a `RESTResponse` with the same `request_id`. Files cannot be fetched this way.

    Raises: BadMessage: an id that is none.
    """
    is_json = request.json is not None
    return msgspec.json.encode(
        _Envelope(
            request_id=values.identifier(request_id, field="request_id"),
            method=request.method,
            uri=request.uri,
            query_strings=[_Pair(name, value) for name, value in request.query.items()],
            content_type="application/json" if is_json else None,
            message_body=request.json.decode() if request.json is not None else None,
        )
    )


def originate(
    *,
    endpoint: str,
    channel_id: str,
    app: str,
    app_args: Sequence[str] = (),
    caller_number: str = "",
    caller_name: str = "",
    timeout_seconds: int = 30,
    originator: str = "",
    variables: Mapping[str, str] | None = None,
) -> RestRequest:
    """Make a channel that enters our application when it is answered.

    `endpoint` is `TECH/NAME` or `TECH/NUMBER@NAME`. With a `channel_id` of our own the channel is known
    before any event can name it; `originator`, the caller's channel, lets it inherit the caller's Linkedid.
    An endpoint that is unknown or not registered is answered with 500 `Allocation failed`, without events.

    Raises: BadMessage: a value that is not what its name says; names it.
    """
    query = {
        "endpoint": _endpoint(endpoint),
        "channelId": values.identifier(channel_id, field="channelId"),
        "app": values.name(app, field="app"),
        "timeout": str(max(1, timeout_seconds)),
    }
    if app_args:
        query["appArgs"] = ",".join(_argument(one) for one in app_args)
    if caller_number or caller_name:
        query["callerId"] = _caller_id(caller_name, caller_number)
    if originator:
        query["originator"] = values.identifier(originator, field="originator")
    body = msgspec.json.encode({"variables": dict(variables)}) if variables else None
    return RestRequest(method="POST", uri="channels", query=query, json=body)


def originate_into_dialplan(
    *,
    endpoint: str,
    channel_id: str,
    context: str,
    number: str,
    caller_name: str = "",
    timeout_seconds: int = 30,
    variables: Mapping[str, str] | None = None,
) -> RestRequest:
    """Ring a phone, then send it to a number in the dialplan; the phone shows that number. As `originate`.

    Raises: BadMessage: a value that is not what its name says; names it.
    """
    query = {
        "endpoint": _endpoint(endpoint),
        "channelId": values.identifier(channel_id, field="channelId"),
        "context": values.name(context, field="context"),
        "extension": values.dialled(number),
        "priority": "1",
        "timeout": str(max(1, timeout_seconds)),
        "callerId": _caller_id(caller_name or number, number),
    }
    body = msgspec.json.encode({"variables": dict(variables)}) if variables else None
    return RestRequest(method="POST", uri="channels", query=query, json=body)


def answer(channel_id: str) -> RestRequest:
    """Answer a channel. Raises: BadMessage: an id that is none. So does everything that takes an id."""
    return RestRequest(method="POST", uri=f"{_channel(channel_id)}/answer")


def ring(channel_id: str) -> RestRequest:
    """Let the caller hear that it rings."""
    return RestRequest(method="POST", uri=f"{_channel(channel_id)}/ring")


def hangup(channel_id: str, *, reason_code: int = 16) -> RestRequest:
    """End a channel. 26 tells a phone that the call was answered elsewhere (Asterisk 16 always says 16)."""
    query = {"reason_code": str(values.cause(reason_code))}
    return RestRequest(method="DELETE", uri=_channel(channel_id), query=query)


def continue_in_dialplan(
    channel_id: str, *, context: str = "", extension: str = "", priority: int = 1
) -> RestRequest:
    """Let a channel go on in the dialplan: after `Stasis()`, or where it is told."""
    query: dict[str, str] = {}
    if context:
        query["context"] = values.name(context, field="context")
        query["extension"] = values.dialled(extension, field="extension")
        query["priority"] = str(priority)
    return RestRequest(method="POST", uri=f"{_channel(channel_id)}/continue", query=query)


def set_variable(channel_id: str, *, variable: str, value: str) -> RestRequest:
    """Set a variable or function of a channel, such as CALLERID(name)."""
    return RestRequest(
        method="POST", uri=f"{_channel(channel_id)}/variable", query=_assigned(variable, value)
    )


def set_global_variable(*, variable: str, value: str) -> RestRequest:
    """Set a variable that every channel sees; its value is taken as it is, nothing in it is worked out."""
    return RestRequest(method="POST", uri="asterisk/variable", query=_assigned(variable, value))


def global_variable(variable: str) -> RestRequest:
    """Ask for a variable that needs no channel, such as EPOCH, the PBX's time; "" where there is none."""
    return RestRequest(method="GET", uri="asterisk/variable", query={"variable": _variable(variable)})


def channels() -> RestRequest:
    """Ask for every live channel."""
    return RestRequest(method="GET", uri="channels")


def bridges() -> RestRequest:
    """Ask for every bridge, with the ids of the channels in it."""
    return RestRequest(method="GET", uri="bridges")


def create_bridge(bridge_id: str) -> RestRequest:
    """Make a bridge with an id of our own."""
    query = {"type": "mixing"}
    return RestRequest(method="POST", uri=_bridge(bridge_id), query=query)


def add_to_bridge(bridge_id: str, channel_ids: Sequence[str]) -> RestRequest:
    """Put channels of our application into a bridge."""
    joined = ",".join(values.identifier(one, field="channel") for one in channel_ids)
    return RestRequest(method="POST", uri=f"{_bridge(bridge_id)}/addChannel", query={"channel": joined})


def record_bridge(bridge_id: str, *, recording: str, file_format: str = "wav") -> RestRequest:
    """Record what is said in a bridge, under a name of our own."""
    if file_format not in RECORDING_FORMATS:
        raise BadMessage(f"expected one of {', '.join(sorted(RECORDING_FORMATS))}", field="format")
    query = {
        "name": values.identifier(recording, field="name"),
        "format": file_format,
        "ifExists": "overwrite",
        "beep": "false",
    }
    return RestRequest(method="POST", uri=f"{_bridge(bridge_id)}/record", query=query)


def destroy_bridge(bridge_id: str) -> RestRequest:
    """End a bridge; its channels stay."""
    return RestRequest(method="DELETE", uri=_bridge(bridge_id))


def stored_recordings() -> RestRequest:
    """List the finished recordings of all applications, by name."""
    return RestRequest(method="GET", uri="recordings/stored")


def live_recording(recording: str) -> RestRequest:
    """Ask for a recording that is being made; 404 where it is not."""
    return RestRequest(method="GET", uri=f"recordings/live/{_part(recording, 'recording')}")


def stored_file(recording: str) -> RestRequest:
    """Fetch a finished recording's file. Over HTTP only."""
    return RestRequest(method="GET", uri=f"recordings/stored/{_part(recording, 'recording')}/file")


def application(app: str) -> RestRequest:
    """Ask whether an application is registered (else 404), and for its channels and bridges."""
    return RestRequest(method="GET", uri=f"applications/{values.name(app, field='app')}")


def event_filter(app: str, *, disallowed: Sequence[str] = NOISE) -> RestRequest:
    """Keep types of events away from an application, until it ends."""
    body = msgspec.json.encode({"disallowed": [{"type": one} for one in disallowed]})
    name = values.name(app, field="app")
    return RestRequest(method="PUT", uri=f"applications/{name}/eventFilter", json=body)


def hear_all_calls(app: str) -> RestRequest:
    """Hear of every channel and bridge, ours or not; asked again it changes nothing.

    Not `subscribeAll=true`, which adds the states of devices: when the socket of such an application
    breaks off while one changes, Asterisk 22.10.1 waits for itself for ever, and all of ARI with it.
    (It unsubscribes with the socket's session locked, and the change that is being told wants that lock.)
    """
    uri = f"applications/{values.name(app, field='app')}/subscription"
    return RestRequest(method="POST", uri=uri, query={"eventSource": "channel:,bridge:"})


def info() -> RestRequest:
    """Ask who answers: version, and since when it runs."""
    return RestRequest(method="GET", uri="asterisk/info")


def _part(text: str, name: str) -> str:
    """Escape one part of a path: a recording may have been named by the dialplan, with slashes."""
    values.one_line(text, field=name)
    if not 0 < len(text) <= 200 or text in (".", ".."):
        raise BadMessage(f"expected a name, got {text[:40]!r}", field=name)
    return quote(text, safe="")


def _assigned(variable: str, value: str) -> dict[str, str]:
    return {"variable": _variable(variable), "value": values.one_line(value, field=variable)}


def _variable(name: str) -> str:
    if not name.replace("(", "").replace(")", "").replace("_", "").isalnum() or not name.isascii():
        raise BadMessage(f"expected a name of a variable, got {name[:40]!r}", field="variable")
    return name


def _channel(channel_id: str) -> str:
    return f"channels/{quote(values.identifier(channel_id, field='channelId'), safe='')}"


def _bridge(bridge_id: str) -> str:
    return f"bridges/{quote(values.identifier(bridge_id, field='bridgeId'), safe='')}"


def _endpoint(text: str) -> str:
    tech, slash, resource = text.partition("/")
    number, at, endpoint = resource.rpartition("@")
    if not slash:
        raise BadMessage(f"expected TECH/NAME, got {text[:40]!r}", field="endpoint")
    values.name(tech, field="endpoint")
    values.name(endpoint, field="endpoint")
    if at:
        values.dialled(number, field="endpoint")
    return text


def _argument(text: str) -> str:
    values.one_line(text, field="appArgs")
    if "," in text or '"' in text:
        raise BadMessage("expected an argument without commas and quotes", field="appArgs")
    return text


def _caller_id(name: str, number: str) -> str:
    """Write `"Name" <number>`; quotes would end the name early, so a name with them is refused."""
    values.one_line(name, field="callerId")
    if any(sign in name for sign in '"<>\\') or len(name) > LONGEST_CALLER_NAME:
        raise BadMessage("expected a short name without quotes and angle brackets", field="callerId")
    shown = values.dialled(number, field="callerId") if number else ""
    return f'"{name}" <{shown}>'
