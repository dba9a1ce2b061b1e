"""Events that come late: talks are as long as they were at the PBX, and what is on its way is waited for."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.connectors.asterisk.link.run import run
from switchhook.connectors.asterisk.listen.listener import Listener
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.sight import Sight
from switchhook.core.call import CallEvent, CallReport, Disposition, Happening, News
from tests.core.story import after

from .channels import TALK, comes_in, dial_ends, dials, enters, gone
from .holding import MemoryHub, link_to, running, until
from .played_ari import PlayedAri, playing
from .recordings import steps
from .test_link_ari import channel, settings

# The PBX's clock and zone are others than ours.
AHEAD = timedelta(hours=5, seconds=17)


@dataclass
class BusyClock(SystemClock):
    """That of a hub that had no processor for some seconds."""

    late: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return super().now() + self.late


def stamped(at: datetime, **event: object) -> str:
    return json.dumps(
        event | {"timestamp": f"{at + AHEAD:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000"}
    )


async def test_a_talk_whose_end_comes_late_is_as_long_as_it_was() -> None:
    clock, hub = BusyClock(), MemoryHub()
    trunk, phone = channel(1, "trunk", "Up"), channel(1, "101", "Up")
    bridge = {"id": "b-1", "technology": "simple_bridge", "channels": []}
    async with (
        playing(PlayedAri()) as ari,
        link_to(**settings(ari)) as link,
        running(run(link, hub, clock=clock)),
    ):
        await until(lambda: bool(hub.ups))
        answered_at = clock.now()
        await ari.tell(
            stamped(answered_at, type="ChannelCreated", channel=trunk),
            stamped(answered_at, type="Dial", caller=trunk, peer=phone, dialstatus=""),
            stamped(answered_at, type="ChannelEnteredBridge", channel=phone, bridge=bridge),
            stamped(answered_at, type="ChannelEnteredBridge", channel=trunk, bridge=bridge),
        )
        await until(lambda: "answered 101" in hub.told())
        clock.late = timedelta(seconds=4)
        ended_at = answered_at + timedelta(seconds=1.2)
        await ari.tell(
            stamped(ended_at, type="ChannelDestroyed", cause=16, channel=phone),
            stamped(ended_at, type="ChannelDestroyed", cause=16, channel=trunk),
        )
        await until(lambda: "ended 101 answered" in hub.told())

    news = [one for batch in hub.batches for one in batch]
    (ended,) = (one for one in news if isinstance(one, CallEvent) and one.happening is Happening.ENDED)
    (report,) = (one for one in news if isinstance(one, CallReport))
    assert (ended.disposition, ended.talk_seconds) == (Disposition.ANSWERED, 1)
    assert abs(report.started_at - answered_at) < timedelta(seconds=1)
    assert report.started_at.tzinfo is UTC


def test_a_phone_that_stopped_ringing_before_we_heard_of_it_may_yet_be_explained() -> None:
    """Its end came three seconds late, and the word of who else was picked up is on its way."""
    listener = Listener(Plan())
    for sight in (comes_in(), dials("101"), dials("102")):
        listener.hear(sight, after(0), heard_at=after(3))
    listener.hear(gone("102", cause=16), after(1), heard_at=after(4))
    waiting = listener.sweep(after(4.5))
    told: list[News] = []
    picked_up: list[Sight] = [dial_ends("101", "ANSWER"), enters("101"), enters("trunk")]
    for one in picked_up:
        told += listener.hear(one, after(1.1), heard_at=after(4.6))

    assert waiting == ()
    assert steps(told) == ["answered 101", "ended 102 cancelled"]


def test_what_came_since_the_list_was_asked_for_is_newer_however_old_it_is() -> None:
    """Its end comes after it, and says how it ended; the list only lacks the channel."""
    listener = Listener(Plan())
    for sight in TALK:
        listener.hear(sight, after(1 if sight in TALK[:2] else 1.5), heard_at=after(6))
    closed = listener.compare([], asked_at=after(5), at=after(6))
    told = [*listener.hear(gone("101"), after(4), heard_at=after(6.1))]
    told += listener.hear(gone("trunk"), after(4), heard_at=after(6.1))

    (ended,) = (one for one in told if isinstance(one, CallEvent))
    assert closed == ()
    assert ended.talk_seconds == round(4 - 1.5)
