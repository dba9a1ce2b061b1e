"""Recordings that we had made and that were finished while nobody listened: found in Asterisk's own list.

Their names say of which call they are and when it came, so only those of late are looked at. Those of clicks
have no time, but ids that grow with it: of them the newest are looked at.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import structlog
from msgspec import Struct

from switchhook.connectors.asterisk.drive import click
from switchhook.connectors.asterisk.drive.names import read_recording
from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.requests import RestAnswer
from switchhook.connectors.asterisk.listen.recording import Recording
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.call import Call
from switchhook.core.errors import LinkLost, PeerDown, StoreDown

log = structlog.get_logger(__name__)

# After connecting: by then calls that vanished meanwhile are closed. And again, should something have failed.
FIRST_LOOK_SECONDS = 3.0
LOOK_EVERY_SECONDS = 3600.0
# So far back, and as much more as clocks and time zones of PBX and hub may differ.
WINDOW = timedelta(hours=24)
SLACK = timedelta(hours=15)
MOST_CLICKS = 500
CALLS_AT_ONCE = 200

Ask = Callable[[rest.RestRequest], Awaitable[RestAnswer]]
History = Callable[[Sequence[str]], Awaitable[Mapping[str, Call]]]


class _Stored(Struct, frozen=True):
    name: str


async def keep_looking(
    ask: Ask, history: History, clock: Clock, *, found: Callable[[Recording], None]
) -> None:
    """Look once soon and then each hour, until cancelled. Raises: LinkLost."""
    await clock.sleep(FIRST_LOOK_SECONDS)
    while True:
        try:
            for recording in await missed(ask, history, clock.now()):
                found(recording)
        except LinkLost:
            raise
        except (PeerDown, StoreDown) as error:
            log.warning("asterisk: recordings cannot be looked for", reason=error.reason)
        await clock.sleep(LOOK_EVERY_SECONDS)


async def missed(ask: Ask, history: History, now: datetime) -> Sequence[Recording]:
    """Give the recordings of calls that are over, as far as they have them not yet.

    Raises:
        PeerDown: the list cannot be had or read.
        StoreDown, LinkLost: the calls cannot be had.
    """
    answer = await ask(rest.stored_recordings())
    if answer.status != 200:
        raise PeerDown(f"Asterisk answers {answer.status} when asked for its recordings")
    try:
        stored = msgspec.json.decode(answer.body, type=list[_Stored])
    except msgspec.DecodeError:
        raise PeerDown("Asterisk's list of recordings cannot be read") from None
    named = [(*read, one.name) for one in stored if (read := read_recording(one.name)) is not None]
    clicks = sorted(one for one in named if one[1] == click.VISIT)[-MOST_CLICKS:]
    names: dict[str, list[str]] = {}
    for call_id, _, name in [*clicks, *(one for one in named if _is_of_late(one[1], now))]:
        names.setdefault(call_id, []).append(name)
    recordings: list[Recording] = []
    wanted = list(names)
    for start in range(0, len(wanted), CALLS_AT_ONCE):
        for call_id, call in (await history(wanted[start : start + CALLS_AT_ONCE])).items():
            known = [recording.url for recording in call.recordings]
            recordings += [
                Recording(call_id=call_id, name=name, is_stored=True)
                for name in names[call_id]
                if not call.is_going_on and not any(name in url for url in known)
            ]
    return recordings


def _is_of_late(visit: str, now: datetime) -> bool:
    """Read the Asterisk's own time that a visit is named by; what is none is never of late."""
    try:
        began_at = datetime.strptime(visit[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - began_at) <= WINDOW + SLACK
