"""The hub plays a PBX of this family: a CRM gets its webhooks. What the CRM asks goes to `api`."""

from collections.abc import Sequence
from datetime import UTC, datetime

from switchhook.connectors.voipcloud.pbx import probing, sending
from switchhook.connectors.voipcloud.pbx.posting import check_signing_secret
from switchhook.connectors.voipcloud.pbx.targets import ALL, check_events, check_own_urls
from switchhook.core.call import Call, Change
from switchhook.core.connector import Capability, Field, FieldKind, Finding, Hub, Link, Role, Side
from switchhook.core.outcome import Outcome


async def deliver(change: Change, call: Call, link: Link, hub: Hub) -> Outcome:
    """Tell the CRM of one change, by the event of this family that means it."""
    return await sending.deliver(change, call, link, hub, at=datetime.now(UTC))


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Try the addresses and the secret with a message that means nothing."""
    return await probing.probe(link, hub, at=datetime.now(UTC))


SIDE = Side(
    role=Role.CRM,
    fields=(
        Field(
            name="url",
            label="Address for the events",
            kind=FieldKind.URL,
            is_required=True,
            help="Where the CRM takes webhooks.",
        ),
        Field(
            name="token",
            label="Secret token",
            is_secret=True,
            is_required=True,
            help="Sent as X-Pbx-Token; the CRM compares it.",
        ),
        Field(
            name="events",
            label="Events",
            default=ALL,
            help="Names of events, separated by commas, or all.",
            check=check_events,
        ),
        Field(
            name="event_urls",
            label="Addresses of single events",
            help="As queue_call=https://…, separated by commas; the others go to the common address.",
            check=check_own_urls,
        ),
        Field(
            name="signing_secret",
            label="Signing secret",
            is_secret=True,
            help="whsec_… of Standard Webhooks; empty: not signed.",
            check=check_signing_secret,
        ),
        Field(
            name="region",
            label="Country of numbers without a country code",
            default="RU",
            help="Two letters, such as AU, NZ or GB. Numbers are told in international form.",
        ),
    ),
    hears=sending.hears,
    hears_for=sending.hears_for,
    merge=sending.merge,
    deliver=deliver,
    probe=probe,
    capabilities={
        Capability.RINGING: "",
        Capability.ANSWERED: "",
        Capability.LOSERS: "",
        Capability.ENDED: "answered or not: this family has no reasons",
        Capability.HISTORY: "by the end of each user's part, the group's summary and the API's histories",
        Capability.WAITING_TIME: "",
        Capability.RECORDING: "by an event of its own",
        Capability.LATE_RECORDING: "a missed call's recording is a voice message",
        Capability.DIAL: "by the API, with a key of the account; the call's id comes back",
        Capability.TRANSFERS: "a part for each user, under one call id",
    },
)
