"""What an event says: its bytes, the same at each attempt.

The envelope (`type`, `timestamp`, `data`) is that of Standard Webhooks, "Payload structure". Every
field is explained, with an example of each type, in docs/connectors/webhook.md.
"""

from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from switchhook.connectors.webhook.wire.types import TEST, TYPES
from switchhook.core.call import Call, Change, ChangeKind, Disposition
from switchhook.core.call_view import CallView, ConnectionView, rfc3339, view_of

LEG_KINDS = frozenset({ChangeKind.LEG_RINGING, ChangeKind.LEG_ANSWERED, ChangeKind.LEG_ENDED})


class ChangeView(Struct, frozen=True, kw_only=True):
    """What of the call this event is about; null where it does not apply."""

    extension: str | None
    attempt: int | None  # of events about one leg
    disposition: Disposition | None
    talk_seconds: int | None
    recording: int | None  # its place in `recordings`, from 0
    note: str | None


class CallData(CallView, frozen=True, kw_only=True):
    """The call as it then was, and the change."""

    change: ChangeView


class CallMessage(Struct, frozen=True, kw_only=True):
    type: str
    timestamp: str
    data: CallData


class TestedView(ConnectionView, frozen=True, kw_only=True):
    """The connection that is being tried."""

    name: str


class TestData(Struct, frozen=True, kw_only=True):
    connection: TestedView


class TestMessage(Struct, frozen=True, kw_only=True):
    type: str
    timestamp: str
    data: TestData


def render_event(change: Change, call: Call, *, region: str, public_url: str) -> bytes:
    """Write one change, with the call as it was then. The same arguments give the same bytes."""
    view = view_of(call, region=region, public_url=public_url)
    data = CallData(**asdict(view), change=_change(change))
    return msgspec.json.encode(
        CallMessage(type=TYPES[change.kind], timestamp=rfc3339(change.at), data=data), order="deterministic"
    )


def render_test(connection_id: str, name: str, *, at: datetime) -> bytes:
    """Write the event that `connection try` sends."""
    data = TestData(connection=TestedView(id=connection_id, name=name))
    return msgspec.json.encode(TestMessage(type=TEST, timestamp=rfc3339(at), data=data))


def _change(change: Change) -> ChangeView:
    return ChangeView(
        extension=change.extension or None,
        attempt=change.attempt if change.kind in LEG_KINDS else None,
        disposition=change.disposition,
        talk_seconds=change.talk_seconds,
        recording=change.recording,
        note=change.note,
    )
