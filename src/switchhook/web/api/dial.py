"""Click to call: ring an employee, then a number, and join them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from switchhook.core.api import Scope
from switchhook.core.call_view import rfc3339
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store.dials import Dial, DialState, find_dial
from switchhook.web.api.fields import CallId, Dialable, Extension, Time
from switchhook.web.api.operation import PREFIX, Answer, Answers, Asked, json_answer, operation
from switchhook.web.api.problem import CONFLICT, Conflict

TAG = "Dial"
IDEMPOTENCY_KEY = "Idempotency-Key"


class DialPath(Struct, frozen=True, kw_only=True):
    dial_id: CallId


class DialHeaders(Struct, frozen=True, kw_only=True):
    idempotency_key: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=255,
                pattern=r"^[!-~]+$",
                description="A word of your own for this order. Sent again within 24 hours it rings no phone "
                "again, and gives the order that there is.",
                examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
            ),
        ]
        | UnsetType
    ) = field(default=UNSET, name=IDEMPOTENCY_KEY)


class NewDial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ring, and whom they want to talk to."""

    extension: Extension
    number: Dialable
    did: Annotated[Dialable, Meta(description="Which of our numbers to show.")] | None = None


class DialView(Struct, frozen=True, kw_only=True):
    """An order to ring an employee, then a number."""

    id: Annotated[str, Meta(description="The call that comes of it has it as `dial_id`.")]
    extension: str
    number: str
    did: str | None
    state: Annotated[
        DialState,
        Meta(description="`unclear`: a phone may have rung, but the phone system did not answer in time."),
    ]
    reason: Annotated[str | None, Meta(description="Why it was refused, or is unclear.")]
    connection: Annotated[str | None, Meta(description="Id of the connection whose phone system was asked.")]
    asked_at: Time
    is_tied: Annotated[bool, Meta(description="Its call has appeared.")]


ORDER = DialView(
    id="0194b8f1c2a0d4e5f60718293a",
    extension="101",
    number="+79101234567",
    did=None,
    state=DialState.ACCEPTED,
    reason=None,
    connection="c-ab2cd3ef4g",
    asked_at="2026-01-31T09:00:00.000Z",
    is_tied=False,
)


def view(dial: Dial) -> DialView:
    return DialView(
        id=dial.id,
        extension=dial.extension,
        number=dial.number,
        did=dial.did,
        state=dial.state,
        reason=dial.reason,
        connection=dial.connection_id,
        asked_at=rfc3339(dial.asked_at),
        is_tied=dial.is_tied,
    )


async def read_dial(asked: Asked, dial_id: str) -> Dial:
    """Raises: NotFound."""
    found = await asked.store.read(find_dial, asked.account_id, dial_id)
    if found is None:
        raise NotFound(f"no such order: {dial_id}")
    return found


@operation(
    "POST",
    "/dial",
    tag=TAG,
    scope=Scope.DIAL,
    summary="Ring an employee, then a number",
    answers=Answers(DialView, ORDER, status=202, description="The phone system took the order."),
    problems=("not_found", CONFLICT, "peer_down"),
    body_example=NewDial(extension="101", number="+79101234567"),
)
async def create_dial(asked: Asked, headers: DialHeaders, body: NewDial) -> Answer:
    """The phone system that has the extension is asked, once. Without an `Idempotency-Key` the same order
    within two seconds is taken for a finger that slipped (429). After a 502 a phone may be ringing.
    """
    try:
        dial_id = await asked.office.hub_of(asked.key).dial(
            body.extension, body.number, did=body.did, idempotency_key=headers.idempotency_key or None
        )
    except BadMessage as error:  # all else has been looked at: this word was another order's
        raise Conflict(error.reason, field=IDEMPOTENCY_KEY) from error
    order = view(await read_dial(asked, dial_id))
    return json_answer(order, status=202, headers={"location": f"{PREFIX}/dial/{dial_id}"})


@operation(
    "GET",
    "/dial/{dial_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show what came of an order",
    answers=Answers(DialView, ORDER),
)
async def show_dial(asked: Asked, path: DialPath) -> Answer:
    return json_answer(view(await read_dial(asked, path.dial_id)))
