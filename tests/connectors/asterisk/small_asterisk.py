"""An Asterisk small enough to hold in the hand: channels, bridges, and what the real one was seen to say.

Nothing happens by itself: whoever holds it lets phones answer and callers give up, and takes the events, in
order for each channel, when it likes.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import unquote

from msgspec.json import decode

from switchhook.connectors.asterisk.wire import ari
from switchhook.connectors.asterisk.wire.rest import RestRequest

APP = "switchhook"
# An inner flag and no cause: what Asterisk says of a channel that it was asked to end.
SOFT = 32


@dataclass(kw_only=True)
class SmallChannel:
    id: str
    args: tuple[str, ...]
    state: str = "Down"
    is_in_app: bool = False
    bridge: str = ""
    heard_cause: int | None = None


@dataclass
class SmallAsterisk:
    unregistered: Collection[str] = ()
    is_served: bool = True  # somebody listens to the application
    channels: dict[str, SmallChannel] = field(default_factory=dict)
    bridges: dict[str, set[str]] = field(default_factory=dict)
    events: dict[str, deque[ari.Event]] = field(default_factory=dict)  # by channel
    made: list[str] = field(default_factory=list)  # ids of channels, in the order made
    bridged: list[str] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)  # causes by channel
    continued: list[str] = field(default_factory=list)
    contacts: bytes = b'{"value":""}'  # where a phone is registered, as it says it
    count: int = 0

    # What happens outside.

    def call(self, channel_id: str, *args: str) -> None:
        channel = SmallChannel(id=channel_id, args=args, state="Ring", is_in_app=True)
        self.channels[channel_id] = channel
        self._say(ari.StasisStart(channel=self.shown(channel), args=args, timestamp=self._time()))

    def answer(self, channel_id: str) -> None:
        channel = self.channels[channel_id]
        channel.state = "Up"
        self._say(ari.ChannelStateChange(channel=self.shown(channel)))
        if not self.is_served:
            self.hang_up(channel_id, cause=16)
            return
        channel.is_in_app = True
        shown = self.shown(channel)
        self._say(ari.StasisStart(channel=shown, args=channel.args, timestamp=self._time()))

    def hang_up(self, channel_id: str, *, cause: int, soft: bool = False) -> None:
        channel = self.channels.pop(channel_id)
        for members in self.bridges.values():
            members.discard(channel_id)
        self.ended[channel_id] = cause
        shown = self.shown(channel)
        self._say(ari.ChannelHangupRequest(channel=shown, cause=SOFT if soft else cause, soft=soft))
        if channel.is_in_app:
            self._say(ari.StasisEnd(channel=shown, timestamp=self._time()))
        self._say(ari.ChannelDestroyed(channel=shown, cause=cause))

    @property
    def ringing(self) -> list[str]:
        return [one.id for one in self.channels.values() if one.state == "Ringing"]

    # What is asked of it.

    def ask(self, request: RestRequest) -> int:
        """Do what a request says; give the status."""
        where = [unquote(part) for part in request.uri.split("/")]
        match request.method, where:
            case "POST", ["channels"]:
                return self._originate(request)
            case "DELETE", ["channels", channel_id]:
                if channel_id not in self.channels:
                    return 404
                self.hang_up(channel_id, cause=int(request.query["reason_code"]), soft=True)
                return 204
            case "GET", ["channels", channel_id, "variable"]:
                return 200 if channel_id in self.channels else 404
            case "POST", ["channels", channel_id, "continue"]:
                return self._continue(channel_id)
            case _, ["channels", channel_id, *what]:
                return self._touch(channel_id, what[0])
            case "DELETE", ["playbacks", _]:
                return 404
            case _, ["bridges", bridge_id, *what]:
                return self._bridge(request, bridge_id, what[0] if what else request.method)
            case _:
                raise AssertionError(f"no such request: {request.method} {request.uri}")

    def list_channels(self) -> list[ari.Channel]:
        return [self.shown(one) for one in self.channels.values()]

    def list_bridges(self) -> list[ari.Bridge]:
        return [ari.Bridge(id=key, channels=tuple(sorted(members))) for key, members in self.bridges.items()]

    def shown(self, channel: SmallChannel) -> ari.Channel:
        place = ari.Dialplan()
        if channel.is_in_app:
            place = ari.Dialplan(app_name="Stasis", app_data=",".join((APP, *channel.args)))
        caller = ari.CallerId(number="79161234567")
        return ari.Channel(id=channel.id, name=channel.id, state=channel.state, dialplan=place, caller=caller)

    def _originate(self, request: RestRequest) -> int:
        channel_id = request.query["channelId"]
        originator = request.query.get("originator")
        assert decode(request.json or b"{}")["variables"]["SWITCHHOOK_CALL"]
        if request.query["endpoint"] in self.unregistered:
            return 500
        if channel_id in self.channels:
            return 409
        if originator is not None and originator not in self.channels:
            return 400
        args = tuple(request.query["appArgs"].split(","))
        channel = self.channels[channel_id] = SmallChannel(id=channel_id, args=args, state="Ringing")
        self.made.append(channel_id)
        self._say(ari.ChannelCreated(channel=self.shown(channel)))
        return 200

    def _continue(self, channel_id: str) -> int:
        status = self._touch(channel_id, "continue")
        if status == 204:
            channel = self.channels[channel_id]
            self._say(ari.StasisEnd(channel=self.shown(channel), timestamp=self._time()))
            channel.is_in_app = False
            self.continued.append(channel_id)
        return status

    def _touch(self, channel_id: str, what: str) -> int:
        channel = self.channels.get(channel_id)
        if channel is None:
            return 404
        if what != "variable" and not channel.is_in_app:
            return 409
        if what == "answer":
            channel.state = "Up"
        return 204

    def _bridge(self, request: RestRequest, bridge_id: str, what: str) -> int:
        if what == "POST":
            if bridge_id not in self.bridges:
                self.bridges[bridge_id] = set()
                self.bridged.append(bridge_id)
            return 200
        if bridge_id not in self.bridges:
            return 404
        if what == "DELETE":
            del self.bridges[bridge_id]
            return 204
        if what == "record":
            return 201
        wanted = request.query["channel"].split(",")
        if any(one not in self.channels or not self.channels[one].is_in_app for one in wanted):
            return 422
        self.bridges[bridge_id] |= set(wanted)
        return 204

    def _say(self, event: ari.Event) -> None:
        channel: ari.Channel = event.channel  # type: ignore[attr-defined]
        if self.is_served:
            self.events.setdefault(channel.id, deque()).append(event)

    def _time(self) -> str:
        self.count += 1
        return f"2026-11-21T04:50:{self.count // 1000:02}.{self.count % 1000:03}+0000"
