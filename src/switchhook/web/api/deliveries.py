"""Deliveries: what was told to CRMs, what waits, and what could not be told."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from switchhook.core.api import Scope
from switchhook.core.call_view import CallView, rfc3339, view_of
from switchhook.core.directory import Availability
from switchhook.store.deliveries import State, replay, replay_all
from switchhook.store.delivery_log import Attempt, Delivery, Letter, attempts_of, find, newest
from switchhook.web.api import change_view
from switchhook.web.api.call_example import ANSWERED
from switchhook.web.api.change_view import ChangeView
from switchhook.web.api.fields import ConnectionId, Id, Next, Time
from switchhook.web.api.operation import Answer, Answers, Asked, json_answer, operation
from switchhook.web.api.paging import PageQuery, cut
from switchhook.web.api.problem import CONFLICT, Conflict

TAG = "Deliveries"

# Of one transaction, and of one request: events wait no longer than for these.
CHUNK = 1000
MOST_REPLAYED = 10_000

Since = Annotated[Time, Meta(description="When it was to be told.")]


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One message to one connection."""

    id: Id
    connection: Annotated[str, Meta(description="Id of the connection that is told.")]
    call: Annotated[str | None, Meta(description="Id of the call; null for an employee's status.")]
    kind: Annotated[str, Meta(description="What is told: a kind of change, or `presence`.")]
    state: State
    reason: Annotated[str | None, Meta(description="Why it was not sent, or why the last attempt failed.")]
    created_at: Since
    settled_at: Annotated[Time | None, Meta(description="When it came to its end.")]
    attempts: int


class DeliveryPage(Struct, frozen=True, kw_only=True):
    items: tuple[DeliveryView, ...]
    next: Next


class AttemptView(Struct, frozen=True, kw_only=True):
    """One try to tell it."""

    at: Time
    milliseconds: int
    outcome: str
    reason: str | None
    status: Annotated[int | None, Meta(description="HTTP status of the answer, when there was one.")]
    answer: Annotated[str, Meta(description="The first 4 KB of the answer.")]


class StatusView(Struct, frozen=True, kw_only=True):
    """What became true of an employee."""

    extension: str
    availability: Availability


class LetterView(Struct, frozen=True, kw_only=True):
    """A delivery with what it says and every attempt."""

    delivery: DeliveryView
    change: ChangeView | None
    presence: StatusView | None
    call: Annotated[CallView | None, Meta(description="As it was at that moment.")]
    attempts: Annotated[tuple[AttemptView, ...], Meta(description="Oldest first, up to 200.")]


class DeliveryPath(Struct, frozen=True, kw_only=True):
    delivery_id: Id


class DeliveriesQuery(PageQuery, frozen=True, kw_only=True):
    state: Annotated[State, Meta(description="Only those in this state.")] | UnsetType = UNSET
    connection: Annotated[ConnectionId, Meta(description="Only those to this one.")] | UnsetType = UNSET


