"""A change of a call as outsiders see it: in the live stream and in deliveries."""

from typing import Annotated

from msgspec import Meta, Struct

from switchhook.core.call import Change, ChangeKind, Disposition
from switchhook.core.call_view import rfc3339
from switchhook.web.api.fields import Time


class ChangeView(Struct, frozen=True, kw_only=True):
    """What became true of a call."""

    kind: ChangeKind
    at: Time
    extensions: Annotated[tuple[str, ...], Meta(description="Whose phones it is about.")]
    attempt: Annotated[int, Meta(description="Which of their rings.")]
    disposition: Disposition | None
    talk_seconds: int | None
    recording: Annotated[int | None, Meta(description="Place of the recording in `recordings`, from 0.")]
    note: Annotated[str | None, Meta(description="What a correction changed, in words.")]


ENDED = ChangeView(
    kind=ChangeKind.CALL_ENDED,
    at="2026-01-31T09:01:20.000Z",
    extensions=("101",),
    attempt=1,
    disposition=Disposition.ANSWERED,
    talk_seconds=65,
    recording=None,
    note=None,
)


def view(change: Change) -> ChangeView:
    return ChangeView(
        kind=change.kind,
        at=rfc3339(change.at),
        extensions=change.extensions,
        attempt=change.attempt,
        disposition=change.disposition,
        talk_seconds=change.talk_seconds,
        recording=change.recording,
        note=change.note,
    )
