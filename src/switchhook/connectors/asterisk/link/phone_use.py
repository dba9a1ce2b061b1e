"""Which phones are in a call, by their channels: over ARI we do not ask for states of devices. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from switchhook.connectors.asterisk.listen.names import read_channel_name
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.wire import ari

# A phone that dials, talks, or hears the busy tone; one that only rings is free yet. As devices count it.
IN_USE = frozenset({"Ring", "Up", "Busy"})


class PhoneState(Struct, frozen=True, kw_only=True):
    """A phone began to be used, or is idle again."""

    extension: str
    is_in_call: bool


class PhoneUse:
    """Follows the channels of phones. The same event twice changes nothing."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._used: dict[str, str] = {}  # channel: extension
        self._heard: set[str] | None = None  # channels, while a list is being asked for

    @property
    def in_call(self) -> frozenset[str]:
        """Give the extensions that are in a call."""
        return frozenset(self._used.values())

    def begin_list(self) -> None:
        """Note that the list of channels is being asked for: what is heard from now on is newer."""
        self._heard = set()

    def know(self, channels: Iterable[ari.Channel]) -> None:
        """Take the list of live channels: whatever is not in it has ended."""
        heard, self._heard = self._heard or set(), None
        self._used = {one: extension for one, extension in self._used.items() if one in heard}
        for channel in channels:
            if channel.id not in heard:
                self._note(channel)

    def hear(self, event: ari.Event) -> PhoneState | None:
        """Take an event; give the state of the extension whose phones it changed."""
        before = self.in_call
        match event:
            case ari.ChannelCreated(channel=channel) | ari.ChannelStateChange(channel=channel):
                self._note(channel)
            case ari.ChannelDestroyed(channel=channel):
                self._used.pop(channel.id, None)
            case _:
                return None
        if self._heard is not None:
            self._heard.add(channel.id)
        changed = before ^ self.in_call
        return (
            PhoneState(extension=one, is_in_call=one not in before)
            if (one := next(iter(changed), ""))
            else None
        )

    def _note(self, channel: ari.Channel) -> None:
        endpoint = read_channel_name(channel.name).endpoint
        extension = self._plan.extension_of(endpoint) if endpoint else None
        if extension is not None and channel.state in IN_USE:
            self._used[channel.id] = extension