class Replay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries are to be made again."""

    state: Literal["dead", "skipped", "superseded"] = "dead"
    connection: Annotated[ConnectionId, Meta(description="Only those to this one.")] | None = None


class Replayed(Struct, frozen=True, kw_only=True):
    """How many deliveries will be made again."""

    replayed: int
    is_all: Annotated[bool, Meta(description="False: there are more; ask again.")]


DEAD = DeliveryView(
    id=17,
    connection="c-ab2cd3ef4g",
    call=ANSWERED.id,
    kind="call.ended",
    state=State.DEAD,
    reason="the peer refuses this message (422)",
    created_at="2026-01-31T09:01:20.000Z",
    settled_at="2026-01-31T09:01:21.000Z",
    attempts=1,
)
LETTER = LetterView(
    delivery=DEAD,
    change=change_view.ENDED,
    presence=None,
    call=ANSWERED,
    attempts=(
        AttemptView(
            at="2026-01-31T09:01:20.000Z",
            milliseconds=84,
            outcome="gave up",
            reason="the peer refuses this message (422)",
            status=422,
            answer='{"error":"no such field"}',
        ),
    ),
)


def view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        connection=delivery.connection_id,
        call=delivery.call_row,
        kind=delivery.kind,
        state=delivery.state,
        reason=delivery.reason,
        created_at=rfc3339(delivery.created_at),
        settled_at=rfc3339(delivery.settled_at) if delivery.settled_at else None,
        attempts=delivery.attempts,
    )


def attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        at=rfc3339(attempt.at),
        milliseconds=attempt.milliseconds,
        outcome=attempt.outcome,
        reason=attempt.reason,
        status=attempt.status,
        answer=attempt.answer.decode("utf-8", "replace"),
    )


def letter_view(asked: Asked, letter: Letter, attempts: list[Attempt]) -> LetterView:
    change, presence, call = letter.change, letter.presence, letter.call
    return LetterView(
        delivery=view(letter.delivery),
        change=change_view.view(change) if change else None,
        presence=StatusView(extension=presence.extension, availability=presence.availability)
        if presence
        else None,
        call=view_of(call, region=asked.region, public_url=asked.office.hall.public_url) if call else None,
        attempts=tuple(map(attempt_view, attempts)),
    )


@operation(
    "GET",
    "/deliveries",
    tag=TAG,
    scope=Scope.READ,
    summary="List deliveries",
    answers=Answers(DeliveryPage, DeliveryPage(items=(DEAD,), next=None)),
)
async def list_deliveries(asked: Asked, query: DeliveriesQuery) -> Answer:
    """Newest first."""
    found = await asked.store.read(
        newest,
        asked.account_id,
        state=query.state or None,
        connection_id=query.connection or None,
        before_id=query.position,
        limit=query.limit + 1,
    )
    shown, following = cut(found, query.limit)
    return json_answer(DeliveryPage(items=tuple(map(view, shown)), next=following))


@operation(
    "GET",
    "/deliveries/{delivery_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show a delivery",
    answers=Answers(LetterView, LETTER),
)
async def show_delivery(asked: Asked, path: DeliveryPath) -> Answer:
    """With what it says and every attempt to make it."""
    letter = await asked.store.read(find, asked.account_id, path.delivery_id)
    attempts = await asked.store.read(attempts_of, asked.account_id, path.delivery_id)
    return json_answer(letter_view(asked, letter, attempts))


@operation(
    "POST",
    "/deliveries/{delivery_id}/replay",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Make a delivery again",
    answers=Answers(DeliveryView, DEAD),
    problems=(CONFLICT,),
)
async def replay_delivery(asked: Asked, path: DeliveryPath) -> Answer:
    """It goes before all that waits about the same call."""
    found = await asked.store.read(find, asked.account_id, path.delivery_id)
    again = await asked.store.write(replay, asked.account_id, path.delivery_id, at=asked.office.clock.now())
    if not again:
        raise Conflict(f"delivery {found.delivery.id} is waiting to be sent already")
    found = await asked.store.read(find, asked.account_id, path.delivery_id)
    return json_answer(view(found.delivery))


@operation(
    "POST",
    "/deliveries/replay",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Make many deliveries again",
    answers=Answers(Replayed, Replayed(replayed=12, is_all=True)),
    body_example=Replay(state="dead", connection="c-ab2cd3ef4g"),
)
async def replay_deliveries(asked: Asked, body: Replay) -> Answer:
    """The oldest first, up to 10,000 of them."""
    count = 0
    while count < MOST_REPLAYED:
        some = await asked.store.write(
            replay_all,
            asked.account_id,
            connection_id=body.connection,
            state=State(body.state),
            at=asked.office.clock.now(),
            limit=CHUNK,
        )
        count += some
        if some < CHUNK:
            return json_answer(Replayed(replayed=count, is_all=True))
    return json_answer(Replayed(replayed=count, is_all=False))
