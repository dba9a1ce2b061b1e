"""What the driver wants done. Values only."""

from enum import Enum, auto

from msgspec import Struct

from switchhook.connectors.asterisk.wire.rest import RestRequest


class Rest(Struct, frozen=True, kw_only=True):
    """A request to Asterisk; its answer goes to `Driver.answered`.

    Those of one `lane` go out one after another, each after the answer to the one before. One that
    `may_overtake` waits for nobody.
    """

    id: str
    lane: str
    request: RestRequest
    may_overtake: bool = False


class AskPlan(Struct, frozen=True, kw_only=True):
    """Ask the hub whom to ring; the plan goes to `Driver.planned` with this `call`."""

    call: str
    call_id: str  # as the hub is told of this call
    number: str
    did: str | None = None


class DialTaken(Struct, frozen=True, kw_only=True):
    """A phone of the employee begins to ring for this order."""

    order_id: str


class DialRefused(Struct, frozen=True, kw_only=True):
    """No phone of the employee can be rung for this order."""

    order_id: str
    reason: str


Command = Rest | AskPlan | DialTaken | DialRefused


class Purpose(Enum):
    """What a request was sent for, and so what its answer means."""

    ORIGINATE = auto()
    HANGUP = auto()
    HOLD = auto()  # the caller is rung, answered, entertained: a 404 says that the caller is gone
    CONNECT = auto()
    DESTROY = auto()
    CONTINUE = auto()
    CONTACTS = auto()  # where else a phone is registered
    EXTRA = auto()  # its answer changes nothing
