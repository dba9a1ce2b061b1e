"""ARI: what comes over the websocket, events and answers to requests that went over it.

Field by field as Asterisk 22.10.1 sent them (and rest-api/api-docs/events.json has them). What is not
known, a type or a field, is kept with the message and is no error: Asterisk adds to both.
"""

from typing import Any

import msgspec
from msgspec import Struct, field

# Asterisk does not put the Linkedid on a channel; `channelvars` of ari.conf does, by this name.
LINKEDID = "CHANNEL(linkedid)"
# What an application that is told of every channel has in the list of its channels.
ALL_CHANNELS = "__AST_CHANNEL_ALL_TOPIC"


class CallerId(Struct, frozen=True, kw_only=True):
    name: str = ""
    number: str = ""


class Dialplan(Struct, frozen=True, kw_only=True):
    context: str = ""
    exten: str = ""
    app_name: str = ""
    app_data: str = ""


class Channel(Struct, frozen=True, kw_only=True):
    id: str
    name: str = ""
    state: str = ""
    protocol_id: str = ""
    caller: CallerId = CallerId()
    connected: CallerId = CallerId()
    dialplan: Dialplan = Dialplan()
    creationtime: str = ""
    channelvars: dict[str, str] = field(default_factory=dict)

    @property
    def linkedid(self) -> str:
        """The call that it belongs to; "" where ari.conf does not ask for it."""
        return self.channelvars.get(LINKEDID, "")


class Bridge(Struct, frozen=True, kw_only=True):
    id: str
    technology: str = ""
    bridge_type: str = ""
    channels: tuple[str, ...] = ()
    name: str = ""


class Recording(Struct, frozen=True, kw_only=True):
    name: str
    format: str = ""
    state: str = ""
    target_uri: str = ""  # "channel:ID" or "bridge:ID"
    duration: int | None = None  # whole seconds, when it is finished


class Application(Struct, frozen=True, kw_only=True):
    name: str = ""
    channel_ids: tuple[str, ...] = ()  # ALL_CHANNELS in it: it is told of every channel


class Event(Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """Anything that an application is told; the class's name is its type."""

    application: str = ""
    timestamp: str = ""


class ApplicationReplaced(Event, frozen=True, kw_only=True):
    """Another socket took the application over: this one stays open and silent."""


class ApplicationRegistered(Event, frozen=True, kw_only=True):
    """The first word of a PBX that dials in."""


class StasisStart(Event, frozen=True, kw_only=True):
    channel: Channel
    args: tuple[str, ...] = ()
    replace_channel: Channel | None = None  # a transfer put this channel in the other's place


class StasisEnd(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelCreated(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelStateChange(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelCallerId(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelConnectedLine(Event, frozen=True, kw_only=True):
    channel: Channel


class ChannelHangupRequest(Event, frozen=True, kw_only=True):
    """`soft` is set where the PBX or we asked; then `cause` may be 32, an inner flag and no cause."""

    channel: Channel
    cause: int | None = None
    soft: bool = False
    tech_cause: int | None = None


class ChannelDestroyed(Event, frozen=True, kw_only=True):
    channel: Channel
    cause: int | None = None
    cause_txt: str = ""
    tech_cause: int | None = None


class Dial(Event, frozen=True, kw_only=True):
    """A dial begins (`dialstatus` empty), goes on (RINGING, PROGRESS) or has ended (anything else)."""

    peer: Channel
    caller: Channel | None = None  # None: originated
    dialstatus: str = ""
    dialstring: str = ""
    forward: str = ""


class ChannelEnteredBridge(Event, frozen=True, kw_only=True):
    bridge: Bridge
    channel: Channel


class ChannelLeftBridge(Event, frozen=True, kw_only=True):
    bridge: Bridge
    channel: Channel


class BridgeDestroyed(Event, frozen=True, kw_only=True):
    bridge: Bridge


class BridgeBlindTransfer(Event, frozen=True, kw_only=True):
    channel: Channel  # who transfers
    exten: str = ""
    context: str = ""
    result: str = ""
    is_external: bool = False
    transferee: Channel | None = None


class BridgeAttendedTransfer(Event, frozen=True, kw_only=True):
    transferer_first_leg: Channel | None = None
    transferer_second_leg: Channel | None = None
    transferee: Channel | None = None
    transfer_target: Channel | None = None
    result: str = ""
    destination_type: str = ""


class RecordingStarted(Event, frozen=True, kw_only=True):
    recording: Recording


class RecordingFinished(Event, frozen=True, kw_only=True):
    recording: Recording


class RecordingFailed(Event, frozen=True, kw_only=True):
    recording: Recording


class RESTResponse(Event, frozen=True, kw_only=True):
    """The answer to a request that went over the socket; its body is JSON in a text."""

    request_id: str = ""
    transaction_id: str = ""
    status_code: int = 0
    reason_phrase: str = ""
    uri: str = ""
    content_type: str = ""
    message_body: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300


class Other(Event, frozen=True, kw_only=True):
    """A type that we do not know, or one of those above in a shape that we do not."""

    kind: str = ""  # the type, as sent
    reason: str = ""  # why it could not be read; "" for an unknown type


class Message(Struct, frozen=True, kw_only=True):
    """One message, and its bytes as they came: fields that we do not know are in them."""

    event: Event
    body: bytes

    def as_sent(self) -> dict[str, Any]:
        """Give every field as sent; empty when it is no JSON object."""
        try:
            value = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return {}
        return value if isinstance(value, dict) else {}


class _Head(Struct):
    type: str = ""


def _all_below(kind: type[Event]) -> list[type[Event]]:
    return [one for child in kind.__subclasses__() for one in (child, *_all_below(child))]


_HEAD = msgspec.json.Decoder(_Head)
_DECODERS = {
    kind.__name__: msgspec.json.Decoder(kind, strict=False) for kind in _all_below(Event) if kind is not Other
}


def read_message(body: bytes | str) -> Message:
    """Read one text message of the socket; never raises."""
    given = body.encode("utf-8", "replace") if isinstance(body, str) else body
    try:
        kind = _HEAD.decode(given).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Message(event=Other(reason=_why(error)), body=given)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return Message(event=Other(kind=kind[:80]), body=given)
    try:
        return Message(event=decoder.decode(given), body=given)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Message(event=Other(kind=kind, reason=_why(error)), body=given)


def _why(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
