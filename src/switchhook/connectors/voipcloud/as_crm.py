"""The hub plays a customer's system towards a PBX of this family: takes its events, reads its histories."""

from collections.abc import Sequence
from datetime import UTC, datetime

from switchhook.connectors.voipcloud.crm import receiving, sources, trying
from switchhook.connectors.voipcloud.crm.asking import VERSIONS
from switchhook.connectors.voipcloud.crm.dialling import BODIES, dial
from switchhook.connectors.voipcloud.crm.history import Histories
from switchhook.connectors.voipcloud.crm.parties import extensions_of
from switchhook.core.connector import Capability, Field, FieldKind, Finding, Hub, Key, Link, Role, Side
from switchhook.core.edge import Reply, Request


def utc_now() -> datetime:
    return datetime.now(UTC)


async def serve(request: Request, link: Link, hub: Hub) -> Reply:
    """Take events of the PBX, at whatever path below the connection's own."""
    return await receiving.receive(request, link, hub, now=utc_now)


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Try the PBX by a request that changes nothing."""
    return await trying.probe(link, hub, today=utc_now().date())


def extensions(link: Link) -> Sequence[str]:
    return extensions_of(link.settings)


SIDE = Side(
    role=Role.PBX,
    fields=(
        Field(
            name="url",
            label="Address of the PBX",
            kind=FieldKind.URL,
            is_required=True,
            help="The host that you sign in at, such as https://au.voipcloud.online",
        ),
        Field(
            name="token",
            label="API key",
            is_secret=True,
            is_required=True,
            help="From Integration/API, API. The address of this hub has to be listed there.",
        ),
        Field(name="version", label="Version of the API", default=VERSIONS[0], choices=VERSIONS),
        Field(
            name="region",
            label="Country of numbers without a country code",
            default="AU",
            help="Two letters, such as AU, NZ or GB.",
        ),
        Field(
            name="extensions",
            label="Extensions of this PBX",
            help="Separated by commas. With several PBXs it decides which of them is to dial.",
        ),
        Field(
            name="poll_every_seconds",
            label="Seconds between readings of the call history",
            kind=FieldKind.NUMBER,
            default="60",
            help="0: not at all. It is read at most 20 times in 15 minutes.",
        ),
        Field(
            name="poll_queues",
            label="Read the queues' history too",
            kind=FieldKind.SWITCH,
            default="false",
        ),
        Field(
            name="poll_ring_groups",
            label="Read the ring groups' history too",
            kind=FieldKind.SWITCH,
            default="false",
        ),
        Field(
            name="backfill_days",
            label="Days of history to read when connecting",
            kind=FieldKind.NUMBER,
            default="1",
        ),
        Field(
            name=sources.FIELD,
            label="Addresses that events may come from",
            help="Addresses or networks, separated by commas; empty: the secret token is enough.",
            check=sources.check_sources,
        ),
        Field(
            name="dial_body",
            label="Body of click to call",
            default=BODIES[0],
            choices=BODIES,
            help="If the PBX does not take JSON.",
        ),
        Field(
            name="caller_id",
            label="Number to show when calling out",
            help="Of click to call, when the click names no line; empty: the PBX decides.",
        ),
    ),
    keys=(Key(name=receiving.KEY, label="Secret token of the webhooks"),),
    urls={"webhooks": receiving.PATH},
    serve=serve,
    dial=dial,
    extensions=extensions,
    poll=Histories(utc_now).poll,
    probe=probe,
    capabilities={
        Capability.RINGING: "",
        Capability.ANSWERED: "",
        Capability.LOSERS: "",
        Capability.ENDED: "answered or not: this family has no reasons",
        Capability.HISTORY: "read from the PBX, also for the time when the hub was away",
        Capability.WAITING_TIME: "",
        Capability.RECORDING: "an event names a link, which may need a login at the PBX",
        Capability.LATE_RECORDING: "",
        Capability.DIAL: "the call's id comes back, when the PBX tells it",
        Capability.TRANSFERS: "a part for each user, under one call id",
        Capability.CORRECTIONS: "the history's row of a user is the authority",
    },
)
