"""Signed webhooks (Standard Webhooks): any program is told of calls as they happen."""

import secrets

from switchhook.connectors.webhook import as_pbx
from switchhook.connectors.webhook.wire.signature import check_secret, secret_of
from switchhook.connectors.webhook.wire.types import check_events
from switchhook.core.connector import Capability, Connector, Field, FieldKind, Key, Role, Side
from switchhook.core.edge import Reply, reply_json
from switchhook.core.errors import BadMessage, NotFound, Refused, StoreDown, TooLarge, TooMany, Unsupported

SECRET_BYTES = 32


def make_secret() -> str:
    return secret_of(secrets.token_bytes(SECRET_BYTES))


CRM = Side(
    role=Role.CRM,
    fields=(
        Field(
            name="url",
            label="Address of the receiver",
            kind=FieldKind.URL,
            is_required=True,
            help="Where events are posted. It must answer 2xx by itself: redirects are not followed.",
        ),
        Field(
            name="events",
            label="Events",
            help="Types, separated by commas; call.* is every type that begins so. Empty for all.",
            check=check_events,
        ),
        Field(
            name="region",
            label="Country of numbers without a country code",
            default="RU",
            help="Two letters, such as RU, KZ or DE.",
        ),
    ),
    keys=(Key(name=as_pbx.SECRET, label="Signing secret", make=make_secret, check=check_secret),),
    capabilities={
        Capability.RINGING: "call.ringing",
        Capability.ANSWERED: "call.answered",
        Capability.LOSERS: "call.leg_ended, with cancelled as its disposition",
        Capability.ENDED: "call.ended",
        Capability.HISTORY: "call.final",
        Capability.WAITING_TIME: "",
        Capability.RECORDING: "",
        Capability.LATE_RECORDING: "recording.ready",
        Capability.CUSTOM_FIELDS: "",
        Capability.TRANSFERS: "a leg each",
        Capability.CORRECTIONS: "call.corrected",
    },
    hears=as_pbx.hears,
    hears_for=as_pbx.hears_for,
    deliver=as_pbx.deliver,
    # A program of one's own, not a shared service: more than the rate for vendors.
    rate_per_second=100,
    at_once=16,
    probe=as_pbx.probe,
    is_probed_when_paused=False,  # it sends an event
)

# The first class that fits speaks, so narrow ones come first.
ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (TooLarge, 413, "too large"),
    (BadMessage, 400, "bad message"),
    (Refused, 401, "refused"),
    (NotFound, 404, "not found"),
    (Unsupported, 404, "not found"),
    (TooMany, 429, "too many requests"),
    (StoreDown, 503, "temporarily unavailable"),
)


def sorry(error: Exception) -> Reply:
    """Answer whoever posts to a connection that takes nothing."""
    status, text = next(
        ((status, text) for kind, status, text in ANSWERS if isinstance(error, kind)), (500, "internal error")
    )
    return reply_json(status, {"error": text})


CONNECTOR = Connector(key="webhook", title="Webhook", sides={Role.CRM: CRM}, sorry=sorry)
