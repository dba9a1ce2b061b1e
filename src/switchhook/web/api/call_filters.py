"""Which calls are asked for, as parameters and as the store knows it."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from switchhook.core.call import Direction, Disposition
from switchhook.store.calls import CallFilter, ChangeCursor, Cursor
from switchhook.web.api.fields import ConnectionId, Extension, Limit, Moment, NumberPart, Word

CallCursor = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,15}\.[A-Za-z0-9_-]{1,64}$",
        description="`next` of the page before.",
        examples=["1769850000000.0194b8f1c2a0d4e5f60718293a"],
    ),
]
Since = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,15}(\.[A-Za-z0-9_-]{1,64})?$",
        description="Read changes: `since` of the answer before, or `0` for everything from the beginning.",
        examples=["0"],
    ),
]


class CallsQuery(Struct, frozen=True, kw_only=True):
    """Which calls are asked for."""

    since_start: Annotated[Moment, Meta(description="Begun then or later.")] | UnsetType = field(
        default=UNSET, name="from"
    )
    until_start: Annotated[Moment, Meta(description="Begun before then.")] | UnsetType = field(
        default=UNSET, name="to"
    )
    direction: Annotated[Direction, Meta(description="Seen from the company.")] | UnsetType = UNSET
    disposition: Annotated[
        tuple[Disposition, ...], Meta(max_length=10, description="How it ended; may be given several times.")
    ] = ()
    employee: (
        Annotated[
            Extension, Meta(description="Extension of an employee who took part. Only calls that have ended.")
        ]
        | UnsetType
    ) = UNSET
    group: (
        Annotated[
            Word,
            Meta(
                description="Name of the queue or ring group that brought it. Only calls that have ended.",
                examples=["sales"],
            ),
        ]
        | UnsetType
    ) = UNSET
    line: (
        Annotated[
            NumberPart,
            Meta(
                description="Our number that was called or shown, in whatever spelling.",
                examples=["74951234567"],
            ),
        ]
        | UnsetType
    ) = UNSET
    number: (
        Annotated[
            NumberPart,
            Meta(description="The outside number, or the digits it ends with.", examples=["1234567"]),
        ]
        | UnsetType
    ) = UNSET
    has_recording: Annotated[bool, Meta(description="With or without a recording.")] | UnsetType = UNSET
    connection: (
        Annotated[ConnectionId, Meta(description="Id of the connection that it came by.")] | UnsetType
    ) = UNSET
    cursor: CallCursor | UnsetType = UNSET
    since: Since | UnsetType = UNSET
    limit: Annotated[Limit, Meta(description="How many at most; 50 unless given.")] | UnsetType = UNSET

    @property
    def filter(self) -> CallFilter:
        return CallFilter(
            since=self.since_start or None,
            until=self.until_start or None,
            connection_id=self.connection or None,
            direction=self.direction or None,
            dispositions=self.disposition,
            employee=self.employee or None,
            group=self.group or None,
            number=self.number or None,
            line=self.line or None,
            has_recording=None if self.has_recording is UNSET else self.has_recording,
        )

    @property
    def place(self) -> Cursor | None:
        """Give the call at which the page before ended."""
        started, _, call_id = (self.cursor or "").partition(".")
        return Cursor(int(started), call_id) if call_id else None

    @property
    def change(self) -> ChangeCursor:
        """Give the change at which reading ended."""
        changed, _, call_id = (self.since or "0").partition(".")
        return ChangeCursor(int(changed), call_id)


def written(place: Cursor | None) -> str | None:
    return None if place is None else f"{place.started_ms}.{place.id}"


def written_change(place: ChangeCursor) -> str:
    return f"{place.changed_ms}.{place.id}" if place.id else str(place.changed_ms)
