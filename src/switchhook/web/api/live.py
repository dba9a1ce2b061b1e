"""The live stream: every call as it changes, as server-sent events of JSON."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import structlog
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, UnsetType, field

from switchhook.core.api import Scope
from switchhook.core.call_view import CallView, view_of
from switchhook.core.errors import HubError, TooMany
from switchhook.flow.live import Resync, Update
from switchhook.store.api_keys import list_api_keys
from switchhook.store.times import to_millis
from switchhook.web.api import change_view
from switchhook.web.api.call_example import ANSWERED
from switchhook.web.api.change_view import ChangeView
from switchhook.web.api.operation import Answer, Answers, Asked, operation
from switchhook.web.stream import BEAT, BEAT_SECONDS, wait_for_news

log = structlog.get_logger(__name__)

TAG = "Live"
EVENT_STREAM = "text/event-stream"
MOST_STREAMS = 20
# A key that is revoked hears nothing that comes later than this after it.
LOOK_AT_KEY_SECONDS = 1.0


class LiveHeaders(Struct, frozen=True, kw_only=True):
    last_event_id: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{1,15}$",
                description="`id` of the last event that was heard: what changed since then is told first.",
                examples=["1769850080000"],
            ),
        ]
        | UnsetType
    ) = field(default=UNSET, name="Last-Event-ID")


class LiveCall(Struct, frozen=True, kw_only=True):
    """The `data` of a `call` event."""

    call: Annotated[CallView, Meta(description="As it now is.")]
    changes: Annotated[
        tuple[ChangeView, ...],
        Meta(description="What became true of it; nothing when it is told again after a pause."),
    ]
    version: Annotated[int, Meta(description="Grows with each change of the call; a lower one is older.")]


def event(kind: str, event_id: int, value: object) -> bytes:
    """Write one server-sent event; JSON has no line breaks of its own."""
    return b"event: %b\nid: %d\ndata: %b\n\n" % (kind.encode(), event_id, msgspec.json.encode(value))


EXAMPLE = (
    b"retry: 1000\n\n"
    + event("ready", 1769850000000, {})
    + event("call", 1769850080000, LiveCall(call=ANSWERED, changes=(change_view.ENDED,), version=4))
).decode()


@operation(
    "GET",
    "/live",
    tag=TAG,
    scope=Scope.READ,
    summary="Listen to calls as they change",
    answers=Answers(media={EVENT_STREAM: EXAMPLE}, parts=(LiveCall,)),
)
async def listen(asked: Asked, headers: LiveHeaders) -> Answer:
    """A stream of server-sent events that does not end; a comment comes every 15 seconds when nothing else
    does.

    | event | data | |
    | --- | --- | --- |
    | `ready` | `{}` | the stream has begun; its `id` is a place to go on from |
    | `call` | `LiveCall` | a call as it now is, and what became true of it |
    | `resync` | `{}` | more changed than is kept: read the calls again and go on listening |

    After a break go on with `Last-Event-ID`. Calls of the last 30 seconds before it are told again, so that
    none is lost: compare `version`. A key has up to 20 streams at a time.
    """
    if asked.office.streams.get(asked.key.id, 0) >= MOST_STREAMS:
        raise TooMany(f"expected up to {MOST_STREAMS} streams at a time", retry_after_seconds=BEAT_SECONDS)
    since = int(headers.last_event_id) if headers.last_event_id else None
    # Proxies in the manner of nginx gather answers unless they are told not to.
    return Stream(stream(asked, since), media_type=EVENT_STREAM, headers={"x-accel-buffering": "no"})


async def stream(asked: Asked, since: int | None) -> AsyncIterator[bytes]:
    """Tell everything from `since` on, until the key is revoked or the hub ends."""
    hall = asked.office.hall
    looked_at = time.monotonic()
    with counted(asked), hall.live.subscribe(asked.account_id) as subscription:
        yield b"retry: 1000\n\n" + event("ready", to_millis(asked.office.clock.now()), {})
        updates: Sequence[Update | Resync] = []
        try:
            if since is not None:
                updates = await hall.live.missed(asked.account_id, since)
            while not hall.is_closing.is_set():
                if time.monotonic() - looked_at >= LOOK_AT_KEY_SECONDS:
                    if await is_revoked(asked):
                        return
                    looked_at = time.monotonic()
                told = b"".join(told_of(asked, update) for update in updates)
                if told:
                    yield told
                updates = await wait_for_news(hall, subscription, is_watching=False)
                if not updates:
                    yield BEAT
        except HubError as error:  # whoever listens comes back, and says what they heard last
            log.warning("a live stream ends", reason=error.reason)


def told_of(asked: Asked, update: Update | Resync) -> bytes:
    if isinstance(update, Resync):
        return event("resync", update.id, {})
    if update.call.is_shadow:
        return b""
    call = view_of(update.call, region=asked.region, public_url=asked.office.hall.public_url)
    changes = tuple(map(change_view.view, update.changes))
    return event("call", update.id, LiveCall(call=call, changes=changes, version=update.version))


async def is_revoked(asked: Asked) -> bool:
    keys = await asked.store.read(list_api_keys, asked.account_id)
    return all(key.id != asked.key.id or key.revoked_at is not None for key in keys)


@contextmanager
def counted(asked: Asked) -> Any:
    """Count a stream while it is open."""
    streams, key_id = asked.office.streams, asked.key.id
    streams[key_id] = streams.get(key_id, 0) + 1
    try:
        yield
    finally:
        streams[key_id] -= 1
        if not streams[key_id]:
            del streams[key_id]
